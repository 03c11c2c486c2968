/* What the body of a stand-in HEF describes: one network group, its vstreams, and what it computes. */
#pragma once
#include "structs.h"

enum { MAX_STREAMS = 16 };

struct stream {
  char name[128];
  int32_t direction;
  image_shape_t shape;
  format_t format;
  quant_info_t quant;
  const float *channel_quants; /* (zero point, scale) per feature, or NULL */
  size_t values;               /* per frame */
  size_t first;                /* where its values begin among those of its direction */
  bool is_head, is_sigmoid;
  int sines;
  size_t columns;              /* of the head's weights: the mean over values / columns rows comes first */
  uint64_t seed;
  float *weights, *biases;     /* [columns or all inputs][values]; [values] */
};

struct network {
  char group[128];
  char architecture[16];
  bool has_empty_zero_points;
  int stream_count;
  struct stream streams[MAX_STREAMS];
  size_t input_values, output_values;
  size_t table_pairs;
  const float *table;
  uint8_t *data;
};

/* NULL when the body is not of the stand-in's form. Copies what it needs. */
struct network *network_parse(const uint8_t *body, size_t size, bool has_wrong_input, bool has_wrong_output);
struct stream *network_stream(struct network *network, const char *name, int32_t direction);
struct stream *network_next(struct network *network, int32_t direction, struct stream *after);
size_t format_bytes(int32_t type);
/* A host frame to real numbers as the chip sees them (quantised and back), and back to a host frame. */
void frame_decode(const struct stream *stream, int32_t host_type, const void *frame, double *values);
void frame_encode(const struct stream *stream, int32_t host_type, const double *values, void *frame);
/* inputs → outputs. `floats`: the host's own float32 frames one after the other (for the table), or NULL. */
void network_compute(struct network *network, const double *inputs, const float *floats, double *outputs);
