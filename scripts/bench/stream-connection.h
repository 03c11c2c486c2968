#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>
#include "load.h"
#include "stream-tally.h"

/* One connection as a client has it: upgrade, hello, samples, results. No more of a message is read than counts. */
enum { RECEIVE_BYTES = 16384, SENT_TIMES = 128, SAMPLE_BYTES = 36, ROWS = 100, WINDOW = 100 };

enum state { WAITS, UPGRADES, GREETS, RUNS, GONE };

struct stream {
  int socket;
  enum state state;
  uint64_t samples, results, next_window, dropped;
  double sent[SENT_TIMES];
  size_t filled;
  char received[RECEIVE_BYTES + 1];
};

static struct series latencies, lateness;
static int frame_samples;
static double rate_hz;
static bool is_measured;
static uint64_t results_measured, bytes_sent, bytes_received;
static char *hello, *rows;
static size_t hello_size;

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
  stream->socket = connect_for(stream);
  stream->state = UPGRADES;
  give(stream, request, sizeof request - 1);
}
