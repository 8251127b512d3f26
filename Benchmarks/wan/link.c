// A wide-area path in user space: two TUN devices, each in a network namespace of its own, and between them a bottleneck
// with a buffer, a distance and losses. For kernels without netem; kernel TCP and UDP programs cross it unchanged.
//
//   link NEAR FAR key=value...
//
// NEAR and FAR are names of existing namespaces; each gets a device `path0`, to which the caller gives an address.
// Keys, for both directions unless said otherwise:
//   rate=200        Mbit/s of the bottleneck, whole IP packets counted
//   rtt=100         ms there and back without queueing
//   buffer=100      ms of the bottleneck's buffer at its rate; what does not fit is dropped at the tail (default: rtt)
//   loss=1          per cent of the packets from NEAR to FAR that vanish, besides full buffers
//   back=0.5        the same from FAR to NEAR
//   burst=10        packets that vanish together; the mean stays
//   jitter=5        ms: each packet's distance grows by 0 to that much, order kept
//   seed=1          of the losses and the jitter
//   window=20       seconds for which it is counted what FAR gets, from the first large packet of data on (counting.h)
//   report=FILE     counters, several times a second and at the end (SIGTERM): lines of key=value for each direction and the receiver
//   trace=FILE      at the end: what FAR got in each tenth of a second
//   log=FILE        from the first packet on, at most 200,000 lines: when each one entered and left, and what it is (tracepoints of a start)
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "counting.h"

enum {
  PLACES = 1 << 17,   // packets on their way in one direction: 1 Gbit/s for more than a second
  LONGEST = 2048,     // bytes of a packet; larger devices are not offered
  BATCH = 64,         // packets taken before the clock is read for deliveries again
  LOGGED = 200000,
  TURN = 100000,      // ns between two looks at the devices while packets come: as much may a packet be late
  BUSY = 20000000,    // ns after the last packet for which more are expected
};

struct packet {
  nanoseconds due;
  uint16_t length;
  unsigned char bytes[LONGEST - 16];
};

struct direction {
  const char *name;
  int from, to;
  double nanoseconds_per_byte, loss;
  nanoseconds distance, buffer, jitter;
  int burst;
  uint64_t random;

  nanoseconds free_at;    // when the bottleneck has sent everything it holds
  nanoseconds latest_due;
  int vanishing;          // packets of the running burst still to vanish
  struct packet *places;  // a ring, from `first` to `last`
  uint32_t first, last;

  uint64_t delivered, bytes, overflows, vanished, squeezed;
  struct counting *counting; // the other end's, when that receives; else nil
  struct counting *answered; // the same, when this is the way back
  nanoseconds latest;     // the longest that this program itself came too late
};

static volatile sig_atomic_t ending;
static void end(int number) { (void)number; ending = 1; }

static nanoseconds now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
  exit(1);
}

