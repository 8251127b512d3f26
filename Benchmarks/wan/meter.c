// What a receiver gets, as its user would measure it.
//
//   meter pipe SECONDS           reads standard input to nowhere
//   meter file PATTERN SECONDS   watches how much of a growing file is there (blocks on disk; sparse files are counted right)
//
// Prints one line: bytes in the SECONDS that begin with the first byte, the same without the first 5 s, when the first byte
// came (seconds after meter's start), and the longest time without a new byte. `file` sees a program's writes, not its
// arrivals: its gaps and first byte are as coarse as those.
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double start_up = 5;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct count {
  double began, first, last, gap, seconds;
  uint64_t bytes, early;
};

// False when the time is over.
static int add(struct count *c, uint64_t more, double time) {
  if (more > 0) {
    if (c->bytes == 0) c->first = c->last = time;
    if (time - c->last > c->gap) c->gap = time - c->last;
    c->last = time;
    if (c->seconds > 0 && time - c->first > c->seconds) return 0;
    c->bytes += more;
    if (time - c->first <= start_up) c->early = c->bytes;
  }
  return !(c->bytes > 0 && time - c->first > c->seconds);
}

static void print(const struct count *c) {
  printf("bytes=%llu seconds=%.3f late_bytes=%llu first=%.3f gap=%.3f\n", (unsigned long long)c->bytes, c->seconds,
         (unsigned long long)(c->bytes - c->early), c->bytes > 0 ? c->first - c->began : -1, c->gap);
}

static uint64_t stored(const char *pattern) {
  glob_t found;
  uint64_t sum = 0;
  if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; i++) {
      struct stat info;
      if (stat(found.gl_pathv[i], &info) == 0) sum += (uint64_t)info.st_blocks * 512;
    }
  }
  globfree(&found);
  return sum;
}

int main(int count, char **arguments) {
  struct count c = {.began = now()};
  if (count == 3 && strcmp(arguments[1], "pipe") == 0) {
    static char bytes[1 << 16];
    c.seconds = atof(arguments[2]);
    ssize_t got;
    while ((got = read(0, bytes, sizeof bytes)) > 0 && add(&c, (uint64_t)got, now())) continue;
  } else if (count == 4 && strcmp(arguments[1], "file") == 0) {
    c.seconds = atof(arguments[3]);
    uint64_t had = stored(arguments[2]);
    while (now() - c.began < c.seconds + 30) {
      uint64_t has = stored(arguments[2]);
      int goes_on = add(&c, has > had ? has - had : 0, now());
      had = has > had ? has : had;
      if (!goes_on) break;
      usleep(5000);
    }
  } else {
    fprintf(stderr, "usage: meter pipe SECONDS | meter file PATTERN SECONDS\n");
    return 2;
  }
  print(&c);
  return c.bytes > 0 ? 0 : 1;
}
