#include "api.h"

EXPORT hailo_get_library_version(version_t *version) {
  if (version != NULL) *version = (version_t){HAILORT_VERSION_MAJOR, HAILORT_VERSION_MINOR, HAILORT_VERSION_REVISION};
  CALL(version == NULL ? INVALID_ARGUMENT : OK);
}

__attribute__((visibility("default"))) const char *hailo_get_status_message(hailo_status status) {
  return status_name(status);
}
