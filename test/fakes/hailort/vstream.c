/* The vstreams: creation, frames in, frames out, and release. */
#define _GNU_SOURCE
#include "api.h"
#include "chip.h"
#include "hef.h"
#include <stdlib.h>
#include <string.h>

static hailo_status make_params(const char *call, hailo_handle handle, int32_t direction, int32_t format_type,
                                vstream_params_by_name_t *params, size_t *count) {
  struct group *group = handle_object(call, handle, GROUP);
  return group == NULL ? INVALID_ARGUMENT : network_vstream_params(group->network, direction, format_type, params, count);
}

EXPORT hailo_make_input_vstream_params(hailo_handle group, bool unused, int32_t format_type,
                                       vstream_params_by_name_t *params, size_t *count) {
  (void)unused;
  CALL(make_params(__func__, group, DIRECTION_IN, format_type, params, count));
}

EXPORT hailo_make_output_vstream_params(hailo_handle group, bool unused, int32_t format_type,
                                        vstream_params_by_name_t *params, size_t *count) {
  (void)unused;
  CALL(make_params(__func__, group, DIRECTION_OUT, format_type, params, count));
}

static hailo_status check_params(struct group *group, const vstream_params_by_name_t *given, int32_t direction) {
  struct stream *s = network_stream(group->network, given->name, direction);
  if (s == NULL) return NOT_FOUND;
  if (group->vstreams[s - group->network->streams] != NULL) return INVALID_OPERATION;
  const vstream_params_t *p = &given->params;
  if (p->queue_size == 0 || p->format.type < FORMAT_AUTO || p->format.type > FORMAT_FLOAT32) return INVALID_ARGUMENT;
  bool is_narrow = s->format.type == FORMAT_UINT16 && p->format.type == FORMAT_UINT8;
  bool is_raw_float = s->format.type == FORMAT_FLOAT32 && p->format.type != FORMAT_AUTO && p->format.type != FORMAT_FLOAT32;
  if (is_narrow || is_raw_float) return INVALID_ARGUMENT;
  return p->format.order == 0 || p->format.order == s->format.order ? OK : INVALID_ARGUMENT;
}

static struct vstream *open_vstream(struct group *group, const vstream_params_by_name_t *given, int32_t direction) {
  struct vstream *v = calloc(1, sizeof *v);
  v->group = group;
  v->stream = network_stream(group->network, given->name, direction);
  v->format = v->stream->format;
  if (given->params.format.type != FORMAT_AUTO) v->format.type = given->params.format.type;
  v->frame_size = v->stream->values * format_bytes(v->format.type);
  v->timeout_ms = given->params.timeout_ms;
  v->frames = malloc(QUEUE_FRAMES * v->frame_size);
  condition_create(&v->changed);
  v->handle = handle_new(direction == DIRECTION_IN ? INPUT : OUTPUT, v);
  group->vstreams[v->stream - group->network->streams] = v;
  return v;
}

static hailo_status create(const char *call, hailo_handle handle, const vstream_params_by_name_t *params, size_t count,
                           int32_t direction, hailo_handle *out) {
  struct group *group = handle_object(call, handle, GROUP);
  if (group == NULL || params == NULL || out == NULL || count == 0) return INVALID_ARGUMENT;
  if (group->vdevice->is_lost || group->is_shut_down) return STREAM_ABORT;
  for (size_t i = 0; i < count; i++) {
    hailo_status status = check_params(group, &params[i], direction);
    if (status != OK) return status;
  }
  pthread_mutex_lock(&group->vdevice->lock);
  for (size_t i = 0; i < count; i++) out[i] = open_vstream(group, &params[i], direction)->handle;
  chip_wake(group->vdevice);
  pthread_mutex_unlock(&group->vdevice->lock);
  return OK;
}

EXPORT hailo_create_input_vstreams(hailo_handle group, const vstream_params_by_name_t *params, size_t count, hailo_handle *out) {
  CALL(create(__func__, group, params, count, DIRECTION_IN, out));
}

EXPORT hailo_create_output_vstreams(hailo_handle group, const vstream_params_by_name_t *params, size_t count, hailo_handle *out) {
  CALL(create(__func__, group, params, count, DIRECTION_OUT, out));
}

static hailo_status frame_size(const char *call, hailo_handle handle, enum handle_kind kind, size_t *size) {
  struct vstream *v = handle_object(call, handle, kind);
  if (v == NULL || size == NULL) return INVALID_ARGUMENT;
  *size = v->frame_size;
  return OK;
}

