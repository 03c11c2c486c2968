/* Scanning, and the control calls on a device: identity, temperature, power, reset, notifications. */
#define _GNU_SOURCE
#include "device.h"
#include "api.h"
#include "chip.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARCH_COUNT = 8, MAX_CALLBACKS = 64, NOTIFICATION_IDS = 15 };

bool is_soc(const char *architecture) { return strcmp(architecture, "HAILO10H") == 0; }

static int32_t architecture_number(const char *name) {
  static const char *const names[ARCH_COUNT] = {"HAILO8_A0", "HAILO8",   "HAILO8L",  "HAILO15H",
                                                "HAILO15L",  "HAILO15M", "HAILO10H", "MARS"};
  for (int i = 0; i < ARCH_COUNT; i++)
    if (strcmp(names[i], name) == 0) return i;
  return INT32_MAX;
}

static version_t version_of(const char *text) {
  version_t v = {0};
  sscanf(text, "%u.%u.%u", &v.major, &v.minor, &v.revision);
  return v;
}

static bool driver_fits(const struct script *script) {
  version_t v = version_of(script->driver);
  return v.major == HAILORT_VERSION_MAJOR && v.minor == HAILORT_VERSION_MINOR && v.revision == HAILORT_VERSION_REVISION;
}

static hailo_status no_device(void) {
  bool is_told = AT_LEAST(4, 23, 0) && !(HAILORT_VERSION_MAJOR == 5 && HAILORT_VERSION_MINOR == 0);
  return is_told ? OUT_OF_PHYSICAL_DEVICES : DRIVER_NOT_INSTALLED;
}

hailo_status device_state(struct script *script) {
  bool is_family_4 = strncmp(script->architecture, "HAILO8", 6) == 0;
  if (script->has_no_device) return no_device();
  if (script->has_old_driver) return AT_LEAST(4, 20, 0) ? DRIVER_INVALID_RESPONSE : DRIVER_OPERATION_FAILED;
  if (script->has_no_node) {
    log_error("Failed to open device file /dev/hailo0 with error 13");
    return DRIVER_OPERATION_FAILED;
  }
  if (script->is_not_hailo) return AT_LEAST(4, 20, 0) ? DRIVER_INVALID_IOCTL : DRIVER_OPERATION_FAILED;
  if (!driver_fits(script)) {
    log_error("Driver version (%s) is different from library version (%d.%d.%d)", script->driver, HAILORT_VERSION_MAJOR,
              HAILORT_VERSION_MINOR, HAILORT_VERSION_REVISION);
    return INVALID_DRIVER_VERSION;
  }
  if (HAILORT_VERSION_MAJOR == 4 && is_soc(script->architecture)) return NOT_SUPPORTED;
  return HAILORT_VERSION_MAJOR >= 5 && is_family_4 ? NOT_SUPPORTED : OK;
}

hailo_handle device_new(struct vdevice *owner) {
  struct device *device = calloc(1, sizeof *device);
  device->owner = owner;
  return handle_new(DEVICE, device);
}

static hailo_status scan(device_id_t *ids, size_t *count) {
  struct script *script = script_now();
  if (ids == NULL || count == NULL) return INVALID_ARGUMENT;
  if (script->has_old_driver && AT_LEAST(4, 20, 0)) return DRIVER_INVALID_RESPONSE;
  size_t room = *count;
  *count = script->has_no_device ? 0 : 1;
  if (script->has_no_device) return no_device() == DRIVER_NOT_INSTALLED ? DRIVER_NOT_INSTALLED : OK;
  if (room < 1) return INSUFFICIENT_BUFFER;
  snprintf(ids[0].id, sizeof ids[0].id, "%s", script->device_id);
  return OK;
}

EXPORT hailo_scan_devices(void *params, device_id_t *ids, size_t *count) {
  CALL(params != NULL ? INVALID_ARGUMENT : scan(ids, count));
}

