// What a receiver has got, read off the packets of the path: the bytes that its kernel or its UDT could hand on in order. The same
// question for every program, whatever it does with the bytes: one writes each block as it comes, another a megabyte at a time.
//
// TCP: how far the receiver's acknowledgements have come, where they leave its end. UDT: how far the data packets that arrived are
// without a gap. The clock begins with the first large packet of data that arrives.
#ifndef COUNTING_H
#define COUNTING_H
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int64_t nanoseconds;

enum {
  FLOWS = 4096,
  SPAN = 1 << 18,          // UDT packets from the first missing one to the newest
  LARGE = 1000,            // bytes of payload: no head of an answer, no handshake
  BINS = 1200,             // of a tenth of a second, for the trace
  WAITS = 4096,            // buckets of the histograms of waits in the buffer, a quarter of a millisecond each
  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17,
};

#define START_UP (5 * 1000000000LL)
#define BIN 100000000LL

struct flow {
  bool udp, has_begun;
  uint16_t near_port, far_port;
  uint32_t socket;         // UDT's, at the far end; 0 for TCP
  uint32_t base, next;     // TCP: the first byte's number, the next one that is waited for; UDT: packets
  uint16_t *lengths;       // UDT: of the packets that are there already, 0: not
  uint64_t bytes;          // in order
};

// One phase: the first 5 s, and what follows.
struct phase {
  uint64_t overflows, waits[WAITS];
};

struct bin {
  uint32_t bytes, overflows, vanished, wait_us;
};

struct counting {
  nanoseconds window;      // that the figures are for, from the first large packet on
  nanoseconds first, last; // the first large packet; the latest progress
  nanoseconds gap, gap_at;
  uint64_t bytes, early, repeated;
  uint64_t all;            // after the window too
  bool is_over;
  struct phase phases[2];
  struct bin bins[BINS];
  struct flow *flows;
  int count, latest;
};

