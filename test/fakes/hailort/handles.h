/* Handles that can be checked: an address in an arena, never used twice, so that use after release is seen at once. */
#pragma once
#include "structs.h"

enum handle_kind { HANDLE_NONE, VDEVICE, DEVICE, HEF, GROUP, ACTIVATED, INPUT, OUTPUT };

struct handle {
  enum handle_kind kind;
  bool is_released;
  void *object;
};

hailo_handle handle_new(enum handle_kind kind, void *object);
void handle_release(hailo_handle handle);
/* The object behind the handle; NULL for a NULL handle. Ends the process for any other abuse, which is undefined
 * behaviour in the real library: a released handle, a handle of another kind, an address that is no handle. */
void *handle_object(const char *call, hailo_handle handle, enum handle_kind kind);
