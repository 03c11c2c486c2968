/* The calls on a HEF: creation, what it holds, and the params it suggests. */
#define _GNU_SOURCE
#include "api.h"
#include "checksum.h"
#include "handles.h"
#include "hef.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hailo_status create_from_file(hailo_handle *out, const char *path) {
  hailo_status status = OK;
  if (out == NULL || path == NULL) return INVALID_ARGUMENT;
  struct hef *hef = hef_read_file(path, &status);
  if (hef != NULL) *out = handle_new(HEF, hef);
  return status;
}

EXPORT hailo_create_hef_file(hailo_handle *hef, const char *path) { CALL(create_from_file(hef, path)); }

static hailo_status create_from_buffer(hailo_handle *out, const uint8_t *data, size_t size) {
  hailo_status status = OK;
  if (out == NULL || data == NULL || size == 0) return INVALID_ARGUMENT;
  if (size < (AT_LEAST(4, 21, 0) ? 56 : AT_LEAST(4, 20, 0) ? 44 : 32)) return HEF_FILE_CORRUPTED;
  struct hef *hef = hef_parse(data, size, &status);
  if (hef == NULL) return status;
  if (!AT_LEAST(4, 21, 0)) hef->lent = data, hef->lent_size = size, hef->lent_crc = crc32(data, size);
  *out = handle_new(HEF, hef);
  return OK;
}

EXPORT hailo_create_hef_buffer(hailo_handle *hef, const void *buffer, size_t size) {
  CALL(create_from_buffer(hef, buffer, size));
}

static hailo_status release(hailo_handle handle) {
  struct hef *hef = handle_object("hailo_release_hef", handle, HEF);
  if (hef == NULL) return INVALID_ARGUMENT;
  handle_release(handle);
  return OK;
}

EXPORT hailo_release_hef(hailo_handle hef) { CALL(release(hef)); }

/* NULL, the group's name, or the network's "group/group". */
static bool names_network(const struct network *network, const char *name) {
  size_t length = strlen(network->group);
  if (name == NULL || strcmp(name, network->group) == 0) return true;
  return strncmp(name, network->group, length) == 0 && name[length] == '/' && strcmp(name + length + 1, network->group) == 0;
}

static void describe(const struct network *network, const struct stream *s, vstream_info_t *info) {
  memset(info, 0, sizeof *info);
  memcpy(info->name, s->name, sizeof info->name);
  snprintf(info->network_name, sizeof info->network_name, "%s/%s", network->group, network->group);
  info->direction = s->direction;
  info->format = s->format;
  info->shape = s->shape;
  /* Quantised per channel: the info has none to give. */
  if (s->channel_quants == NULL) info->quant = s->quant;
}

static hailo_status vstream_infos(hailo_handle handle, const char *name, vstream_info_t *infos, size_t *count) {
  struct hef *hef = handle_object("hailo_hef_get_all_vstream_infos", handle, HEF);
  if (hef == NULL || infos == NULL || count == NULL) return INVALID_ARGUMENT;
  if (!names_network(hef->network, name)) return NOT_FOUND;
  size_t room = *count;
  *count = (size_t)hef->network->stream_count;
  if (room < *count) return INSUFFICIENT_BUFFER;
  for (int direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++)
    for (struct stream *s = NULL; (s = network_next(hef->network, direction, s)) != NULL;) describe(hef->network, s, infos++);
  return OK;
}

EXPORT hailo_hef_get_all_vstream_infos(hailo_handle hef, const char *name, vstream_info_t *infos, size_t *count) {
  CALL(vstream_infos(hef, name, infos, count));
}

static hailo_status group_infos(hailo_handle handle, network_group_info_t *infos, size_t *count) {
  struct hef *hef = handle_object("hailo_get_network_groups_infos", handle, HEF);
  if (hef == NULL || infos == NULL || count == NULL) return INVALID_ARGUMENT;
  size_t room = *count;
  *count = 1;
  if (room < 1) return INSUFFICIENT_BUFFER;
  memset(infos, 0, sizeof *infos);
  memcpy(infos->name, hef->network->group, sizeof infos->name);
  return OK;
}

EXPORT hailo_get_network_groups_infos(hailo_handle hef, network_group_info_t *infos, size_t *count) {
  CALL(group_infos(hef, infos, count));
}

hailo_status network_vstream_params(struct network *network, int32_t direction, int32_t format_type,
                                    vstream_params_by_name_t *params, size_t *count) {
  if (params == NULL || count == NULL || format_type < FORMAT_AUTO || format_type > FORMAT_FLOAT32) return INVALID_ARGUMENT;
  size_t room = *count;
  *count = 0;
  for (struct stream *s = NULL; (s = network_next(network, direction, s)) != NULL;) ++*count;
  if (room < *count) return INSUFFICIENT_BUFFER;
  for (struct stream *s = NULL; (s = network_next(network, direction, s)) != NULL; params++) {
    memset(params, 0, sizeof *params);
    memcpy(params->name, s->name, sizeof params->name);
    params->params = (vstream_params_t){.format = {.type = format_type}, .timeout_ms = 10000, .queue_size = 2};
  }
  return OK;
}

static hailo_status make_params(const char *call, hailo_handle handle, const char *name, int32_t direction,
                                int32_t format_type, vstream_params_by_name_t *params, size_t *count) {
  struct hef *hef = handle_object(call, handle, HEF);
  if (hef == NULL) return INVALID_ARGUMENT;
  if (!names_network(hef->network, name)) return NOT_FOUND;
  return network_vstream_params(hef->network, direction, format_type, params, count);
}

EXPORT hailo_hef_make_input_vstream_params(hailo_handle hef, const char *name, bool unused, int32_t format_type,
                                           vstream_params_by_name_t *params, size_t *count) {
  (void)unused;
  CALL(make_params(__func__, hef, name, DIRECTION_IN, format_type, params, count));
}

EXPORT hailo_hef_make_output_vstream_params(hailo_handle hef, const char *name, bool unused, int32_t format_type,
                                            vstream_params_by_name_t *params, size_t *count) {
  (void)unused;
  CALL(make_params(__func__, hef, name, DIRECTION_OUT, format_type, params, count));
}

hailo_status hef_configure_params(const char *call, hailo_handle handle, int32_t stream_interface, configure_params_t *params) {
  struct hef *hef = handle_object(call, handle, HEF);
  if (hef == NULL || params == NULL) return INVALID_ARGUMENT;
  struct network *network = hef->network;
  memset(params, 0, sizeof *params);
  params->group_count = 1;
  network_group_params_t *group = &params->groups[0];
  memcpy(group->name, network->group, sizeof group->name);
  group->stream_count = (size_t)network->stream_count;
  for (int i = 0; i < network->stream_count; i++) {
    memcpy(group->streams[i].name, network->streams[i].name, sizeof group->streams[i].name);
    group->streams[i].params.stream_interface = stream_interface;
    group->streams[i].params.direction = network->streams[i].direction;
  }
  group->network_count = 1;
  snprintf(group->networks[0].name, sizeof group->networks[0].name, "%s/%s", network->group, network->group);
  return OK;
}

EXPORT hailo_init_configure_params(hailo_handle hef, int32_t stream_interface, configure_params_t *params) {
  CALL(hef_configure_params(__func__, hef, stream_interface, params));
}
