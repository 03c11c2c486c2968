/* A HEF as the real library reads it: header v0 to v3 with its sizes and checksum, then the stand-in's own body. */
#pragma once
#include "network.h"

struct hef {
  struct network *network;
  uint32_t header_version;
  char *path;           /* where it came from, or NULL */
  const uint8_t *lent;  /* up to 4.20: the caller's own buffer, which it must keep; else NULL */
  size_t lent_size;
  uint32_t lent_crc;
};

/* Checks and parses. `status` says why it gives NULL. */
struct hef *hef_parse(const uint8_t *data, size_t size, hailo_status *status);
struct hef *hef_read_file(const char *path, hailo_status *status);
/* 0, or why configure cannot use it any more: its file is gone, its lent buffer changed. */
hailo_status hef_recheck(const struct hef *hef);
/* The params that configure a HEF by its defaults; hailo_init_configure_params and its kind. */
hailo_status hef_configure_params(const char *call, hailo_handle hef, int32_t stream_interface, configure_params_t *params);
/* Default vstream params of one direction of a network, as hailo_(hef_)make_*_vstream_params give them. */
hailo_status network_vstream_params(struct network *network, int32_t direction, int32_t format_type,
                                    vstream_params_by_name_t *params, size_t *count);
