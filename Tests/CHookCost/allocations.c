#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "CHookCost.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

static volatile uint64_t allocations;
static volatile int64_t clock_stand_in;

uint64_t allocation_count(void) { return allocations; }
void set_clock(int64_t nanoseconds) { clock_stand_in = nanoseconds; }

#ifdef HAS_SANITIZER
int allocations_are_counted(void) { return 0; }
#else
int allocations_are_counted(void) { return 1; }

// In place of the C library's, for the whole program and the libraries it loads.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static void count(void) { __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED); }

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}
void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}
void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void **place, size_t alignment, size_t size) {
  count();
  void *found = __libc_memalign(alignment, size);
  if (!found) return ENOMEM;
  *place = found;
  return 0;
}
#endif

typedef int (*clock_function)(clockid_t, struct timespec *);
typedef int (*day_function)(struct timeval *, void *);

static clock_function system_clock(void) {
  static clock_function found;
  if (!found) found = (clock_function)dlsym(RTLD_NEXT, "clock_gettime");
  return found;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = system_clock()(clock, now);
  if (clock == CLOCK_MONOTONIC && clock_stand_in != 0) {
    now->tv_sec = clock_stand_in / 1000000000;
    now->tv_nsec = clock_stand_in % 1000000000;
  }
  return result;
}

// libudt's own law asks this one.
int gettimeofday(struct timeval *now, void *zone) {
  static day_function found;
  if (!found) found = (day_function)dlsym(RTLD_NEXT, "gettimeofday");
  int result = found(now, zone);
  if (clock_stand_in != 0) {
    now->tv_sec = clock_stand_in / 1000000000;
    now->tv_usec = clock_stand_in % 1000000000 / 1000;
  }
  return result;
}

int64_t real_nanoseconds(void) {
  struct timespec now;
  system_clock()(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

long interruptions(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}
