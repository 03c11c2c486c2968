#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * Many streams in real time, whether or not results come. In C, because it shares two cores with what it measures.
 * Usage: stream-load PORT STREAMS RATE_HZ FRAME_SAMPLES HOP JOINS_PER_SECOND HELD WARM_S SECONDS HELLO_FILE ROWS_FILE.
 * Streams join one after another and send at phases spread evenly over the time of a frame: with HELD=1 none before all
 * have joined, "connected" was printed and a line was read; else each at once. "begin" and "end" are printed where the
 * SECONDS that are measured begin and end, then a line of JSON. The rows go round and round; masks are 0, which costs
 * the server as much to undo as any other and the load nothing.
 */
enum { EVENTS = 256, RECEIVE_BYTES = 16384, SENT_TIMES = 128, LABELS = 32 };
enum { SAMPLE_BYTES = 36, ROWS = 100, WINDOW = 100 };
static const double JOIN_WAIT_S = 5, GRACE_S = 5, LONGEST_WAIT_S = 0.1;

enum state { WAITS, UPGRADES, GREETS, RUNS, GONE };

struct stream {
  int socket;
  enum state state;
  uint64_t samples, results, next_window, dropped;
  double sent[SENT_TIMES];
  size_t filled;
  char received[RECEIVE_BYTES + 1];
};

struct tally {
  char label[48];
  unsigned count;
};

struct series {
  double *values;
  size_t size, most;
};

static struct stream *streams;
static struct tally tallies[LABELS];
static struct series latencies, lateness;
static int epoll, port, stream_count, frame_samples, hop;
static double rate_hz;
static bool is_measured;
static uint64_t results_measured, bytes_sent, bytes_received;
static char *hello, *rows;
static size_t hello_size;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void count(const char *format, int number, const char *text, int size) {
  char label[48];
  snprintf(label, sizeof label, format, number, size, text);
  for (struct tally *one = tallies; one < tallies + LABELS; one++) {
    if (one->count > 0 && strcmp(one->label, label) != 0) continue;
    strcpy(one->label, label);
    one->count++;
    return;
  }
}

static void note(struct series *series, double value) {
  if (series->size == series->most) {
    series->most = series->most == 0 ? 65536 : series->most * 2;
    series->values = realloc(series->values, series->most * sizeof value);
    if (series->values == NULL) die("realloc");
  }
  series->values[series->size++] = value;
}

static void leave(struct stream *stream) {
  close(stream->socket);
  stream->state = GONE;
}

