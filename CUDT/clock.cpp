// libudt's clock, without the tenth of a second.
//
// Before main runs, libudt sleeps 100 ms and takes the processor's ticks in that time for those of exactly 100 ms. It costs every
// program that is linked with it that time, an embedded relay's first byte among them; and where the sleep takes longer, as on a
// busy machine, every one of libudt's intervals is too long by as much. Here that one sleep ends at once, and the ticks are
// counted against the system's clock, from then to the first start of the library.
#include <errno.h>
#include <time.h>
#include <udt/common.h>

#include <atomic>

#include "connection.h"

namespace {

// As in inside.h, for members of a class and not of its objects.
template <typename Tag, typename Tag::type Member> struct Reveal {
  friend typename Tag::type reveal(Tag) { return Member; }
};
struct frequency_tag {
  typedef uint64_t *type;
  friend type reveal(frequency_tag);
};
template struct Reveal<frequency_tag, &CTimer::s_ullCPUFrequency>;
struct microseconds_tag {
  typedef bool *type;
  friend type reveal(microseconds_tag);
};
template struct Reveal<microseconds_tag, &CTimer::m_bUseMicroSecond>;

#if defined(__x86_64__)
const bool has_ticks = true;
uint64_t ticks() {
  uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return uint64_t(high) << 32 | low;
}
#else
// libudt counts microseconds there, and sleeps no 100 ms.
const bool has_ticks = false;
uint64_t ticks() { return 0; }
#endif

struct Moment {
  uint64_t ticks;
  int64_t nanoseconds;
};

// Both clocks at one time: of some tries the one that took least, since the thread may lose its processor in between.
Moment moment() {
  Moment best = {};
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < 8; i++) {
    timespec t;
    uint64_t before = ticks();
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t after = ticks();
    if (after - before >= least) continue;
    least = after - before;
    best = {before + least / 2, t.tv_sec * 1000000000LL + t.tv_nsec};
  }
  return best;
}

// Of the sleep that was left out; zero: there was none (another build of libudt, or another processor), or it was made use of.
Moment began;
int left_out = 0;

// Nanoseconds from `began` that make the ticks of a microsecond exact to a thousandth.
const int64_t shortest = 2000000;

}  // namespace

// In place of the C library's, for the whole program; the same but for libudt's one call before main.
extern "C" int nanosleep(const timespec *time, timespec *rest) {
  static std::atomic<bool> is_first(true);
  if (has_ticks && is_first.exchange(false) && time->tv_sec == 0 && time->tv_nsec == 100000000) {
    began = moment();
    left_out++;
    return 0;
  }
  int error = clock_nanosleep(CLOCK_REALTIME, 0, time, rest);
  if (error == 0) return 0;
  errno = error;
  return -1;
}

void parcel_udt_set_clock(void) {
  if (began.nanoseconds == 0) return;
  Moment now = moment();
  int64_t passed = now.nanoseconds - began.nanoseconds;
  if (passed < shortest) {
    timespec left = {0, long(shortest - passed)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &left, nullptr);
    now = moment();
    passed = now.nanoseconds - began.nanoseconds;
  }
  uint64_t perMicrosecond = ((now.ticks - began.ticks) * 1000 + uint64_t(passed) / 2) / uint64_t(passed);
  began = {};
  if (perMicrosecond < 10) return;  // as libudt sees it: too coarse, it counts microseconds
  *reveal(frequency_tag()) = perMicrosecond;
  *reveal(microseconds_tag()) = false;
}

int parcel_udt_naps_left_out(void) { return left_out; }

int64_t parcel_udt_clock(void) { return int64_t(CTimer::getTime()); }