EXPORT hailo_get_input_vstream_frame_size(hailo_handle v, size_t *size) { CALL(frame_size(__func__, v, INPUT, size)); }
EXPORT hailo_get_output_vstream_frame_size(hailo_handle v, size_t *size) { CALL(frame_size(__func__, v, OUTPUT, size)); }

static hailo_status quant_infos(hailo_handle handle, quant_info_t *infos, size_t *count) {
  struct vstream *v = handle_object("hailo_get_output_vstream_quant_infos", handle, OUTPUT);
  if (v == NULL || infos == NULL || count == NULL) return INVALID_ARGUMENT;
  const float *pairs = v->stream->channel_quants;
  size_t room = *count;
  *count = pairs == NULL ? 1 : v->stream->shape.features;
  if (room < *count) return INSUFFICIENT_BUFFER;
  for (size_t i = 0; i < *count; i++) {
    infos[i] = v->stream->quant;
    if (pairs != NULL) infos[i].zero_point = pairs[2 * i], infos[i].scale = pairs[2 * i + 1];
  }
  return OK;
}

EXPORT hailo_get_output_vstream_quant_infos(hailo_handle v, quant_info_t *infos, size_t *count) {
  CALL(quant_infos(v, infos, count));
}

/* Why no frame can pass, or 0. */
static hailo_status obstacle(const struct vstream *v) {
  if (v->group->is_shut_down || v->group->vdevice->is_lost) return STREAM_ABORT;
  return v->group->is_active ? OK : NETWORK_GROUP_NOT_ACTIVATED;
}

/* Waits until the ring has fewer than `full` or more than `empty` frames. The lock is held. */
static hailo_status wait_turn(struct vstream *v, bool is_input) {
  int64_t deadline_ns = deadline_after(v->timeout_ms);
  bool is_in_time = true;
  for (;;) {
    hailo_status status = obstacle(v);
    if (status != OK) return status;
    if (is_input ? v->count < QUEUE_FRAMES : v->count > 0) return OK;
    if (!is_in_time) return TIMEOUT;
    is_in_time = wait_until(&v->changed, &v->group->vdevice->lock, deadline_ns);
  }
}

static hailo_status begin(const char *call, struct vstream *v) {
  pthread_mutex_lock(&v->group->vdevice->lock);
  if (v->calls_inside++ > 0) violation(call, "two calls at once on one vstream: one writer and one reader each");
  hailo_status status = wait_turn(v, v->stream->direction == DIRECTION_IN);
  if (status != OK) log_error("%s: %s on %s", call, status_name(status), v->stream->name);
  return status;
}

static hailo_status end(struct vstream *v, hailo_status status) {
  v->calls_inside--;
  pthread_mutex_unlock(&v->group->vdevice->lock);
  return status;
}

static hailo_status write_frame(hailo_handle handle, const void *frame, size_t size) {
  struct vstream *v = handle_object("hailo_vstream_write_raw_buffer", handle, INPUT);
  if (v == NULL || frame == NULL || size != v->frame_size) return INVALID_ARGUMENT;
  hailo_status status = begin("hailo_vstream_write_raw_buffer", v);
  if (status != OK) return end(v, status);
  int slot = (v->first + v->count++) % QUEUE_FRAMES;
  memcpy(v->frames + (size_t)slot * v->frame_size, frame, size);
  v->arrived_ns[slot] = now_ns();
  pthread_cond_signal(&v->group->vdevice->work);
  return end(v, OK);
}

EXPORT hailo_vstream_write_raw_buffer(hailo_handle v, const void *frame, size_t size) { HOT_CALL(write_frame(v, frame, size)); }

static hailo_status read_frame(hailo_handle handle, void *frame, size_t size) {
  struct vstream *v = handle_object("hailo_vstream_read_raw_buffer", handle, OUTPUT);
  if (v == NULL || frame == NULL) return INVALID_ARGUMENT;
  if (size != v->frame_size) return INTERNAL_FAILURE;
  hailo_status status = begin("hailo_vstream_read_raw_buffer", v);
  if (status != OK) return end(v, status);
  memcpy(frame, v->frames + (size_t)v->first * v->frame_size, size);
  v->first = (v->first + 1) % QUEUE_FRAMES;
  v->count--;
  pthread_cond_signal(&v->group->vdevice->work);
  return end(v, OK);
}