/* What does not fit at once is not sent: the server has stopped reading. */
static void give(struct stream *stream, const void *bytes, size_t size) {
  if (is_measured) bytes_sent += size;
  if (send(stream->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size) return;
  count("%d %.*s", 1006, "could not send", 20);
  leave(stream);
}

static size_t head(uint8_t *at, uint8_t opcode, size_t size) {
  at[0] = 0x80 | opcode;
  at[1] = 0x80 | (size < 126 ? size : 126);
  size_t length = size < 126 ? 2 : 4;
  if (length == 4) at[2] = size >> 8, at[3] = size & 255;
  memset(at + length, 0, 4); /* the mask */
  return length + 4;
}

static void say(struct stream *stream, uint8_t opcode, const void *payload, size_t size) {
  uint8_t frame[8192];
  size_t start = head(frame, opcode, size);
  memcpy(frame + start, payload, size);
  give(stream, frame, start + size);
}

static void send_samples(struct stream *stream, double due) {
  static uint8_t frame[65536];
  size_t bytes = (size_t)frame_samples * SAMPLE_BYTES, start = head(frame, 2, 16 + bytes);
  double ms = stream->samples * 1000 / rate_hz, time = now();
  uint16_t version = 1, samples = frame_samples;
  uint32_t seq = stream->samples;
  memcpy(frame + start, &version, 2);
  memcpy(frame + start + 2, &samples, 2);
  memcpy(frame + start + 4, &seq, 4);
  memcpy(frame + start + 8, &ms, 8);
  memcpy(frame + start + 16, rows + stream->samples % ROWS * SAMPLE_BYTES, bytes);
  stream->sent[stream->samples / frame_samples % SENT_TIMES] = time;
  stream->samples += frame_samples;
  if (is_measured) note(&lateness, time - due);
  give(stream, frame, start + 16 + bytes);
}

static double field(const char *text, const char *name) {
  const char *found = strstr(text, name);
  return found == NULL ? NAN : strtod(found + strlen(name), NULL);
}

static void on_result(struct stream *stream, const char *text) {
  uint64_t last = llround(field(text, "\"end_ms\":") * rate_hz / 1000);
  stream->results++;
  stream->next_window = field(text, "\"window\":") + 1;
  stream->dropped = field(text, "\"dropped\":");
  if (!is_measured) return;
  results_measured++;
  note(&latencies, now() - stream->sent[last / frame_samples % SENT_TIMES]);
}

static void on_text(struct stream *stream, const char *text) {
  const char *type = text + strlen("{\"type\":\""), *code = strstr(text, "\"code\":\"");
  int size = strcspn(type, "\"");
  if (strncmp(text, "{\"type\":\"", 9) != 0) count("%d %.*s", 0, "not a message", 20);
  else if (strncmp(type, "result\"", 7) == 0) on_result(stream, text);
  else if (strncmp(type, "ready\"", 6) == 0) stream->state = RUNS;
  else if (strncmp(type, "ended\"", 6) == 0) stream->dropped = field(text, "\"dropped\":");
  else if (code != NULL) count("%d %.*s", 0, code + 8, strcspn(code + 8, "\""));
  else count("%d %.*s", 0, type, size);
}

static void on_close(struct stream *stream, const uint8_t *payload, size_t size) {
  int code = size >= 2 ? payload[0] << 8 | payload[1] : 1005;
  const char *reason = size > 2 ? (const char *)payload + 2 : "";
  if (code != 1000) count("%d %.*s", code, reason, strcspn(reason, ":"));
  leave(stream);
}

static void on_frame(struct stream *stream, uint8_t opcode, uint8_t *payload, size_t size) {
  uint8_t after = payload[size];
  payload[size] = '\0';
  if (opcode == 1) on_text(stream, (const char *)payload);
  if (opcode == 8) on_close(stream, payload, size);
  if (opcode == 9) say(stream, 10, payload, size);
  payload[size] = after;
}

/* Returns how many bytes the first message takes; 0: it is not whole. */
static size_t take_upgrade(struct stream *stream) {
  const char *end = strstr(stream->received, "\r\n\r\n");
  if (end == NULL) return 0;
  int status = atoi(stream->received + 9);
  if (status == 101) {
    stream->state = GREETS;
    say(stream, 1, hello, hello_size);
    return end + 4 - stream->received;
  }
  const char *code = strstr(end, "\"code\":\"");
  count("%d %.*s", status, code == NULL ? "" : code + 8, code == NULL ? 0 : strcspn(code + 8, "\""));
  leave(stream);
  return 0;
}

static size_t take_frame(struct stream *stream, size_t at) {
  uint8_t *bytes = (uint8_t *)stream->received + at;
  size_t left = stream->filled - at, start = 2, size;
  if (left < 2) return 0;
  size = bytes[1] & 127;
  if (size == 127 || left < 4) return 0;
  if (size == 126) size = bytes[2] << 8 | bytes[3], start = 4;
  if (left < start + size) return 0;
  if (is_measured) bytes_received += start + size;
  on_frame(stream, bytes[0] & 15, bytes + start, size);
  return start + size;
}

static void receive(struct stream *stream) {
  ssize_t bytes = recv(stream->socket, stream->received + stream->filled, RECEIVE_BYTES - stream->filled, MSG_DONTWAIT);
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes <= 0) {
    count("%d %.*s", 1006, "broke", 20);
    return leave(stream);
  }
  stream->filled += bytes;
  stream->received[stream->filled] = '\0';
  size_t taken = stream->state == UPGRADES ? take_upgrade(stream) : 0, more = 1;
  while (stream->state != UPGRADES && stream->state != GONE && (more = take_frame(stream, taken)) > 0) taken += more;
  stream->filled -= taken;
  memmove(stream->received, stream->received + taken, stream->filled + 1);
}

