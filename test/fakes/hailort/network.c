#define _GNU_SOURCE
#include "network.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t format_bytes(int32_t type) { return type == FORMAT_FLOAT32 ? 4 : type == FORMAT_UINT16 ? 2 : 1; }

struct stream *network_next(struct network *network, int32_t direction, struct stream *after) {
  struct stream *stream = after == NULL ? network->streams : after + 1;
  for (; stream < network->streams + network->stream_count; stream++)
    if (stream->direction == direction) return stream;
  return NULL;
}

struct stream *network_stream(struct network *network, const char *name, int32_t direction) {
  for (struct stream *s = NULL; (s = network_next(network, direction, s)) != NULL;)
    if (strcmp(s->name, name) == 0) return s;
  return NULL;
}

static int32_t read_type(const char *word) {
  static const char *const types[] = {"AUTO", "UINT8", "UINT16", "FLOAT32"};
  for (int i = 1; i < 4; i++)
    if (strcmp(word, types[i]) == 0) return i;
  return -1;
}

static int32_t read_order(const char *word) {
  static const struct { const char *name; int32_t order; } orders[] = {
      {"NHWC", 1}, {"NHCW", 2}, {"FCR", 3}, {"NHW", 5}, {"NC", 6}, {"NCHW", 11}};
  for (int i = 0; i < 6; i++)
    if (strcmp(word, orders[i].name) == 0) return orders[i].order;
  return -1;
}

static bool read_stream(struct network *network, const char *line) {
  if (network->stream_count == MAX_STREAMS) return false;
  struct stream *s = &network->streams[network->stream_count++];
  char direction[8], type[8], order[8];
  if (sscanf(line, "%7s %127s %u %u %u %7s %7s %f %f", direction, s->name, &s->shape.height, &s->shape.width,
             &s->shape.features, type, order, &s->quant.zero_point, &s->quant.scale) != 9) return false;
  s->direction = strcmp(direction, "output") == 0 ? DIRECTION_OUT : DIRECTION_IN;
  s->format = (format_t){.type = read_type(type), .order = read_order(order)};
  s->seed = 1;
  return s->format.type > 0 && s->format.order > 0 && s->quant.scale > 0;
}

/* linear NAME SEED | head NAME COLUMNS OFFSET SINES none|sigmoid | channels NAME OFFSET */
static bool read_compute(struct network *network, const char *line, size_t data_size) {
  char word[16], name[128], activation[16];
  unsigned long long number = 0, offset = 0;
  int sines = 0;
  if (sscanf(line, "%15s %127s %llu", word, name, &number) != 3) return false;
  struct stream *s = network_stream(network, name, DIRECTION_OUT);
  if (s == NULL) return false;
  size_t values = (size_t)s->shape.height * s->shape.width * s->shape.features;
  if (strcmp(word, "linear") == 0) return s->seed = number, true;
  if (strcmp(word, "channels") == 0) {
    s->channel_quants = (const float *)(network->data + number);
    return number % 4 == 0 && number + 8ull * s->shape.features <= data_size;
  }
  if (sscanf(line, "%*s %*s %*u %llu %d %15s", &offset, &sines, activation) != 3) return false;
  s->is_head = true, s->columns = number, s->sines = sines, s->is_sigmoid = strcmp(activation, "sigmoid") == 0;
  if (offset % 4 != 0 || offset + 4 * values * (number + 1) > data_size) return false;
  const float *rows = (const float *)(network->data + offset);
  s->weights = malloc(values * number * sizeof(float));
  s->biases = malloc(values * sizeof(float));
  for (size_t k = 0; k < values; k++)
    for (size_t j = 0; j < number; j++) s->weights[j * values + k] = rows[k * number + j];
  memcpy(s->biases, rows + values * number, values * sizeof(float));
  return true;
}

