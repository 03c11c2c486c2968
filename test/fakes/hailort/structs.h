/* The ABI of libhailort per version: every struct that the stand-in's functions take, as HAILORT_FACTS.md §5 has it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef HAILORT_VERSION_MAJOR
#error "say for which version to build: -DHAILORT_VERSION_MAJOR=4 -DHAILORT_VERSION_MINOR=23 -DHAILORT_VERSION_REVISION=0"
#endif

#define AT_LEAST(major, minor, revision)                                                                               \
  (HAILORT_VERSION_MAJOR * 1000000 + HAILORT_VERSION_MINOR * 1000 + HAILORT_VERSION_REVISION >=                        \
   (major) * 1000000 + (minor) * 1000 + (revision))

typedef int32_t hailo_status;
/* Handles are addresses in the arena of handles.c; the caller never looks inside. */
typedef struct handle *hailo_handle;

typedef struct {
  uint32_t major, minor, revision;
} version_t;

typedef struct {
  char id[32];
} device_id_t;

typedef struct {
  uint32_t device_count;
  const device_id_t *device_ids;
  int32_t scheduling_algorithm;
  const char *group_id;
  bool multi_process_service;
} vdevice_params_t;

typedef struct {
  uint32_t protocol_version;
  version_t firmware;
  uint32_t logger_version;
  uint8_t board_name_length;
  char board_name[32];
  bool is_release;
  bool extended_context_switch_buffer;
#if AT_LEAST(5, 1, 1)
  bool extended_firmware_check;
#endif
  int32_t architecture;
  uint8_t serial_number_length;
  char serial_number[16];
  uint8_t part_number_length;
  char part_number[16];
  uint8_t product_name_length;
  char product_name[42];
} device_identity_t;

typedef struct {
  uint32_t clock_hz;
  bool ethernet, mipi, pcie, current_monitoring, mdio;
#if AT_LEAST(5, 1, 1)
  bool power_measurement;
#endif
  int32_t boot_source;
  uint8_t soc_id[32];
  uint8_t lcs;
  uint8_t mac[6];
  uint8_t tracking_id[12];
  uint8_t soc_pm_values[24];
#if AT_LEAST(4, 21, 0)
  uint16_t gpio_mask;
#endif
} extended_information_t;

typedef struct {
  float ts0, ts1;
  uint16_t samples;
} chip_temperature_t;

typedef struct {
  int32_t type, order;
  uint32_t flags;
} format_t;

typedef struct {
  float zero_point, scale, min, max;
} quant_info_t;

typedef struct {
  uint32_t height, width, features;
} image_shape_t;

/* Only its size matters here: the stand-in has no NMS outputs. */
typedef struct {
  uint32_t words[AT_LEAST(4, 20, 0) ? 4 : 3];
} nms_shape_t;

typedef struct {
  char name[128];
  char network_name[257];
  int32_t direction;
  format_t format;
  union {
    image_shape_t shape;
    nms_shape_t nms_shape;
  };
  quant_info_t quant;
} vstream_info_t;

typedef struct {
  format_t format;
  uint32_t timeout_ms;
  uint32_t queue_size;
  uint32_t statistics;
  uint32_t element_statistics;
} vstream_params_t;

typedef struct {
  char name[128];
  vstream_params_t params;
} vstream_params_by_name_t;

typedef struct {
  char name[128];
  bool is_multi_context;
} network_group_info_t;

typedef struct {
  char name[257];
  uint16_t batch_size;
} network_parameters_by_name_t;

typedef struct {
  int32_t stream_interface;
  int32_t direction;
  uint32_t flags;
  uint32_t specific[AT_LEAST(5, 1, 1) ? 1 : 17];
} stream_parameters_t;

typedef struct {
  char name[128];
  stream_parameters_t params;
} stream_parameters_by_name_t;

typedef struct {
  char name[128];
  uint16_t batch_size;
  int32_t power_mode;
  int32_t latency;
#if AT_LEAST(5, 1, 1)
  bool enable_kv_cache;
#endif
  size_t stream_count;
  stream_parameters_by_name_t streams[40];
  size_t network_count;
  network_parameters_by_name_t networks[8];
} network_group_params_t;

typedef struct {
  size_t group_count;
  network_group_params_t groups[8];
} configure_params_t;

#pragma pack(push, 1)
typedef struct {
  int32_t id;
  uint32_t sequence;
  union {
    uint8_t bytes[20];
    uint32_t words[5];
    float floats[5];
  };
} notification_t;
#pragma pack(pop)