static void join(struct stream *stream) {
  static const char request[] =
    "GET /stream HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  struct sockaddr_in address = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
  int on = 1;
  stream->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (stream->socket < 0) die("socket");
  if (connect(stream->socket, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  setsockopt(stream->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {EPOLLIN, {.ptr = stream}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, stream->socket, &event) < 0) die("epoll_ctl");
  stream->state = UPGRADES;
  give(stream, request, sizeof request - 1);
}

static void wait_until(double due) {
  struct epoll_event events[EVENTS];
  double seconds = fmin(fmax(due - now(), 0.0003), LONGEST_WAIT_S); /* then several at a time */
  struct timespec timeout = {0, (long)(seconds * 1e9)};
  int ready = epoll_pwait2(epoll, events, EVENTS, &timeout, NULL);
  if (ready < 0 && errno != EINTR) die("epoll_pwait2");
  for (int i = 0; i < ready; i++) {
    struct stream *stream = events[i].data.ptr;
    if (stream->state != GONE) receive(stream);
  }
}

static int in_state(enum state first, enum state last) {
  int found = 0;
  for (int i = 0; i < stream_count; i++) found += streams[i].state >= first && streams[i].state <= last;
  return found;
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die(path);
  char *content = malloc(8192);
  *size = fread(content, 1, 4096, file);
  fclose(file);
  return content;
}

static double cpu_seconds(void) {
  struct rusage spent;
  getrusage(RUSAGE_SELF, &spent);
  return spent.ru_utime.tv_sec + spent.ru_stime.tv_sec + (spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6;
}

static int by_size(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static void print_spread(const char *name, struct series *series) {
  static const double parts[] = {0.5, 0.99, 1};
  qsort(series->values, series->size, sizeof(double), by_size);
  printf("\"%s\":[", name);
  for (int i = 0; i < 3; i++) {
    size_t at = fmin(parts[i] * series->size, series->size - 1.0);
    printf(i == 0 ? "%.3f" : ",%.3f", series->size == 0 ? -1 : series->values[at] * 1e3);
  }
  printf("],");
}

static void print_result(double seconds, double cpu, int refused) {
  uint64_t due = 0, results = 0, dropped = 0, skipped = 0;
  for (struct stream *one = streams; one < streams + stream_count; one++) {
    due += one->samples < WINDOW ? 0 : (one->samples - WINDOW) / hop + 1;
    results += one->results;
    dropped += one->dropped;
    skipped += one->next_window - one->results;
  }
  printf("{\"running\":%d,\"refused\":%d,\"due\":%lu,", stream_count - refused, refused, due);
  printf("\"results\":%lu,\"skipped\":%lu,\"dropped\":%lu,", results, skipped, dropped);
  printf("\"perSecond\":%.1f,\"bytesUp\":%.1f,", results_measured / seconds, (double)bytes_sent / results_measured);
  printf("\"bytesDown\":%.1f,\"measured\":%lu,", (double)bytes_received / results_measured, results_measured);
  print_spread("latency", &latencies);
  print_spread("late", &lateness);
  printf("\"said\":{");
  for (struct tally *one = tallies; one < tallies + LABELS && one->count > 0; one++) {
    printf("%s\"%s\":%u", one == tallies ? "" : ",", one->label, one->count);
  }
  printf("},\"cpuShare\":%.3f}\n", cpu / seconds);
}

static void say_and_wait(const char *what, bool is_held) {
  char line[16];
  puts(what);
  fflush(stdout);
  if (is_held && fgets(line, sizeof line, stdin) == NULL) exit(1);
}

struct plan {
  double start, period; /* seconds; each stream sends once in a period */
  uint64_t slot;
};

/* Each slot belongs to one stream; who does not run lets its slots pass. */
static void send_due(struct plan *plan) {
  double gap = plan->period / stream_count;
  for (double due = plan->start + plan->slot * gap; due <= now(); due = plan->start + plan->slot * gap) {
    struct stream *stream = &streams[plan->slot++ % stream_count];
    if (stream->state == RUNS) send_samples(stream, due);
  }
}

static double next_due(const struct plan *plan) {
  return plan->start + plan->slot * plan->period / stream_count;
}

/* Until all have joined or were turned away, with those that have joined sending already where there is a plan. */
static void join_all(double joins_per_second, struct plan *plan) {
  double start = now(), end = start + stream_count / joins_per_second + JOIN_WAIT_S;
  int joined = 0;
  while ((joined < stream_count || in_state(UPGRADES, GREETS) > 0) && now() < end) {
    for (; joined < stream_count && now() >= start + joined / joins_per_second; joined++) join(&streams[joined]);
    if (plan != NULL) send_due(plan);
    double due = joined < stream_count ? start + joined / joins_per_second : end;
    wait_until(plan == NULL ? due : fmin(due, next_due(plan)));
  }
}

static void run_until(double time, struct plan *plan) {
  while (now() < time) {
    send_due(plan);
    wait_until(fmin(time, next_due(plan)));
  }
}

static void end_all(void) {
  static const char end[] = "{\"type\":\"end\"}";
  double deadline = now() + GRACE_S;
  for (int i = 0; i < stream_count; i++) {
    if (streams[i].state == RUNS) say(&streams[i], 1, end, sizeof end - 1);
  }
  while (in_state(RUNS, RUNS) > 0 && now() < deadline) wait_until(deadline);
}

int main(int argc, char **argv) {
  if (argc != 12) return 64;
  double joins_per_second = atof(argv[6]), warm = atof(argv[8]), seconds = atof(argv[9]);
  bool is_held = atoi(argv[7]) == 1;
  size_t size;
  port = atoi(argv[1]), stream_count = atoi(argv[2]), rate_hz = atof(argv[3]), frame_samples = atoi(argv[4]);
  hop = atoi(argv[5]);
  hello = read_file(argv[10], &hello_size);
  rows = read_file(argv[11], &size);
  if (size != ROWS * SAMPLE_BYTES || ROWS % frame_samples != 0 || frame_samples < 4) return 64;
  streams = calloc(stream_count, sizeof *streams);
  struct rlimit files = {stream_count + 64, stream_count + 64};
  setrlimit(RLIMIT_NOFILE, &files); /* where that is not allowed, socket() says so */
  prctl(PR_SET_TIMERSLACK, 1000);
  epoll = epoll_create1(0);
  struct plan plan = {now(), frame_samples / rate_hz, 0};
  join_all(joins_per_second, is_held ? NULL : &plan);
  int refused = in_state(WAITS, GREETS) + in_state(GONE, GONE);
  say_and_wait("connected", is_held);
  if (is_held) plan.start = now();
  run_until(now() + warm, &plan);
  double before = cpu_seconds(), began = now();
  say_and_wait("begin", false);
  is_measured = true;
  run_until(began + seconds, &plan);
  is_measured = false;
  double cpu = cpu_seconds() - before;
  say_and_wait("end", false);
  end_all();
  print_result(seconds, cpu, refused);
}