static inline uint16_t two(const unsigned char *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t four(const unsigned char *p) { return (uint32_t)two(p) << 16 | two(p + 2); }

struct view {
  bool good, udp;
  uint16_t source, destination;
  const unsigned char *transport, *payload;
  int length;              // of the payload
};

static inline struct view look(const unsigned char *p, size_t length) {
  struct view v = {0};
  if (length < 40 || p[0] >> 4 != 4) return v;
  size_t head = (size_t)(p[0] & 15) * 4, total = two(p + 2);
  if (total > length || (two(p + 6) & 0x1FFF) != 0) return v;
  const unsigned char *t = p + head;
  if (p[9] == PROTOCOL_UDP && total >= head + 8) {
    v.udp = true;
    v.payload = t + 8;
  } else if (p[9] == PROTOCOL_TCP && total >= head + 20) {
    v.payload = t + (t[12] >> 4) * 4;
  } else {
    return v;
  }
  v.transport = t;
  v.source = two(t);
  v.destination = two(t + 2);
  v.length = (int)(p + total - v.payload);
  v.good = v.length >= 0;
  return v;
}

static inline struct flow *flow_of(struct counting *c, bool udp, uint16_t near_port, uint16_t far_port, uint32_t socket) {
  struct flow *f = &c->flows[c->latest];
#define IS_IT (f->udp == udp && f->near_port == near_port && f->far_port == far_port && f->socket == socket)
  if (c->count > 0 && IS_IT) return f;
  for (int i = 0; i < c->count; i++) {
    f = &c->flows[i];
    if (IS_IT) {
      c->latest = i;
      return f;
    }
  }
#undef IS_IT
  if (c->count == FLOWS) return NULL;
  c->latest = c->count++;
  f = &c->flows[c->latest];
  *f = (struct flow){.udp = udp, .near_port = near_port, .far_port = far_port, .socket = socket};
  return f;
}

static inline struct bin *bin_of(struct counting *c, nanoseconds time) {
  if (c->first == 0 || c->is_over) return NULL;
  int64_t index = (time - c->first) / BIN;
  return index >= 0 && index < BINS ? &c->bins[index] : NULL;
}

static inline int phase_of(const struct counting *c, nanoseconds time) { return c->first > 0 && time - c->first > START_UP; }

static inline void check_over(struct counting *c, nanoseconds time) {
  if (c->first == 0 || c->is_over || time - c->first <= c->window) return;
  nanoseconds end = c->first + c->window;
  if (end - c->last > c->gap) {
    c->gap = end - c->last;
    c->gap_at = c->last - c->first;
  }
  c->is_over = true;
}

static inline void progress(struct counting *c, struct flow *f, uint64_t bytes, nanoseconds time) {
  check_over(c, time);
  c->all += bytes;
  if (bytes == 0 || c->is_over) return;
  f->bytes += bytes;
  if (c->first == 0) return; // nothing but heads so far
  c->bytes += bytes;
  if (time - c->first <= START_UP) c->early = c->bytes;
  struct bin *bin = bin_of(c, time);
  if (bin) bin->bytes += (uint32_t)bytes;
  if (time - c->last > c->gap) {
    c->gap = time - c->last;
    c->gap_at = c->last - c->first;
  }
  c->last = time;
}

static inline void begin(struct counting *c, nanoseconds time) {
  if (c->first == 0) c->first = c->last = time;
}

// A packet enters the path at the near end: of UDT, the first data packet tells where the numbers begin.
static inline void counting_sent(struct counting *c, const unsigned char *bytes, size_t length) {
  struct view v = look(bytes, length);
  if (!v.good || !v.udp || v.length < 16 || v.payload[0] & 0x80) return;
  struct flow *f = flow_of(c, true, v.source, v.destination, four(v.payload + 12));
  if (!f || f->has_begun) return;
  f->lengths = calloc(SPAN, sizeof *f->lengths);
  if (!f->lengths) return;
  f->base = f->next = four(v.payload) & 0x7FFFFFFF;
  f->has_begun = true;
}

// A packet leaves the path at the far end.
static inline void counting_arrived(struct counting *c, const unsigned char *bytes, size_t length, nanoseconds time) {
  struct view v = look(bytes, length);
  if (!v.good) return;
  if (!v.udp) {
    struct flow *f = flow_of(c, false, v.source, v.destination, 0);
    if (!f) return;
    if (v.transport[13] & 2) { // SYN
      f->base = f->next = four(v.transport + 4) + 1;
      f->has_begun = true;
    }
    if (v.length >= LARGE) begin(c, time);
    return;
  }
  if (v.length < 16 || v.payload[0] & 0x80) return;
  struct flow *f = flow_of(c, true, v.source, v.destination, four(v.payload + 12));
  if (!f || !f->has_begun) return;
  if (v.length - 16 >= LARGE) begin(c, time);
  // Numbers have 31 bits.
  uint32_t ahead = ((four(v.payload) & 0x7FFFFFFF) - f->next) & 0x7FFFFFFF;
  if (ahead >= SPAN || f->lengths[(f->next + ahead) % SPAN] != 0) {
    c->repeated++;
    return;
  }
  f->lengths[(f->next + ahead) % SPAN] = (uint16_t)(v.length - 16);
  uint64_t more = 0;
  for (uint16_t *here; *(here = &f->lengths[f->next % SPAN]) != 0; f->next = (f->next + 1) & 0x7FFFFFFF) {
    more += *here;
    *here = 0;
  }
  progress(c, f, more, time);
}

// A packet enters the path at the far end: an acknowledgement of TCP's?
static inline void counting_answered(struct counting *c, const unsigned char *bytes, size_t length, nanoseconds time) {
  struct view v = look(bytes, length);
  if (!v.good || v.udp || !(v.transport[13] & 16)) return;
  struct flow *f = flow_of(c, false, v.destination, v.source, 0);
  if (!f || !f->has_begun) return;
  uint32_t ahead = four(v.transport + 8) - f->next;
  if (ahead == 0 || ahead >= 1u << 31) return;
  f->next += ahead;
  progress(c, f, ahead, time);
}

// At the bottleneck on the way there.
static inline void counting_waited(struct counting *c, nanoseconds wait, nanoseconds time) {
  if (c->is_over) return;
  nanoseconds bucket = wait / 250000;
  c->phases[phase_of(c, time)].waits[bucket < WAITS ? bucket : WAITS - 1]++;
  struct bin *bin = bin_of(c, time);
  if (bin && wait / 1000 > bin->wait_us) bin->wait_us = (uint32_t)(wait / 1000);
}

static inline void counting_dropped(struct counting *c, bool is_overflow, nanoseconds time) {
  if (c->is_over) return;
  if (is_overflow) c->phases[phase_of(c, time)].overflows++;
  struct bin *bin = bin_of(c, time);
  if (bin && is_overflow) bin->overflows++;
  if (bin && !is_overflow) bin->vanished++;
}

// The wait that half of the packets did not exceed, in ms.
static double median_wait(const uint64_t *waits) {
  uint64_t all = 0, seen = 0;
  for (int i = 0; i < WAITS; i++) all += waits[i];
  for (int i = 0; i < WAITS; i++) {
    seen += waits[i];
    if (all > 0 && seen * 2 >= all) return i * 0.25;
  }
  return 0;
}

static void counting_report(struct counting *c, FILE *file, nanoseconds time) {
  check_over(c, time);
  fprintf(file, "receiver over=%d first=%.6f bytes=%llu late_bytes=%llu gap=%.4f gap_at=%.2f all_bytes=%llu repeated=%llu early_overflows=%llu "
          "late_overflows=%llu early_wait_ms=%.2f late_wait_ms=%.2f\n",
          c->is_over, (double)c->first / 1e9, (unsigned long long)c->bytes, (unsigned long long)(c->bytes - c->early),
          (double)c->gap / 1e9, (double)c->gap_at / 1e9, (unsigned long long)c->all, (unsigned long long)c->repeated, (unsigned long long)c->phases[0].overflows,
          (unsigned long long)c->phases[1].overflows, median_wait(c->phases[0].waits), median_wait(c->phases[1].waits));
  for (int i = 0; i < c->count; i++) {
    const struct flow *f = &c->flows[i];
    if (f->bytes > 100000)
      fprintf(file, "flow %s near=%u far=%u bytes=%llu\n", f->udp ? "udt" : "tcp", f->near_port, f->far_port, (unsigned long long)f->bytes);
  }
}

// A line for each tenth of a second: seconds, Mbit/s in order, longest wait in ms, overflows, vanished.
static void counting_trace(const struct counting *c, const char *path) {
  FILE *file = fopen(path, "w");
  if (!file) return;
  for (int i = 0; i < BINS && (nanoseconds)i * BIN < c->window; i++) {
    const struct bin *b = &c->bins[i];
    fprintf(file, "%.1f %.1f %.1f %u %u\n", i / 10.0, b->bytes * 8 / (BIN / 1e9) / 1e6, b->wait_us / 1e3, b->overflows, b->vanished);
  }
  fclose(file);
}
#endif
