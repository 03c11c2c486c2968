#include "handles.h"
#include "journal.h"
#include <stdatomic.h>

enum { ARENA_SIZE = 1 << 16 };
static struct handle arena[ARENA_SIZE];
static atomic_size_t used = 1;

static const char *const kind_names[] = {"nothing", "a vdevice",        "a device",         "a HEF", "a network group",
                                         "an activated network group", "an input vstream", "an output vstream"};

hailo_handle handle_new(enum handle_kind kind, void *object) {
  size_t i = atomic_fetch_add(&used, 1);
  if (i >= ARENA_SIZE) violation("handles", "more than %d handles were made in one process", ARENA_SIZE);
  arena[i] = (struct handle){.kind = kind, .object = object};
  return &arena[i];
}

void handle_release(hailo_handle handle) { handle->is_released = true; }

void *handle_object(const char *call, hailo_handle handle, enum handle_kind kind) {
  if (handle == NULL) return NULL;
  size_t offset = (size_t)((const char *)handle - (const char *)arena);
  if (handle < arena || handle >= arena + atomic_load(&used) || offset % sizeof(struct handle) != 0)
    violation(call, "%p is no handle of this library", (void *)handle);
  if (handle->kind != kind) violation(call, "was given %s for %s", kind_names[handle->kind], kind_names[kind]);
  if (handle->is_released) violation(call, "was given %s that was released", kind_names[kind]);
  return handle->object;
}
