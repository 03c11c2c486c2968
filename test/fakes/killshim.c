/*
 * For LD_PRELOAD: counts the calls that change a file system below KILL_BELOW, and ends the process by SIGKILL before the
 * KILL_AT-th happens. With KILL_COUNT it writes the number of calls to that descriptor at the end of the process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int calls;
static const char *below;
static int kill_at;

__attribute__((constructor)) static void start(void) {
  below = getenv("KILL_BELOW");
  const char *at = getenv("KILL_AT");
  kill_at = at ? atoi(at) : 0;
}

__attribute__((destructor)) static void end(void) {
  const char *descriptor = getenv("KILL_COUNT");
  if (descriptor && below) dprintf(atoi(descriptor), "%d\n", atomic_load(&calls));
}

static void step(const char *path) {
  if (!below || strncmp(path, below, strlen(below)) != 0) return;
  if (atomic_fetch_add(&calls, 1) + 1 == kill_at) {
    kill(getpid(), SIGKILL);
    for (;;) pause(); /* the signal may take this thread last */
  }
}

static void step_on(int fd) {
  char name[64], path[4096];
  if (!below) return;
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path - 1);
  if (length < 0) return;
  path[length] = 0;
  step(path);
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                   \
  int name(const char *path, int flags, ...) {       \
    va_list rest;                                    \
    va_start(rest, flags);                           \
    mode_t mode = va_arg(rest, mode_t);              \
    va_end(rest);                                    \
    REAL(name);                                      \
    if (flags & O_CREAT) step(path);                 \
    return real(path, flags, mode);                  \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                         \
  int name(int at, const char *path, int flags, ...) {       \
    va_list rest;                                            \
    va_start(rest, flags);                                   \
    mode_t mode = va_arg(rest, mode_t);                      \
    va_end(rest);                                            \
    REAL(name);                                              \
    if (flags & O_CREAT) step(path);                         \
    return real(at, path, flags, mode);                      \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t size) { REAL(write); step_on(fd); return real(fd, data, size); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); step_on(fd); return real(fd, v, n); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { REAL(pwrite); step_on(fd); return real(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { REAL(pwrite64); step_on(fd); return real(fd, data, size, at); }
int fsync(int fd) { REAL(fsync); step_on(fd); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); step_on(fd); return real(fd); }
int ftruncate(int fd, off_t size) { REAL(ftruncate); step_on(fd); return real(fd, size); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); step_on(fd); return real(fd, size); }
int rename(const char *from, const char *to) { REAL(rename); step(to); return real(from, to); }
int symlink(const char *target, const char *path) { REAL(symlink); step(path); return real(target, path); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); step(path); return real(path, mode); }
int unlink(const char *path) { REAL(unlink); step(path); return real(path); }
int rmdir(const char *path) { REAL(rmdir); step(path); return real(path); }
