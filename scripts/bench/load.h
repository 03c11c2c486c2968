#pragma once
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

/* What every load needs: a clock, connections to this machine, its own cost. */
enum { MOST_FILE_BYTES = 1 << 20 };

static int epoll, port;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Whoever waits for it gets `owner` when something comes. */
static int connect_for(void *owner) {
  struct sockaddr_in address = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
  int on = 1, connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connection < 0) die("socket");
  if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {EPOLLIN, {.ptr = owner}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event) < 0) die("epoll_ctl");
  return connection;
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die(path);
  char *content = calloc(1, MOST_FILE_BYTES + 1);
  *size = fread(content, 1, MOST_FILE_BYTES, file);
  fclose(file);
  return content;
}

static double cpu_seconds(void) {
  struct rusage spent;
  getrusage(RUSAGE_SELF, &spent);
  return spent.ru_utime.tv_sec + spent.ru_stime.tv_sec + (spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6;
}