// splitmix64, as a number in 0 ..< 1.
static double draw(struct direction *d) {
  uint64_t z = d->random += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static bool vanishes(struct direction *d) {
  if (d->vanishing > 0) {
    d->vanishing--;
    return true;
  }
  if (d->loss <= 0 || draw(d) >= d->loss / d->burst) return false;
  d->vanishing = d->burst - 1;
  return true;
}

static FILE *packet_log;
static int logged;

static void log_packet(const struct direction *d, const char *what, const unsigned char *bytes, size_t length, nanoseconds time) {
  if (!packet_log || logged >= LOGGED) return;
  logged++;
  struct view v = look(bytes, length);
  char kind[64] = "";
  if (v.good && v.udp && v.length >= 16) {
    uint32_t word = four(v.payload);
    if (word >> 31) snprintf(kind, sizeof kind, "udt control %u/%u", word >> 16 & 0x7FFF, word & 0xFFFF);
    else snprintf(kind, sizeof kind, "udt data %u", word);
  } else if (v.good && !v.udp) {
    snprintf(kind, sizeof kind, "tcp flags %02x", v.transport[13]);
  }
  fprintf(packet_log, "%.6f %s %s %u-%u %d %s\n", (double)time / 1e9, d->name, what, v.source, v.destination, v.length, kind);
}

// One packet into the bottleneck. The order matters: a packet that vanishes behind the bottleneck has used its rate.
static void admit(struct direction *d, const unsigned char *bytes, size_t length, nanoseconds time) {
  if (d->free_at < time) d->free_at = time;
  nanoseconds wait = d->free_at - time;
  log_packet(d, "in", bytes, length, time);
  if (d->counting) counting_sent(d->counting, bytes, length);
  if (d->answered) counting_answered(d->answered, bytes, length, time);
  if (wait > d->buffer) {
    d->overflows++;
    if (d->counting) counting_dropped(d->counting, true, time);
    return;
  }
  if (d->counting) counting_waited(d->counting, wait, time);
  d->free_at += (nanoseconds)((double)length * d->nanoseconds_per_byte);
  if (vanishes(d)) {
    d->vanished++;
    if (d->counting) counting_dropped(d->counting, false, time);
    return;
  }
  if (d->last - d->first == PLACES) {
    d->squeezed++;
    return;
  }
  struct packet *p = &d->places[d->last++ % PLACES];
  memcpy(p->bytes, bytes, length);
  p->length = (uint16_t)length;
  p->due = d->free_at + d->distance;
  if (d->jitter > 0) p->due += (nanoseconds)(draw(d) * (double)d->jitter);
  if (p->due < d->latest_due) p->due = d->latest_due;
  d->latest_due = p->due;
}

// Takes what waits at the device, a batch at most. How many packets there were.
static int take(struct direction *d) {
  unsigned char bytes[LONGEST];
  int count = 0;
  for (; count < BATCH; count++) {
    ssize_t length = read(d->from, bytes, sizeof bytes);
    if (length <= 0) break;
    if ((size_t)length <= sizeof d->places->bytes) admit(d, bytes, (size_t)length, now());
  }
  return count;
}

// Hands over what is due. Answers when the next packet is; far in the future without one.
static nanoseconds deliver(struct direction *d) {
  while (d->first != d->last) {
    struct packet *p = &d->places[d->first % PLACES];
    nanoseconds late = now() - p->due;
    if (late < 0) return p->due;
    if (write(d->to, p->bytes, p->length) < 0 && errno == EAGAIN) return p->due + late + 50000;
    log_packet(d, "out", p->bytes, p->length, p->due + late);
    if (d->counting) counting_arrived(d->counting, p->bytes, p->length, p->due + late);
    if (late > d->latest) d->latest = late;
    d->delivered++;
    d->bytes += p->length;
    d->first++;
  }
  return INT64_MAX;
}

static void report(const char *path, const struct direction *both) {
  // Never half a report for a reader: under its name when it is whole.
  char fresh[300];
  snprintf(fresh, sizeof fresh, "%s.new", path);
  FILE *file = fopen(fresh, "w");
  if (!file) return;
  for (int i = 0; i < 2; i++) {
    const struct direction *d = &both[i];
    fprintf(file, "direction=%s delivered=%llu bytes=%llu overflows=%llu vanished=%llu squeezed=%llu late_ms=%.2f\n",
            d->name, (unsigned long long)d->delivered, (unsigned long long)d->bytes,
            (unsigned long long)d->overflows, (unsigned long long)d->vanished, (unsigned long long)d->squeezed,
            (double)d->latest / 1e6);
  }
  counting_report(both[0].counting, file, now());
  fclose(file);
  rename(fresh, path);
}

static int open_device(const char *space) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", space);
  int handle = open(path, O_RDONLY | O_CLOEXEC);
  if (handle < 0 || setns(handle, CLONE_NEWNET) != 0) fail(path);
  close(handle);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(request.ifr_name, "path0");
  if (ioctl(device, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
  return device;
}

struct setting {
  const char *key;
  double value;
};

static double get(const struct setting *settings, const char *key) {
  for (; settings->key; settings++)
    if (strcmp(settings->key, key) == 0) return settings->value;
  return -1;
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: link NEAR FAR key=value...   (the keys are described in link.c)\n");
    return 2;
  }
  struct setting settings[] = {{"rate", 200}, {"rtt", 100}, {"buffer", -1}, {"loss", 0}, {"back", 0},
                               {"burst", 1},  {"jitter", 0}, {"seed", 1},   {"window", 20}, {NULL, 0}};
  const char *path = NULL, *trace = NULL;
  for (int i = 3; i < count; i++) {
    char *equals = strchr(arguments[i], '=');
    struct setting *s = settings;
    if (equals) *equals = 0;
    if (equals && strcmp(arguments[i], "report") == 0) {
      path = equals + 1;
      continue;
    }
    if (equals && strcmp(arguments[i], "trace") == 0) {
      trace = equals + 1;
      continue;
    }
    if (equals && strcmp(arguments[i], "log") == 0) {
      packet_log = fopen(equals + 1, "w");
      continue;
    }
    while (s->key && strcmp(s->key, arguments[i]) != 0) s++;
    char *rest = NULL;
    if (!equals || !s->key || (s->value = strtod(equals + 1, &rest), *rest || s->value < 0)) {
      fprintf(stderr, "link: '%s' is no setting of the link\n", arguments[i]);
      return 2;
    }
  }
  if (get(settings, "rate") <= 0 || get(settings, "burst") < 1) {
    fprintf(stderr, "link: rate must be above 0 and burst at least 1\n");
    return 2;
  }
  double rtt = get(settings, "rtt"), buffer = get(settings, "buffer");

  int near = open_device(arguments[1]), far = open_device(arguments[2]);
  struct direction both[2] = {{.name = "there", .from = near, .to = far, .loss = get(settings, "loss") / 100},
                              {.name = "back", .from = far, .to = near, .loss = get(settings, "back") / 100}};
  for (int i = 0; i < 2; i++) {
    struct direction *d = &both[i];
    d->nanoseconds_per_byte = 8000 / get(settings, "rate");
    d->distance = (nanoseconds)(rtt * 5e5);
    d->buffer = (nanoseconds)((buffer < 0 ? rtt : buffer) * 1e6);
    d->jitter = (nanoseconds)(get(settings, "jitter") * 1e6);
    d->burst = (int)get(settings, "burst");
    d->random = (uint64_t)get(settings, "seed") * 2 + (uint64_t)i;
    d->places = mmap(NULL, sizeof(struct packet) * PLACES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (d->places == MAP_FAILED) fail("memory");
  }

  struct counting *counting = calloc(1, sizeof *counting);
  if (!counting || !(counting->flows = calloc(FLOWS, sizeof *counting->flows))) fail("memory");
  counting->window = (nanoseconds)(get(settings, "window") * 1e9);
  both[0].counting = both[1].answered = counting;

  signal(SIGTERM, end);
  signal(SIGINT, end);
  prctl(PR_SET_TIMERSLACK, 1);
  // A late emulator would be measured as a slow path. Without the right to it, it goes on as it is: `late_ms` tells.
  struct sched_param priority = {.sched_priority = 10};
  sched_setscheduler(0, SCHED_RR, &priority);

  nanoseconds next_report = now(), latest_packet = 0;
  while (!ending) {
    int there = take(&both[0]), back = take(&both[1]);
    nanoseconds due = deliver(&both[0]), other = deliver(&both[1]);
    if (other < due) due = other;
    nanoseconds time = now();
    if (path && time >= next_report) {
      report(path, both);
      next_report = time + 200000000;
    }
    if (there || back) latest_packet = time;
    if (there == BATCH || back == BATCH) continue;
    if (time - latest_packet < BUSY || due - time < BUSY) {
      // Turns instead of a wake-up for each packet, which would take most of a processor from those who are measured.
      struct timespec turn = {0, TURN};
      nanosleep(&turn, NULL);
      continue;
    }
    nanoseconds pause = due == INT64_MAX ? 100000000 : due - time;
    if (pause > 100000000) pause = 100000000;
    if (pause <= 0) continue;
    struct timespec t = {pause / 1000000000, pause % 1000000000};
    struct pollfd devices[2] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
    ppoll(devices, 2, &t, NULL);
  }
  if (path) report(path, both);
  if (trace) counting_trace(counting, trace);
  if (packet_log) fclose(packet_log);
  return 0;
}