static bool read_line(struct network *network, const char *line, size_t data_size) {
  unsigned long long pairs, offset;
  if (strncmp(line, "group ", 6) == 0) return sscanf(line, "group %127s", network->group) == 1;
  if (strncmp(line, "arch ", 5) == 0) return sscanf(line, "arch %15s", network->architecture) == 1;
  if (strcmp(line, "empty_zero_points") == 0) return network->has_empty_zero_points = true;
  if (strncmp(line, "input ", 6) == 0 || strncmp(line, "output ", 7) == 0) return read_stream(network, line);
  if (sscanf(line, "table %llu %llu", &pairs, &offset) != 2) return read_compute(network, line, data_size);
  network->table_pairs = pairs;
  network->table = (const float *)(network->data + offset);
  return offset % 4 == 0 && offset < data_size;
}

static uint64_t splitmix64(uint64_t state) {
  state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
  state = (state ^ state >> 27) * 0x94d049bb133111eb;
  return state ^ state >> 31;
}

/* Weight [j][k] is number j * values + k + 1 of splitmix64 from the seed, its top 24 bits as a float in [-1, 1). */
static void draw_weights(struct stream *s, size_t inputs) {
  s->weights = malloc(inputs * s->values * sizeof(float));
  for (size_t i = 0; i < inputs * s->values; i++)
    s->weights[i] = (float)((int32_t)(splitmix64(s->seed + (i + 1) * 0x9e3779b97f4a7c15) >> 40) - (1 << 23)) / (1 << 23);
}

/* A script's wrong shape: one more feature than the weights know; the last repeats the first. */
static void settle(struct network *network, bool has_wrong_input, bool has_wrong_output) {
  size_t *totals[2] = {&network->input_values, &network->output_values};
  for (int i = 0; i < network->stream_count; i++) {
    struct stream *s = &network->streams[i];
    bool is_wrong = s->direction == DIRECTION_IN ? has_wrong_input : has_wrong_output;
    if (is_wrong) s->shape.features++, s->is_head = false, s->seed++, s->channel_quants = NULL;
    s->values = (size_t)s->shape.height * s->shape.width * s->shape.features;
    s->first = *totals[s->direction];
    *totals[s->direction] += s->values;
    float top = s->format.type == FORMAT_UINT16 ? 65535 : 255;
    s->quant.min = (0 - s->quant.zero_point) * s->quant.scale;
    s->quant.max = (top - s->quant.zero_point) * s->quant.scale;
  }
  if (has_wrong_input || has_wrong_output) network->table_pairs = 0;
  for (struct stream *s = NULL; (s = network_next(network, DIRECTION_OUT, s)) != NULL;)
    if (!s->is_head || network->input_values % s->columns != 0) s->is_head = false, draw_weights(s, network->input_values);
}

static bool table_fits(const struct network *network, size_t data_size) {
  if (network->table_pairs == 0) return true;
  size_t pair = 4 * (network->input_values + network->output_values);
  size_t offset = (size_t)((const uint8_t *)network->table - network->data);
  return network->table_pairs <= (data_size - offset) / pair;
}

struct network *network_parse(const uint8_t *body, size_t size, bool has_wrong_input, bool has_wrong_output) {
  static const char first[] = "standin 1\n";
  const uint8_t *end = size < sizeof first ? NULL : memmem(body, size, "\ndata\n", 6);
  if (end == NULL || memcmp(body, first, sizeof first - 1) != 0) return NULL;
  struct network *network = calloc(1, sizeof *network);
  size_t data_size = size - (size_t)(end + 6 - body);
  network->data = malloc(data_size + 1);
  memcpy(network->data, end + 6, data_size);
  char *text = strndup((const char *)body + sizeof first - 1, (size_t)(end - body) - (sizeof first - 1)), *rest = NULL;
  bool is_good = true;
  for (char *line = strtok_r(text, "\n", &rest); is_good && line != NULL; line = strtok_r(NULL, "\n", &rest))
    is_good = line[0] == '#' || read_line(network, line, data_size);
  free(text);
  if (!is_good || network_next(network, DIRECTION_IN, NULL) == NULL) return NULL;
  settle(network, has_wrong_input, has_wrong_output);
  return table_fits(network, data_size) ? network : NULL;
}

