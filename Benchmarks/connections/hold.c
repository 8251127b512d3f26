// Many connections that do nothing, some of which then ask for a file that nobody reads.
//
//   hold PORT COUNT FULL PATH
//
// Connects COUNT times to 127.0.0.1, prints "open", waits for a line on standard input, asks for PATH on the first FULL of them,
// prints "asked", and waits for another line.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void await_line(void) {
  char line[64];
  if (!fgets(line, sizeof line, stdin)) exit(0);
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: hold PORT COUNT FULL PATH\n");
    return 2;
  }
  int connections = atoi(arguments[2]), full = atoi(arguments[3]);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int *sockets = calloc((size_t)connections, sizeof *sockets);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Little room here, so that the data stays where it is measured.
  int room = 4096;
  for (int i = 0; i < connections; i++) {
    sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (sockets[i] < 0 || connect(sockets[i], (struct sockaddr *)&address, sizeof address) != 0) {
      perror("hold: connect");
      return 1;
    }
  }
  printf("open\n");
  fflush(stdout);
  await_line();
  char request[512];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", arguments[4]);
  for (int i = 0; i < full; i++)
    if (write(sockets[i], request, (size_t)length) != length) perror("hold: write");
  printf("asked\n");
  fflush(stdout);
  await_line();
  return 0;
}