EXPORT hailo_vstream_read_raw_buffer(hailo_handle v, void *frame, size_t size) { HOT_CALL(read_frame(v, frame, size)); }

static int pending(const struct group *group) {
  int most = 0;
  for (int i = 0; i < group->network->stream_count; i++) {
    struct vstream *v = group->vstreams[i];
    if (v != NULL && v->stream->direction == DIRECTION_IN && v->count > most) most = v->count;
  }
  return most + group->in_flight;
}

static bool drop_oldest(struct group *group) {
  bool has_dropped = false;
  for (int i = 0; i < group->network->stream_count; i++) {
    struct vstream *v = group->vstreams[i];
    if (v == NULL || v->stream->direction != DIRECTION_IN || v->count == 0) continue;
    v->first = (v->first + 1) % QUEUE_FRAMES;
    v->count--;
    has_dropped = true;
  }
  return has_dropped;
}

static bool is_flushable(const struct group *group) {
  return pending(group) > 0 && group->is_active && !group->is_shut_down && !group->vdevice->is_lost;
}

/* Waits for what was written. `is_patient`: goes on after a timeout and gives one frame up for it. The lock is held. */
static hailo_status flush(struct group *group, uint32_t timeout_ms, bool is_patient) {
  int64_t deadline_ns = deadline_after(timeout_ms);
  for (int before = pending(group); is_flushable(group);) {
    bool is_in_time = wait_until(&group->vdevice->progress, &group->vdevice->lock, deadline_ns);
    if (!is_in_time && !is_patient) return TIMEOUT;
    if (!is_in_time && !drop_oldest(group)) return TIMEOUT;
    if (is_in_time && pending(group) >= before) continue;
    before = pending(group);
    deadline_ns = deadline_after(timeout_ms);
  }
  return OK;
}

static hailo_status flush_input(hailo_handle handle) {
  struct vstream *v = handle_object("hailo_flush_input_vstream", handle, INPUT);
  if (v == NULL) return INVALID_ARGUMENT;
  pthread_mutex_lock(&v->group->vdevice->lock);
  hailo_status status = flush(v->group, v->timeout_ms, false);
  pthread_mutex_unlock(&v->group->vdevice->lock);
  return status;
}

EXPORT hailo_flush_input_vstream(hailo_handle v) { CALL(flush_input(v)); }

static hailo_status clear_one(const char *call, struct vstream *v) {
  if (v->calls_inside > 0) violation(call, "cleared a vstream while a read or write is in it");
  v->count = 0;
  pthread_cond_broadcast(&v->changed);
  return OK;
}

/* Once released, nothing of it is freed: what comes too late finds the handle released, not memory of somebody else. */
static hailo_status release_one(const char *call, struct vstream *v) {
  if (v->calls_inside > 0) violation(call, "released a vstream while a read or write is in it");
  flush(v->group, v->timeout_ms, true);
  v->group->vstreams[v->stream - v->group->network->streams] = NULL;
  free(v->frames);
  v->frames = NULL;
  handle_release(v->handle);
  return OK;
}

static hailo_status each(const char *call, const hailo_handle *handles, size_t count, enum handle_kind kind,
                         hailo_status (*act)(const char *, struct vstream *)) {
  if (handles == NULL || count == 0) return INVALID_ARGUMENT;
  for (size_t i = 0; i < count; i++) {
    struct vstream *v = handle_object(call, handles[i], kind);
    if (v == NULL) return INVALID_ARGUMENT;
    pthread_mutex_lock(&v->group->vdevice->lock);
    act(call, v);
    pthread_mutex_unlock(&v->group->vdevice->lock);
  }
  return OK;
}

EXPORT hailo_clear_input_vstreams(const hailo_handle *v, size_t count) { CALL(each(__func__, v, count, INPUT, clear_one)); }
EXPORT hailo_clear_output_vstreams(const hailo_handle *v, size_t count) { CALL(each(__func__, v, count, OUTPUT, clear_one)); }
EXPORT hailo_release_input_vstreams(const hailo_handle *v, size_t count) { CALL(each(__func__, v, count, INPUT, release_one)); }
EXPORT hailo_release_output_vstreams(const hailo_handle *v, size_t count) { CALL(each(__func__, v, count, OUTPUT, release_one)); }
