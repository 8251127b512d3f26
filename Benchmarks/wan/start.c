// Notes when a program starts:   start FILE PROGRAM ARGUMENT...
//
// The clock is the link's, CLOCK_MONOTONIC in seconds, and the same in all namespaces. The process is the program's own.
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: start FILE PROGRAM ARGUMENT...\n");
    return 2;
  }
  FILE *file = fopen(arguments[1], "w");
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  if (!file || fprintf(file, "%lld.%09ld\n", (long long)t.tv_sec, t.tv_nsec) < 0 || fclose(file) != 0) {
    perror(arguments[1]);
    return 1;
  }
  execvp(arguments[2], arguments + 2);
  perror(arguments[2]);
  return 127;
}
