// For a program that measures itself: counts what asks for memory, stands in for the clock, and reads the processor's.
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H
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

// What CLOCK_MONOTONIC says from now on, in nanoseconds; 0: the time. The system's clock is asked all the same, for its cost.
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
#endif
