// A stand-in for parcel-tcp2udt --listen-fd 3 --control-fd 4: carries each connection to 127.0.0.1:PORT over TCP. HOST says how
// it behaves, words separated by commas:
//   crash=N     dies of SIGSEGV after N bytes towards the client, in the first program that sees the file of `once`
//   once=FILE   crash only when FILE is there, and remove it first
//   mute        never ready
//   exit        ends at once with status 7
//   refuse      every connection is refused, nobody answered; refuse=WORDS: refused for that reason
//   cut=N       reports a broken connection after N bytes and closes it
//   inspect     refuses connections, with what it was given as the reason: descriptors, environment, signals, group
//   fifo=FILE   holds FILE open for writing as long as it lives, and writes its process id there
//   garbage     writes lines that are no reports before the first
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char host[1024];
static int port;
static long crash_after = -1, cut_after = -1;
static const char *crash_file;
static int refuses, inspects;
static char reason[512] = "nobody answered";

static void say(const char *line) {
  if (send(4, line, strlen(line), MSG_NOSIGNAL) < 0) _exit(0);
}

static int open_upstream(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(up, (struct sockaddr *)&address, sizeof address) != 0) {
    close(up);
    return -1;
  }
  return up;
}

static int send_all(int to, const char *bytes, ssize_t count) {
  while (count > 0) {
    ssize_t sent = send(to, bytes, count, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    bytes += sent;
    count -= sent;
  }
  return 0;
}

static void check_faults(long total) {
  if (crash_after >= 0 && total >= crash_after && (!crash_file || unlink(crash_file) == 0)) {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
}

static void *carry(void *argument) {
  int client = (int)(long)argument, up = open_upstream();
  char *buffer = malloc(64 << 10);
  long total = 0;
  struct pollfd pollers[2] = {{client, POLLIN, 0}, {up, POLLIN, 0}};
  while (up >= 0) {
    poll(pollers, 2, -1);
    if (pollers[0].revents) {
      ssize_t count = recv(client, buffer, 64 << 10, 0);
      if (count <= 0 || send_all(up, buffer, count) != 0) break;
    }
    if (pollers[1].revents) {
      ssize_t count = recv(up, buffer, 16 << 10, 0);
      if (count <= 0 || send_all(client, buffer, count) != 0) break;
      total += count;
      check_faults(total);
      if (cut_after >= 0 && total >= cut_after) {
        say("{\"type\":\"broken\",\"reason\":\"no answer for 15 s\"}\n");
        break;
      }
    }
  }
  free(buffer);
  if (up >= 0) close(up);
  close(client);
  return NULL;
}

// Descriptors that are open, whether SECRET came along, blocked signals, ignored ones, own process group.
static void inspect(void) {
  char *out = reason;
  out += sprintf(out, "fds");
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) out += sprintf(out, " %d", fd);
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  int blocked = 0, ignored = 0;
  for (int number = 1; number < 32; number++) {
    struct sigaction action;
    blocked += sigismember(&set, number) == 1;
    ignored += sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
  }
  sprintf(out, "; secret %d; blocked %d; ignored %d; own group %d", getenv("SECRET") != NULL, blocked, ignored,
          getpgrp() == getpid());
}

static void read_behaviour(void) {
  char *rest = host, *word;
  while ((word = strsep(&rest, ","))) {
    char *value = strchr(word, '=');
    if (value) *value++ = 0;
    if (!strcmp(word, "crash")) crash_after = atol(value);
    if (!strcmp(word, "once")) crash_file = value;
    if (!strcmp(word, "cut")) cut_after = atol(value);
    if (!strcmp(word, "mute")) for (;;) pause();
    if (!strcmp(word, "exit")) exit(7);
    if (!strcmp(word, "inspect")) inspects = 1;
    if (!strcmp(word, "refuse")) {
      refuses = value ? 1 : 2;
      if (value) snprintf(reason, sizeof reason, "%s", value);
    }
    if (!strcmp(word, "fifo")) {
      int fifo = open(value, O_WRONLY | O_CLOEXEC);
      dprintf(fifo, "%d\n", getpid());
    }
    if (!strcmp(word, "garbage")) {
      say("this is no report\n{}\n{\"type\":\"future\",\"n\":[1]}\n\xff\xfe\n");
      for (int i = 0; i < 3000; i++) say("a line that never seems to end, longer than any report may be ever. ");
      say("\n");
    }
  }
}

// Ends with the other end of the control socket, or with the order to.
static void *obey(void *unused) {
  char buffer[4096];
  (void)unused;
  for (;;) {
    ssize_t count = recv(4, buffer, sizeof buffer - 1, 0);
    if (count <= 0) _exit(0);
    buffer[count] = 0;
    if (strstr(buffer, "\"stop\"")) _exit(0);
  }
}

int main(int count, char **arguments) {
  if (count != 6 || strcmp(arguments[2], "--listen-fd") || strcmp(arguments[3], "3") ||
      strcmp(arguments[4], "--control-fd") || strcmp(arguments[5], "4"))
    return 2;
  char *colon = strrchr(arguments[1], ':');
  if (!colon) return 2;
  port = atoi(colon + 1);
  *colon = 0;
  snprintf(host, sizeof host, "%s", arguments[1]);
  inspects = strstr(host, "inspect") != NULL;
  if (inspects) inspect();
  fcntl(3, F_SETFD, FD_CLOEXEC);
  fcntl(4, F_SETFD, FD_CLOEXEC);
  pthread_t thread;
  pthread_create(&thread, NULL, obey, NULL);
  read_behaviour();
  fprintf(stderr, "the fake relay runs\n");
  say("{\"type\":\"ready\",\"version\":\"fake\"}\n");
  for (;;) {
    int client = accept4(3, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0 && errno == EINTR) continue;
    if (client < 0) return 1;
    if (refuses || inspects) {
      char line[1024];
      snprintf(line, sizeof line, "{\"type\":\"refused\",\"reason\":\"%s\",\"silent\":%s}\n", reason,
               refuses == 2 ? "true" : "false");
      say(line);
      close(client);
      continue;
    }
    say("{\"type\":\"connected\",\"seconds\":0.142}\n");
    say("{\"type\":\"path\",\"connections\":1,\"round_trip\":0.142,\"loss\":0.003,\"received\":10}\n");
    pthread_create(&thread, NULL, carry, (void *)(long)client);
    pthread_detach(thread);
  }
}
