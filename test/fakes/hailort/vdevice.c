/* The vdevice and its network groups. */
#define _GNU_SOURCE
#include "api.h"
#include "chip.h"
#include "device.h"
#include "hef.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char unique[] = "UNIQUE";

static hailo_status init_params(vdevice_params_t *params) {
  if (params == NULL) return INVALID_ARGUMENT;
  *params = (vdevice_params_t){.device_count = 1, .scheduling_algorithm = 1, .group_id = unique};
  return OK;
}

EXPORT hailo_init_vdevice_params(vdevice_params_t *params) { CALL(init_params(params)); }

static hailo_status check_params(const vdevice_params_t *params, const struct script *script) {
  if (params->device_count == 0 || params->scheduling_algorithm < 0 || params->scheduling_algorithm > 1) return INVALID_ARGUMENT;
  if (params->multi_process_service && !script->has_service)
    return HAILORT_VERSION_MAJOR == 4 ? INVALID_OPERATION : OUT_OF_PHYSICAL_DEVICES;
  if (params->device_ids != NULL && strncmp(params->device_ids[0].id, script->device_id, 32) != 0) return INVALID_ARGUMENT;
  return params->device_count > 1 ? OUT_OF_PHYSICAL_DEVICES : OK;
}

/* The mark of the driver: one holder, freed when its process ends. −1: somebody else has it; −2: nobody asked for it. */
static int take_mark(void) {
  const char *path = getenv("STANDIN_HAILORT_LOCK");
  if (path == NULL) return -2;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static hailo_status create(const vdevice_params_t *given, hailo_handle *out) {
  struct script *script = script_now();
  vdevice_params_t params;
  init_params(&params);
  if (given != NULL) params = *given;
  if (out == NULL) return INVALID_ARGUMENT;
  hailo_status status = check_params(&params, script);
  if (status == OK) status = device_state(script);
  if (status == OK && script->has_no_firmware) status = INVALID_OPERATION;
  if (status != OK) return status;
  bool is_shared = params.group_id != NULL && strcmp(params.group_id, unique) != 0;
  int mark = script->is_busy ? -1 : is_shared && chip_alive() > 0 ? -2 : chip_alive() > 0 ? -1 : take_mark();
  if (mark == -1) return params.device_ids == NULL ? OUT_OF_PHYSICAL_DEVICES : DEVICE_IN_USE;
  struct vdevice *vdevice = calloc(1, sizeof *vdevice);
  vdevice->lock_file = mark;
  vdevice->has_scheduler = params.scheduling_algorithm == 1;
  strcpy(vdevice->architecture, script->architecture);
  strcpy(vdevice->id.id, script->device_id);
  vdevice->lent_ids = params.device_ids;
  vdevice->lent_group_id = params.group_id;
  if (params.group_id != NULL) strncpy(vdevice->group_id, params.group_id, sizeof vdevice->group_id - 1);
  vdevice->handle = *out = handle_new(VDEVICE, vdevice);
  vdevice->device = device_new(vdevice);
  chip_start(vdevice);
  return OK;
}

EXPORT hailo_create_vdevice(vdevice_params_t *params, hailo_handle *vdevice) { CALL(create(params, vdevice)); }

/* The real library keeps the addresses of the params' texts: they must hold what they held at create. */
static struct vdevice *reach(const char *call, hailo_handle handle) {
  struct vdevice *vdevice = handle_object(call, handle, VDEVICE);
  if (vdevice == NULL) return NULL;
  if (vdevice->lent_ids != NULL && memcmp(vdevice->lent_ids, &vdevice->id, strlen(vdevice->id.id) + 1) != 0)
    violation(call, "found the device_ids of the vdevice's params freed or changed");
  if (vdevice->lent_group_id != NULL && strncmp(vdevice->lent_group_id, vdevice->group_id, 63) != 0)
    violation(call, "found the group_id of the vdevice's params freed or changed");
  return vdevice;
}

static hailo_status physical_devices(hailo_handle handle, hailo_handle *devices, size_t *count) {
  struct vdevice *vdevice = reach("hailo_get_physical_devices", handle);
  if (vdevice == NULL || devices == NULL || count == NULL) return INVALID_ARGUMENT;
  size_t room = *count;
  *count = 1;
  if (room < 1) return INSUFFICIENT_BUFFER;
  devices[0] = vdevice->device;
  return OK;
}

EXPORT hailo_get_physical_devices(hailo_handle vdevice, hailo_handle *devices, size_t *count) {
  CALL(physical_devices(vdevice, devices, count));
}

static bool has_streams(const struct vdevice *vdevice) {
  for (int g = 0; g < vdevice->group_count; g++)
    for (int i = 0; i < MAX_STREAMS; i++)
      if (vdevice->groups[g]->vstreams[i] != NULL) return true;
  return false;
}

static hailo_status release(hailo_handle handle) {
  struct vdevice *vdevice = reach("hailo_release_vdevice", handle);
  if (vdevice == NULL) return INVALID_ARGUMENT;
  if (has_streams(vdevice)) {
    log_error("hailo_release_vdevice: its vstreams must be released first");
    journal_line("hailo_release_vdevice before vstreams");
    return INVALID_OPERATION;
  }
  chip_stop(vdevice);
  for (int g = 0; g < vdevice->group_count; g++) handle_release(vdevice->groups[g]->handle);
  device_forget(vdevice->device);
  handle_release(handle);
  if (vdevice->lock_file >= 0) close(vdevice->lock_file);
  return OK;
}

EXPORT hailo_release_vdevice(hailo_handle vdevice) { CALL(release(vdevice)); }

static bool is_compatible(const char *device, const char *hef) {
  bool is_15_or_10 = strncmp(device, "HAILO15H", 8) == 0 || is_soc(device);
  if (strcmp(device, "HAILO8") == 0) return strncmp(hef, "HAILO8", 6) == 0;
  if (is_15_or_10) return is_soc(hef) || strcmp(hef, "HAILO15H") == 0 || strcmp(hef, "HAILO15M") == 0;
  return strcmp(device, hef) == 0;
}

static struct group *group_new(struct vdevice *vdevice, struct network *network) {
  struct group *group = calloc(1, sizeof *group);
  group->vdevice = vdevice;
  group->network = network;
  group->is_active = vdevice->has_scheduler;
  group->inputs = calloc(network->input_values, sizeof(double));
  group->floats = calloc(network->input_values, sizeof(float));
  group->outputs = calloc(network->output_values, sizeof(double));
  for (int i = 0; i < network->stream_count; i++) group->raw[i] = calloc(network->streams[i].values, 4);
  group->handle = handle_new(GROUP, group);
  return group;
}

static hailo_status check_configure(struct vdevice *vdevice, struct hef *hef, const configure_params_t *params) {
  hailo_status status = hef_recheck(hef);
  if (status != OK) return status;
  if (HAILORT_VERSION_MAJOR >= 5 && is_soc(vdevice->architecture)) return NOT_IMPLEMENTED;
  if (!is_compatible(vdevice->architecture, hef->network->architecture)) {
    log_error("HEF format is not compatible with device. Device arch: %s, HEF arch: %s", vdevice->architecture, hef->network->architecture);
    return HEF_NOT_COMPATIBLE_WITH_DEVICE;
  }
  if (params == NULL) return OK;
  if (params->group_count != 1 || params->groups[0].stream_count > 40) return INVALID_ARGUMENT;
  return strncmp(params->groups[0].name, hef->network->group, 128) == 0 ? OK : NOT_FOUND;
}

static hailo_status configure(hailo_handle handle, hailo_handle hef_handle, const configure_params_t *params,
                              hailo_handle *groups, size_t *count) {
  struct vdevice *vdevice = reach("hailo_configure_vdevice", handle);
  struct hef *hef = handle_object("hailo_configure_vdevice", hef_handle, HEF);
  if (vdevice == NULL || hef == NULL || groups == NULL || count == NULL) return INVALID_ARGUMENT;
  size_t room = *count;
  hailo_status status = vdevice->is_lost ? DRIVER_OPERATION_FAILED : check_configure(vdevice, hef, params);
  if (status != OK) return status;
  *count = 1;
  if (room < 1) return INSUFFICIENT_BUFFER;
  if (vdevice->group_count == MAX_GROUPS) return INVALID_OPERATION;
  struct group *group = group_new(vdevice, hef->network);
  pthread_mutex_lock(&vdevice->lock);
  vdevice->groups[vdevice->group_count++] = group;
  pthread_mutex_unlock(&vdevice->lock);
  groups[0] = group->handle;
  return OK;
}

EXPORT hailo_configure_vdevice(hailo_handle vdevice, hailo_handle hef, configure_params_t *params, hailo_handle *groups,
                               size_t *count) {
  CALL(configure(vdevice, hef, params, groups, count));
}

static hailo_status init_by_vdevice(hailo_handle hef, hailo_handle vdevice_handle, configure_params_t *params) {
  struct vdevice *vdevice = reach("hailo_init_configure_params_by_vdevice", vdevice_handle);
  if (vdevice == NULL) return INVALID_ARGUMENT;
  if (HAILORT_VERSION_MAJOR >= 5 && is_soc(vdevice->architecture)) return NOT_IMPLEMENTED;
  return hef_configure_params("hailo_init_configure_params_by_vdevice", hef, 0, params);
}

EXPORT hailo_init_configure_params_by_vdevice(hailo_handle hef, hailo_handle vdevice, configure_params_t *params) {
  CALL(init_by_vdevice(hef, vdevice, params));
}

/* What a group's state changes to, under the lock, with everybody woken. */
static hailo_status set_state(struct group *group, bool is_active, bool is_shut_down) {
  pthread_mutex_lock(&group->vdevice->lock);
  group->is_active = is_active;
  group->is_shut_down = is_shut_down;
  chip_wake(group->vdevice);
  pthread_mutex_unlock(&group->vdevice->lock);
  return OK;
}

static hailo_status shut_down(hailo_handle handle) {
  struct group *group = handle_object("hailo_shutdown_network_group", handle, GROUP);
  return group == NULL ? INVALID_ARGUMENT : set_state(group, group->is_active, true);
}

EXPORT hailo_shutdown_network_group(hailo_handle group) { CALL(shut_down(group)); }

static hailo_status activate(hailo_handle handle, const void *params, hailo_handle *activated) {
  struct group *group = handle_object("hailo_activate_network_group", handle, GROUP);
  if (group == NULL || activated == NULL || params != NULL) return INVALID_ARGUMENT;
  if (group->vdevice->has_scheduler || group->is_active) return INVALID_OPERATION;
  *activated = handle_new(ACTIVATED, group);
  return set_state(group, true, group->is_shut_down);
}

EXPORT hailo_activate_network_group(hailo_handle group, void *params, hailo_handle *activated) {
  CALL(activate(group, params, activated));
}

static hailo_status deactivate(hailo_handle handle) {
  struct group *group = handle_object("hailo_deactivate_network_group", handle, ACTIVATED);
  if (group == NULL) return INVALID_ARGUMENT;
  handle_release(handle);
  return set_state(group, false, group->is_shut_down);
}

EXPORT hailo_deactivate_network_group(hailo_handle activated) { CALL(deactivate(activated)); }

static hailo_status schedule(const char *call, hailo_handle handle, const char *name) {
  struct group *group = handle_object(call, handle, GROUP);
  if (group == NULL) return INVALID_ARGUMENT;
  if (!group->vdevice->has_scheduler) return INVALID_OPERATION;
  return name == NULL || strncmp(name, group->network->group, strlen(group->network->group)) == 0 ? OK : NOT_FOUND;
}

EXPORT hailo_set_scheduler_timeout(hailo_handle group, uint32_t timeout_ms, const char *name) {
  (void)timeout_ms;
  CALL(schedule(__func__, group, name));
}

EXPORT hailo_set_scheduler_threshold(hailo_handle group, uint32_t threshold, const char *name) {
  (void)threshold;
  CALL(schedule(__func__, group, name));
}

EXPORT hailo_set_scheduler_priority(hailo_handle group, uint8_t priority, const char *name) {
  CALL(priority > 31 ? INVALID_ARGUMENT : schedule(__func__, group, name));
}
