/* A device as the control calls see it. */
#pragma once
#include "handles.h"
#include "script.h"

struct device {
  struct vdevice *owner; /* NULL: opened by id, to be released by the caller */
};

hailo_handle device_new(struct vdevice *owner);
/* Releases the handle and its callbacks. */
void device_forget(hailo_handle device);
/* What opening the device gives as the script has it: 0, or why not. */
hailo_status device_state(struct script *script);
bool is_soc(const char *architecture);
