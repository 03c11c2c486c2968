#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "load.h"

/*
 * Requests at fixed times, whether or not the earlier ones were answered. In C, because it shares two cores with what it
 * measures: the same in Node took about 20 µs per request more. Each connection is kept alive and has one request at a time;
 * when all wait, the next request is late. Usage: open-loop PORT PER_SECOND SECONDS CONNECTIONS REQUEST_FILE RESULT_FILE.
 * The result has a line per request: ms from its due time until it was sent, ms from its due time until it was answered,
 * the status and the code of an error. Prints the CPU time in seconds.
 */
enum { REPLY_BYTES = 4096, MOST_LANES = 4096, EVENTS = 256, CODE_BYTES = 32 };
static const double START_S = 0.1, GRACE_S = 3, LONGEST_WAIT_S = 0.5;

struct request {
  double due, sent, done;
  int status;
  char code[CODE_BYTES];
};

struct lane {
  int socket;
  bool is_open;
  struct request *waits;
  size_t seen;
  char reply[REPLY_BYTES + 1];
};

static struct lane *idle[MOST_LANES];
static size_t first_idle, idle_count, waiting;

static void rest(struct lane *lane) {
  idle[(first_idle + idle_count++) % MOST_LANES] = lane;
}

static void open_lane(void) {
  struct lane *lane = calloc(1, sizeof *lane);
  lane->socket = connect_for(lane);
  lane->is_open = true;
  rest(lane);
}

/* The one that has been idle longest, so that none is closed for being idle. */
static struct lane *take_lane(void) {
  while (idle_count > 0) {
    struct lane *lane = idle[first_idle];
    first_idle = (first_idle + 1) % MOST_LANES;
    idle_count--;
    if (lane->is_open) return lane;
  }
  return NULL;
}

static void lose(struct lane *lane) {
  lane->is_open = false;
  close(lane->socket);
  if (lane->waits == NULL) return;
  lane->waits = NULL;
  waiting--;
}

static void ask(struct lane *lane, struct request *request, const char *wire, size_t size) {
  request->sent = now();
  lane->waits = request;
  waiting++;
  if (send(lane->socket, wire, size, MSG_NOSIGNAL) != (ssize_t)size) lose(lane);
}

static bool is_whole(const struct lane *lane) {
  const char *end = strstr(lane->reply, "\r\n\r\n"), *length = strcasestr(lane->reply, "content-length:");
  if (end == NULL || length == NULL) return false;
  return lane->seen >= (size_t)(end + 4 - lane->reply) + strtoul(length + 15, NULL, 10);
}

static void note(struct lane *lane) {
  struct request *request = lane->waits;
  request->done = now();
  request->status = atoi(lane->reply + 9);
  const char *code = request->status == 200 ? NULL : strstr(lane->reply, "\"code\":\"");
  if (code != NULL) snprintf(request->code, CODE_BYTES, "%.*s", (int)strcspn(code + 8, "\""), code + 8);
  lane->waits = NULL;
  lane->seen = 0;
  waiting--;
  rest(lane);
}

static void receive(struct lane *lane) {
  ssize_t bytes = recv(lane->socket, lane->reply + lane->seen, REPLY_BYTES - lane->seen, MSG_DONTWAIT);
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes <= 0 || lane->waits == NULL) return lose(lane);
  lane->seen += bytes;
  lane->reply[lane->seen] = '\0';
  if (is_whole(lane)) note(lane);
}

static void wait_for_replies(double seconds) {
  struct epoll_event events[EVENTS];
  struct timespec timeout = {0, (long)(seconds * 1e9)};
  int count = epoll_pwait2(epoll, events, EVENTS, &timeout, NULL);
  if (count < 0 && errno != EINTR) die("epoll_pwait2");
  for (int i = 0; i < count; i++) receive(events[i].data.ptr);
}

static void write_result(const char *path, const struct request *requests, size_t total) {
  FILE *file = fopen(path, "w");
  if (file == NULL) die(path);
  for (const struct request *one = requests; one < requests + total; one++) {
    double late = one->sent - one->due, latency = one->done - one->due;
    fprintf(file, "%.3f %.3f %d %s\n", late * 1e3, latency * 1e3, one->status, one->status == 0 ? "no reply" : one->code);
  }
  if (fclose(file) != 0) die(path);
}

int main(int argc, char **argv) {
  if (argc != 7) return 64;
  port = atoi(argv[1]);
  double per_second = atof(argv[2]), rest_s = per_second > 1000 ? 0.0005 : 0; /* then several at a time */
  size_t total = per_second * atof(argv[3]), connections = atoi(argv[4]), size, sent = 0;
  char *wire = read_file(argv[5], &size);
  struct request *requests = calloc(total, sizeof *requests);
  if (connections > MOST_LANES || requests == NULL) return 64;
  struct rlimit files = {MOST_LANES + 64, MOST_LANES + 64};
  setrlimit(RLIMIT_NOFILE, &files); /* where that is not allowed, socket() says so */
  prctl(PR_SET_TIMERSLACK, 1000);
  epoll = epoll_create1(0);
  for (size_t i = 0; i < connections; i++) open_lane();
  double start = now() + START_S, end = start + total / per_second + GRACE_S;
  for (size_t i = 0; i < total; i++) requests[i].due = start + i / per_second;
  while ((sent < total || waiting > 0) && now() < end) {
    double left = sent < total && idle_count > 0 ? fmax(requests[sent].due - now(), rest_s) : LONGEST_WAIT_S;
    wait_for_replies(fmin(left, LONGEST_WAIT_S));
    for (double time = now(); sent < total && requests[sent].due <= time; sent++) {
      struct lane *lane = take_lane();
      if (lane == NULL) break;
      ask(lane, &requests[sent], wire, size);
    }
  }
  for (; sent < total; sent++) requests[sent].sent = now(); /* no connection is left */
  write_result(argv[6], requests, total);
  printf("%.3f\n", cpu_seconds());
}
