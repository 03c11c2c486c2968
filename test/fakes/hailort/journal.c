#define _GNU_SOURCE
#include "journal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All of it is read when the library loads, as the real one does: changing the environment later changes nothing. */
static int journal = -1;
static int log_files[2] = {-1, -1};
static bool is_silent;

static void put(int fd, const char *text, size_t length) {
  if (fd >= 0 && write(fd, text, length) < 0) return;
}

static int open_log(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) fprintf(stderr, "HailoRT warning: cannot create log file %s: %s\n", path, strerror(errno));
  return fd;
}

static void open_default_logs(void) {
  char path[4096];
  log_files[0] = open_log("hailort.log");
  const char *home = getenv("HOME");
  if (home == NULL) return;
  snprintf(path, sizeof path, "%s/.hailo", home);
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/.hailo/hailort", home);
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/.hailo/hailort/hailort.log", home);
  log_files[1] = open_log(path);
}

__attribute__((constructor)) static void read_environment(void) {
  const char *calls = getenv("STANDIN_HAILORT_LOG");
  if (calls != NULL) journal = open(calls, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const char *level = getenv("HAILORT_CONSOLE_LOGGER_LEVEL");
  is_silent = level != NULL && strcmp(level, "critical") == 0;
  const char *directory = getenv("HAILORT_LOGGER_PATH");
  if (directory == NULL) return open_default_logs();
  if (strcmp(directory, "NONE") == 0) return;
  char path[4096];
  snprintf(path, sizeof path, "%s/hailort.log", directory);
  log_files[0] = open_log(path);
}

hailo_status journal_call(const char *call, hailo_status status) {
  journal_line("%s %d", call, status);
  return status;
}

#define FORMAT_LINE(line, length, format)                                                                              \
  char line[1024];                                                                                                     \
  va_list arguments;                                                                                                   \
  va_start(arguments, format);                                                                                         \
  int length = vsnprintf(line, sizeof line - 2, format, arguments);                                                    \
  va_end(arguments);                                                                                                   \
  if (length > (int)sizeof line - 3) length = sizeof line - 3;                                                         \
  line[length++] = '\n';                                                                                               \
  line[length] = 0

void journal_line(const char *format, ...) {
  if (journal < 0) return;
  FORMAT_LINE(line, length, format);
  put(journal, line, (size_t)length);
}

void log_error(const char *format, ...) {
  FORMAT_LINE(line, length, format);
  for (int i = 0; i < 2; i++) put(log_files[i], line, (size_t)length);
  if (!is_silent) fprintf(stderr, "[HailoRT] [error] %s", line);
}

void violation(const char *call, const char *format, ...) {
  FORMAT_LINE(line, length, format);
  fprintf(stderr, "libhailort stand-in: rule broken: %s %s", call, line);
  fflush(stderr);
  journal_line("%s violation %.*s", call, length - 1, line);
  abort();
}