static hailo_status open_by_id(const device_id_t *id, hailo_handle *device) {
  struct script *script = script_now();
  if (device == NULL) return INVALID_ARGUMENT;
  if (script->has_no_device) return id == NULL ? INVALID_OPERATION : INVALID_ARGUMENT;
  if (id != NULL && strncmp(id->id, script->device_id, sizeof id->id) != 0) return INVALID_ARGUMENT;
  hailo_status status = device_state(script);
  if (status == OK && script->has_no_firmware && HAILORT_VERSION_MAJOR >= 5) return INVALID_OPERATION;
  if (status == OK) *device = device_new(NULL);
  return status;
}

EXPORT hailo_create_device_by_id(const device_id_t *id, hailo_handle *device) { CALL(open_by_id(id, device)); }

/* The checks that every call on a device begins with. */
static hailo_status reach(const char *call, hailo_handle handle, const void *out) {
  struct script *script = script_now();
  if (handle == NULL || out == NULL) return INVALID_ARGUMENT;
  handle_object(call, handle, DEVICE);
  return script->has_no_device || script->has_no_firmware ? DRIVER_OPERATION_FAILED : OK;
}

static uint8_t put_text(char *field, size_t size, const char *text) {
  size_t length = strlen(text);
  if (length > size) length = size;
  memset(field, 0, size);
  memcpy(field, text, length);
  return (uint8_t)length;
}

static hailo_status identify(hailo_handle handle, device_identity_t *identity) {
  hailo_status status = reach("hailo_identify", handle, identity);
  if (status != OK) return status;
  struct script *script = script_now();
  bool is_10h = is_soc(script->architecture);
  memset(identity, 0, sizeof *identity);
  identity->protocol_version = 2;
  identity->firmware = version_of(script->firmware);
  identity->is_release = true;
  identity->architecture = architecture_number(script->architecture);
  identity->board_name_length = put_text(identity->board_name, 32, is_10h ? "Hailo-10H" : "Hailo-8");
  /* Both fill their fields to the last byte: no NUL ends them. */
  identity->serial_number_length = put_text(identity->serial_number, 16, "HLSTANDIN0000001");
  identity->part_number_length = put_text(identity->part_number, 16, "HMSTANDIN-TEST-1");
  identity->product_name_length = put_text(identity->product_name, 42, "STAND-IN FOR TESTS");
  return OK;
}

EXPORT hailo_identify(hailo_handle device, device_identity_t *identity) { CALL(identify(device, identity)); }

static hailo_status extended_information(hailo_handle handle, extended_information_t *information) {
  hailo_status status = reach("hailo_get_extended_device_information", handle, information);
  if (status != OK) return status;
  struct script *script = script_now();
  memset(information, 0, sizeof *information);
  information->clock_hz = script->clock_hz;
  information->pcie = true;
  information->current_monitoring = script->has_power;
  information->boot_source = 1;
  memset(information->soc_id, 0x5d, sizeof information->soc_id);
  information->lcs = 3;
  return OK;
}

EXPORT hailo_get_extended_device_information(hailo_handle device, extended_information_t *information) {
  CALL(extended_information(device, information));
}

static hailo_status temperature(hailo_handle handle, chip_temperature_t *out) {
  hailo_status status = reach("hailo_get_chip_temperature", handle, out);
  if (status != OK) return status;
  struct script *script = script_now();
  *out = (chip_temperature_t){.ts0 = (float)script->ts0, .ts1 = (float)script->ts1, .samples = 16};
  return OK;
}

EXPORT hailo_get_chip_temperature(hailo_handle device, chip_temperature_t *out) { CALL(temperature(device, out)); }

static hailo_status power(hailo_handle handle, int32_t dvm, int32_t type, float *watts) {
  hailo_status status = reach("hailo_power_measurement", handle, watts);
  if (status != OK) return status;
  if (dvm != INT32_MAX && (dvm < 0 || dvm > 9)) return INVALID_ARGUMENT;
  if (type != INT32_MAX && (type < 0 || type > 3)) return INVALID_ARGUMENT;
  if (!script_now()->has_power) return FW_CONTROL_FAILURE;
  *watts = (float)script_now()->power;
  return OK;
}

EXPORT hailo_power_measurement(hailo_handle device, int32_t dvm, int32_t type, float *watts) {
  CALL(power(device, dvm, type, watts));
}