static void quant_of(const struct stream *s, size_t i, double *zero_point, double *scale) {
  const float *pair = s->channel_quants == NULL ? &s->quant.zero_point : s->channel_quants + 2 * (i % s->shape.features);
  *zero_point = pair[0], *scale = pair[1];
}

static double quantise(const struct stream *s, size_t i, double value) {
  double zero_point, scale, top = s->format.type == FORMAT_UINT16 ? 65535 : 255;
  quant_of(s, i, &zero_point, &scale);
  double level = rint(value / scale + zero_point);
  return level > 0 ? level < top ? level : top : 0;
}

void frame_decode(const struct stream *s, int32_t host_type, const void *frame, double *values) {
  for (size_t i = 0; i < s->values; i++) {
    double zero_point, scale, level;
    quant_of(s, i, &zero_point, &scale);
    if (host_type == FORMAT_FLOAT32) level = s->format.type == FORMAT_FLOAT32 ? 0 : quantise(s, i, ((const float *)frame)[i]);
    else level = host_type == FORMAT_UINT16 ? ((const uint16_t *)frame)[i] : ((const uint8_t *)frame)[i];
    bool is_float = s->format.type == FORMAT_FLOAT32 && host_type == FORMAT_FLOAT32;
    values[i] = is_float ? ((const float *)frame)[i] : (level - zero_point) * scale;
  }
}

void frame_encode(const struct stream *s, int32_t host_type, const double *values, void *frame) {
  for (size_t i = 0; i < s->values; i++) {
    double zero_point, scale, level = s->format.type == FORMAT_FLOAT32 ? 0 : quantise(s, i, values[i]);
    quant_of(s, i, &zero_point, &scale);
    bool is_float = s->format.type == FORMAT_FLOAT32;
    if (host_type == FORMAT_FLOAT32) ((float *)frame)[i] = (float)(is_float ? values[i] : (level - zero_point) * scale);
    else if (host_type == FORMAT_UINT16) ((uint16_t *)frame)[i] = (uint16_t)level;
    else ((uint8_t *)frame)[i] = (uint8_t)level;
  }
}

static const float *table_find(const struct network *network, const float *inputs) {
  size_t pair = network->input_values + network->output_values;
  for (size_t i = 0; inputs != NULL && i < network->table_pairs; i++)
    if (memcmp(network->table + i * pair, inputs, 4 * network->input_values) == 0)
      return network->table + i * pair + network->input_values;
  return NULL;
}

static void multiply(const struct stream *s, const double *x, size_t columns, double *y) {
  for (size_t k = 0; k < s->values; k++) y[k] = 0;
  for (size_t j = 0; j < columns; j++) {
    const float *weights = s->weights + j * s->values;
    for (size_t k = 0; k < s->values; k++) y[k] += weights[k] * x[j];
  }
}

static void compute_head(const struct stream *s, const double *inputs, size_t count, double *y) {
  double mean[s->columns];
  memset(mean, 0, sizeof mean);
  for (size_t i = 0; i < count; i++) {
    float value = (float)inputs[i];
    for (int n = 0; n < s->sines; n++) value = sinf(value);
    mean[i % s->columns] += value;
  }
  for (size_t j = 0; j < s->columns; j++) mean[j] /= (double)(count / s->columns);
  multiply(s, mean, s->columns, y);
  for (size_t k = 0; k < s->values; k++) {
    y[k] += s->biases[k];
    if (s->is_sigmoid) y[k] = 1 / (1 + exp(-y[k]));
  }
}

void network_compute(struct network *network, const double *inputs, const float *floats, double *outputs) {
  const float *known = table_find(network, floats);
  for (size_t i = 0; known != NULL && i < network->output_values; i++) outputs[i] = known[i];
  if (known != NULL) return;
  for (struct stream *s = NULL; (s = network_next(network, DIRECTION_OUT, s)) != NULL;) {
    double *y = outputs + s->first;
    if (s->is_head) compute_head(s, inputs, network->input_values, y);
    else multiply(s, inputs, network->input_values, y);
    for (size_t k = 0; !s->is_head && k < s->values; k++) y[k] /= sqrt((double)network->input_values);
  }
}