typedef void (*notification_callback_t)(hailo_handle device, const notification_t *notification, void *opaque);

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)

SIZE(version_t, 12);
SIZE(device_id_t, 32);
SIZE(vdevice_params_t, 40);
AT(vdevice_params_t, device_ids, 8);
AT(vdevice_params_t, scheduling_algorithm, 16);
AT(vdevice_params_t, group_id, 24);
AT(vdevice_params_t, multi_process_service, 32);
SIZE(device_identity_t, 140);
AT(device_identity_t, firmware, 4);
AT(device_identity_t, logger_version, 16);
AT(device_identity_t, board_name_length, 20);
AT(device_identity_t, board_name, 21);
AT(device_identity_t, is_release, 53);
AT(device_identity_t, extended_context_switch_buffer, 54);
AT(device_identity_t, architecture, 56);
AT(device_identity_t, serial_number_length, 60);
AT(device_identity_t, serial_number, 61);
AT(device_identity_t, part_number_length, 77);
AT(device_identity_t, part_number, 78);
AT(device_identity_t, product_name_length, 94);
AT(device_identity_t, product_name, 95);
SIZE(extended_information_t, AT_LEAST(4, 21, 0) ? 96 : 92);
AT(extended_information_t, ethernet, 4);
AT(extended_information_t, boot_source, 12);
AT(extended_information_t, soc_id, 16);
AT(extended_information_t, lcs, 48);
AT(extended_information_t, mac, 49);
AT(extended_information_t, tracking_id, 55);
AT(extended_information_t, soc_pm_values, 67);
SIZE(chip_temperature_t, 12);
AT(chip_temperature_t, ts1, 4);
AT(chip_temperature_t, samples, 8);
SIZE(format_t, 12);
SIZE(quant_info_t, 16);
SIZE(image_shape_t, 12);
SIZE(nms_shape_t, AT_LEAST(4, 20, 0) ? 16 : 12);
SIZE(vstream_info_t, AT_LEAST(4, 20, 0) ? 436 : 432);
AT(vstream_info_t, network_name, 128);
AT(vstream_info_t, direction, 388);
AT(vstream_info_t, format, 392);
AT(vstream_info_t, shape, 404);
AT(vstream_info_t, quant, AT_LEAST(4, 20, 0) ? 420 : 416);
SIZE(vstream_params_t, 28);
AT(vstream_params_t, timeout_ms, 12);
AT(vstream_params_t, queue_size, 16);
AT(vstream_params_t, statistics, 20);
AT(vstream_params_t, element_statistics, 24);
SIZE(vstream_params_by_name_t, 156);
AT(vstream_params_by_name_t, params, 128);
SIZE(network_group_info_t, 129);
AT(network_group_info_t, is_multi_context, 128);
SIZE(network_parameters_by_name_t, 260);
AT(network_parameters_by_name_t, batch_size, 258);
SIZE(stream_parameters_t, AT_LEAST(5, 1, 1) ? 16 : 80);
AT(stream_parameters_t, direction, 4);
AT(stream_parameters_t, flags, 8);
AT(stream_parameters_t, specific, 12);
SIZE(stream_parameters_by_name_t, AT_LEAST(5, 1, 1) ? 144 : 208);
AT(stream_parameters_by_name_t, params, 128);
SIZE(network_group_params_t, AT_LEAST(5, 1, 1) ? 8000 : 10560);
AT(network_group_params_t, batch_size, 128);
AT(network_group_params_t, power_mode, 132);
AT(network_group_params_t, latency, 136);
AT(network_group_params_t, stream_count, 144);
AT(network_group_params_t, streams, 152);
AT(network_group_params_t, network_count, AT_LEAST(5, 1, 1) ? 5912 : 8472);
AT(network_group_params_t, networks, AT_LEAST(5, 1, 1) ? 5920 : 8480);
SIZE(configure_params_t, AT_LEAST(5, 1, 1) ? 64008 : 84488);
AT(configure_params_t, groups, 8);
SIZE(notification_t, 28);
AT(notification_t, sequence, 4);
AT(notification_t, bytes, 8);
#if AT_LEAST(5, 1, 1)
AT(device_identity_t, extended_firmware_check, 55);
AT(network_group_params_t, enable_kv_cache, 140);
#endif
#if AT_LEAST(4, 21, 0)
AT(extended_information_t, gpio_mask, 92);
#endif

enum { FORMAT_AUTO, FORMAT_UINT8, FORMAT_UINT16, FORMAT_FLOAT32 };
enum { DIRECTION_IN, DIRECTION_OUT };