static hailo_status reset(hailo_handle handle, int32_t mode) {
  hailo_status status = reach("hailo_reset_device", handle, handle);
  if (status != OK) return status;
  if (mode < 0 || mode > (HAILORT_VERSION_MAJOR >= 5 ? 4 : 3)) return INVALID_ARGUMENT;
  return chip_lose_all(), OK;
}

EXPORT hailo_reset_device(hailo_handle device, int32_t mode) { CALL(reset(device, mode)); }

static pthread_mutex_t callbacks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct callback {
  hailo_handle device;
  int32_t id;
  notification_callback_t function;
  void *opaque;
} callbacks[MAX_CALLBACKS];
static uint32_t sequence;

/* Takes every callback of the device away, or the one with the id (−1: all). */
static int drop_callbacks(hailo_handle device, int32_t id) {
  int dropped = 0;
  pthread_mutex_lock(&callbacks_lock);
  for (int i = 0; i < MAX_CALLBACKS; i++) {
    if (callbacks[i].device != device || device == NULL || (id >= 0 && callbacks[i].id != id)) continue;
    callbacks[i] = (struct callback){0};
    dropped++;
  }
  pthread_mutex_unlock(&callbacks_lock);
  return dropped;
}

static hailo_status add_callback(hailo_handle device, notification_callback_t function, int32_t id, void *opaque) {
  hailo_status status = reach("hailo_set_notification_callback", device, (const void *)function);
  if (status != OK) return status;
  if (id < 0 || id >= NOTIFICATION_IDS) return INVALID_ARGUMENT;
  drop_callbacks(device, id);
  pthread_mutex_lock(&callbacks_lock);
  for (int i = 0; i < MAX_CALLBACKS; i++) {
    if (callbacks[i].device != NULL) continue;
    callbacks[i] = (struct callback){device, id, function, opaque};
    break;
  }
  pthread_mutex_unlock(&callbacks_lock);
  watch_start();
  return OK;
}

EXPORT hailo_set_notification_callback(hailo_handle device, notification_callback_t function, int32_t id, void *opaque) {
  CALL(add_callback(device, function, id, opaque));
}

static hailo_status remove_callback(hailo_handle device, int32_t id) {
  hailo_status status = reach("hailo_remove_notification_callback", device, device);
  return status != OK ? status : drop_callbacks(device, id) == 0 ? INVALID_ARGUMENT : OK;
}

EXPORT hailo_remove_notification_callback(hailo_handle device, int32_t id) { CALL(remove_callback(device, id)); }

static notification_t notification_of(const struct rule *rule) {
  notification_t n = {.id = (int32_t)rule->times, .sequence = sequence++};
  bool is_clock = n.id == 10, is_shutdown = n.id == 2;
  for (int i = 0; i < 4; i++) {
    bool is_integer = is_clock || (!is_shutdown && i < (n.id == 1 ? 2 : 1));
    if (is_integer) n.words[i] = (uint32_t)rule->values[i];
    else n.floats[i] = (float)rule->values[i];
  }
  return n;
}

void notify_all(struct script *script) {
  for (int r = 0; r < script->rule_count; r++) {
    if (script->rules[r].action != NOTIFY) continue;
    notification_t notification = notification_of(&script->rules[r]);
    for (int i = 0; i < MAX_CALLBACKS; i++) {
      pthread_mutex_lock(&callbacks_lock);
      struct callback callback = callbacks[i];
      pthread_mutex_unlock(&callbacks_lock);
      if (callback.device != NULL && callback.id == notification.id)
        callback.function(callback.device, &notification, callback.opaque);
    }
  }
}

void device_forget(hailo_handle device) {
  drop_callbacks(device, -1);
  handle_release(device);
}

static hailo_status release_device(hailo_handle handle) {
  if (handle == NULL) return INVALID_ARGUMENT;
  struct device *device = handle_object("hailo_release_device", handle, DEVICE);
  if (device->owner != NULL) violation("hailo_release_device", "was given a device that belongs to a vdevice");
  device_forget(handle);
  return OK;
}

EXPORT hailo_release_device(hailo_handle device) { CALL(release_device(device)); }
