/* The chip behind a vdevice: one thread that takes a frame of every input, needs its time, and gives one of every output. */
#pragma once
#include "handles.h"
#include "network.h"
#include <pthread.h>

enum { QUEUE_FRAMES = 32, MAX_GROUPS = 8 };

struct vstream {
  hailo_handle handle;
  struct group *group;
  struct stream *stream;
  format_t format;
  size_t frame_size;
  uint32_t timeout_ms;
  uint8_t *frames; /* a ring of QUEUE_FRAMES */
  int64_t arrived_ns[QUEUE_FRAMES];
  int first, count;
  int calls_inside;
  pthread_cond_t changed;
};

struct group {
  hailo_handle handle;
  struct vdevice *vdevice;
  struct network *network;
  struct vstream *vstreams[MAX_STREAMS]; /* as in the network; NULL where none is open */
  bool is_active, is_shut_down;
  int in_flight;
  double *inputs, *outputs;
  float *floats;
  uint8_t *raw[MAX_STREAMS];
};

struct vdevice {
  hailo_handle handle, device;
  pthread_mutex_t lock;
  pthread_cond_t work, progress;
  pthread_t thread;
  struct group *groups[MAX_GROUPS];
  int group_count, next_group, lock_file;
  bool is_stopping, is_lost, has_scheduler;
  char architecture[16], group_id[64];
  device_id_t id;
  /* What the caller lent: the real library keeps these addresses until release. */
  const char *lent_group_id;
  const device_id_t *lent_ids;
};

void chip_start(struct vdevice *vdevice);
void chip_stop(struct vdevice *vdevice);
/* Wakes everything that waits on it. The lock is held. */
void chip_wake(struct vdevice *vdevice);
/* Every stream answers 63 from now on. */
void chip_lose(struct vdevice *vdevice);
/* All vdevices of the process, as after a reset of the device. */
void chip_lose_all(void);
int chip_alive(void);
/* Reads the script every 10 ms from a thread of its own, so that it also rules when nobody calls. */
void watch_start(void);
int64_t now_ns(void);
/* Waits for the condition until the deadline (-1: for ever); false when it passed. */
bool wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_ns);
int64_t deadline_after(uint32_t timeout_ms);
void condition_create(pthread_cond_t *condition);
/* Calls the callbacks registered for the notifications of a new script. Lives in device.c. */
struct script;
void notify_all(struct script *script);
