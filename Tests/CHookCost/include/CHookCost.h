// For a program that measures itself: counts what asks for memory, stands in for the clock, reads the processor's, and has libudt's own law.
#ifndef CHOOKCOST_H
#define CHOOKCOST_H
#include <stdint.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <time.h>
#endif

// Whether malloc and its relatives are counted: not where a sanitizer has put its own in their place.
int allocations_are_counted(void);
// Calls of malloc, calloc, realloc, aligned_alloc, posix_memalign and memalign so far, by the whole process.
uint64_t allocation_count(void);

// What CLOCK_MONOTONIC and gettimeofday say from now on, in nanoseconds; 0: the time. The system's clock is asked all the same, for its cost.
void set_clock(int64_t nanoseconds);

// Of no particular unit and origin.
static inline uint64_t processor_ticks(void) {
#if defined(__x86_64__)
  unsigned ignored;
  return __rdtscp(&ignored);
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

// The system's CLOCK_MONOTONIC, whatever stands in for it.
int64_t real_nanoseconds(void);

// How often this thread lost its processor to another one.
long interruptions(void);

#ifdef __cplusplus
extern "C" {
#endif

// Congestion control as libudt has it, beside no connection.
typedef struct stock_law stock_law;
// `window`: most packets on their way.
stock_law *stock_law_make(int32_t first, int window);
void stock_law_release(stock_law *law);
// What libudt tells it before an event: the newest packet sent; packets per second that arrive and that the path carries; microseconds.
void stock_law_measured(stock_law *law, int32_t newest, int receive_rate, int capacity, int round_trip);
void stock_law_acknowledged(stock_law *law, int32_t sequence);
void stock_law_lost(stock_law *law, const int32_t *words, int count);
// Microseconds between two packets, and packets on their way.
void stock_law_pace(const stock_law *law, double *period, double *window);

#ifdef __cplusplus
}
#endif
#endif
