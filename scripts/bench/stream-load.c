#define _GNU_SOURCE
#include <sys/prctl.h>
#include "stream-connection.h"

/*
 * Many streams in real time, whether or not results come. In C, because it shares two cores with what it measures.
 * Usage: stream-load PORT STREAMS RATE_HZ FRAME_SAMPLES HOP JOINS_PER_SECOND HELD WARM_S SECONDS HELLO_FILE ROWS_FILE.
 * Streams join one after another and send at phases spread evenly over the time of a frame: with HELD=1 none before all
 * have joined, "connected" was printed and a line was read; else each at once. "begin" and "end" are printed where the
 * SECONDS that are measured begin and end, then a line of JSON. The rows go round and round; masks are 0, which costs
 * the server as much to undo as any other and the load nothing.
 */
enum { EVENTS = 256 };
static const double JOIN_WAIT_S = 5, GRACE_S = 5, LONGEST_WAIT_S = 0.1;

static struct stream *streams;
static int stream_count, hop;

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

static double next_due(const struct plan *plan) {
  return plan->start + plan->slot * plan->period / stream_count;
}

/*
 * Each slot belongs to one stream; who does not run lets its slots pass. Where a hop takes more frames than one, streams
 * begin in different rounds: else the windows of all would come in the same ones.
 */
static void send_due(struct plan *plan) {
  int rounds = 1;
  while (rounds * frame_samples % hop != 0) rounds++;
  for (double due = next_due(plan); due <= now(); due = next_due(plan)) {
    uint64_t index = plan->slot % stream_count, round = plan->slot++ / stream_count;
    if (streams[index].state == RUNS && round >= index % rounds) send_samples(&streams[index], due);
  }
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
