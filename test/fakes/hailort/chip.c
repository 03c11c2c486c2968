#define _GNU_SOURCE
#include "chip.h"
#include "journal.h"
#include "script.h"
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum { WATCH_MS = 10, MAX_VDEVICES = 64, SPIN_NS = 40 * 1000, LATE_NS = 1000 * 1000 };
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vdevice *alive[MAX_VDEVICES];

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static struct timespec at_ns(int64_t ns) { return (struct timespec){ns / 1000000000, ns % 1000000000}; }

void condition_create(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
}

int64_t deadline_after(uint32_t timeout_ms) { return timeout_ms == UINT32_MAX ? -1 : now_ns() + timeout_ms * 1000000ll; }

bool wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_ns) {
  if (deadline_ns < 0) return pthread_cond_wait(condition, lock) == 0;
  struct timespec deadline = at_ns(deadline_ns);
  return pthread_cond_timedwait(condition, lock, &deadline) != ETIMEDOUT;
}

void chip_wake(struct vdevice *vdevice) {
  pthread_cond_broadcast(&vdevice->work);
  pthread_cond_broadcast(&vdevice->progress);
  for (int g = 0; g < vdevice->group_count; g++)
    for (int i = 0; i < MAX_STREAMS; i++)
      if (vdevice->groups[g]->vstreams[i] != NULL) pthread_cond_broadcast(&vdevice->groups[g]->vstreams[i]->changed);
}

void chip_lose(struct vdevice *vdevice) {
  if (!vdevice->is_lost) log_error("the device was lost: transfers end with ECONNRESET");
  vdevice->is_lost = true;
  chip_wake(vdevice);
}

/* Whether the chip can take a frame; `arrived_ns` of the last of its inputs. */
static bool is_ready(struct group *group, int64_t *arrived_ns) {
  if (!group->is_active || group->is_shut_down) return false;
  *arrived_ns = 0;
  for (int i = 0; i < group->network->stream_count; i++) {
    struct vstream *v = group->vstreams[i];
    if (v == NULL) return false;
    bool is_input = v->stream->direction == DIRECTION_IN;
    if (is_input ? v->count == 0 : v->count == QUEUE_FRAMES) return false;
    if (is_input && v->arrived_ns[v->first] > *arrived_ns) *arrived_ns = v->arrived_ns[v->first];
  }
  return true;
}

static struct group *pick(struct vdevice *vdevice, int64_t *arrived_ns) {
  struct script *script = script_now();
  if (vdevice->is_lost || script_applies(script, SILENT, atomic_load(&script->frames), NULL)) return NULL;
  for (int i = 0; i < vdevice->group_count; i++) {
    struct group *group = vdevice->groups[(vdevice->next_group + i) % vdevice->group_count];
    if (!is_ready(group, arrived_ns)) continue;
    vdevice->next_group = (vdevice->next_group + i + 1) % vdevice->group_count;
    return group;
  }
  return NULL;
}

static void take(struct group *group, int32_t host_types[MAX_STREAMS]) {
  for (int i = 0; i < group->network->stream_count; i++) {
    struct vstream *v = group->vstreams[i];
    if (v->stream->direction != DIRECTION_IN) continue;
    memcpy(group->raw[i], v->frames + (size_t)v->first * v->frame_size, v->frame_size);
    host_types[i] = v->format.type;
    v->first = (v->first + 1) % QUEUE_FRAMES;
    v->count--;
    pthread_cond_broadcast(&v->changed);
  }
  group->in_flight = 1;
}

static void compute(struct group *group, const int32_t host_types[MAX_STREAMS], bool is_corrupt) {
  struct network *network = group->network;
  bool is_float = true;
  for (int i = 0; i < network->stream_count; i++) {
    struct stream *s = &network->streams[i];
    if (s->direction != DIRECTION_IN) continue;
    frame_decode(s, host_types[i], group->raw[i], group->inputs + s->first);
    is_float = is_float && host_types[i] == FORMAT_FLOAT32;
    if (is_float) memcpy(group->floats + s->first, group->raw[i], 4 * s->values);
  }
  network_compute(network, group->inputs, is_float ? group->floats : NULL, group->outputs);
  /* Wrong in a way that no scale hides: turned by one place, with the other sign. */
  double carried = group->outputs[0];
  for (size_t k = 0; is_corrupt && k < network->output_values; k++)
    group->outputs[k] = -(k + 1 < network->output_values ? group->outputs[k + 1] : carried);
}

static void deliver(struct group *group) {
  for (int i = 0; i < group->network->stream_count; i++) {
    struct vstream *v = group->vstreams[i];
    if (v == NULL || v->stream->direction != DIRECTION_OUT || v->count == QUEUE_FRAMES) continue;
    uint8_t *slot = v->frames + (size_t)((v->first + v->count) % QUEUE_FRAMES) * v->frame_size;
    frame_encode(v->stream, v->format.type, group->outputs + v->stream->first, slot);
    v->count++;
    pthread_cond_broadcast(&v->changed);
  }
}

/* Sleeps to shortly before and spins the rest, so that 200 µs are 200 µs and not 270. */
static void sleep_until(int64_t end_ns) {
  struct timespec early = at_ns(end_ns - SPIN_NS);
  if (end_ns - SPIN_NS > now_ns())
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &early, NULL) == EINTR);
  while (now_ns() < end_ns);
}

static bool is_losing(struct script *script, long frame) {
  for (int i = 0; i < script->rule_count; i++) {
    struct rule *rule = &script->rules[i];
    if (rule->action != LOST || frame < rule->after) continue;
    if (atomic_fetch_add(&rule->seen, 1) < rule->times) return true;
  }
  return false;
}

/* One frame through the chip; the lock is held on entry and on return, not while it works. */
static void run_frame(struct vdevice *vdevice, struct group *group, int64_t *free_ns, int64_t arrived_ns) {
  struct script *script = script_now();
  long frame = atomic_fetch_add(&script->frames, 1);
  if (is_losing(script, frame)) return chip_lose(vdevice);
  int32_t host_types[MAX_STREAMS];
  take(group, host_types);
  pthread_mutex_unlock(&vdevice->lock);
  compute(group, host_types, script_applies(script, CORRUPT, frame, NULL));
  int64_t begin_ns = *free_ns > arrived_ns ? *free_ns : arrived_ns, now = now_ns();
  if (begin_ns < now - LATE_NS) begin_ns = now;
  const double *stall = NULL;
  int64_t needed_ns = (int64_t)(script->device_us * script->slow * 1e3);
  if (script_applies(script, STALL, frame, &stall)) needed_ns += (int64_t)(stall[0] * 1e6);
  sleep_until(*free_ns = begin_ns + needed_ns);
  pthread_mutex_lock(&vdevice->lock);
  group->in_flight = 0;
  if (!vdevice->is_lost && !script_applies(script, SWALLOW, frame, NULL)) deliver(group);
  pthread_cond_broadcast(&vdevice->progress);
}

static void *run_chip(void *argument) {
  struct vdevice *vdevice = argument;
  int64_t free_ns = 0, arrived_ns = 0;
  prctl(PR_SET_TIMERSLACK, 1);
  pthread_mutex_lock(&vdevice->lock);
  while (!vdevice->is_stopping) {
    struct group *group = pick(vdevice, &arrived_ns);
    if (group == NULL) pthread_cond_wait(&vdevice->work, &vdevice->lock);
    else run_frame(vdevice, group, &free_ns, arrived_ns);
  }
  pthread_mutex_unlock(&vdevice->lock);
  return NULL;
}

void chip_start(struct vdevice *vdevice) {
  pthread_mutex_init(&vdevice->lock, NULL);
  condition_create(&vdevice->work);
  condition_create(&vdevice->progress);
  pthread_create(&vdevice->thread, NULL, run_chip, vdevice);
  pthread_mutex_lock(&list_lock);
  for (int i = 0; i < MAX_VDEVICES; i++) {
    if (alive[i] != NULL) continue;
    alive[i] = vdevice;
    break;
  }
  pthread_mutex_unlock(&list_lock);
  watch_start();
}

void chip_stop(struct vdevice *vdevice) {
  pthread_mutex_lock(&list_lock);
  for (int i = 0; i < MAX_VDEVICES; i++)
    if (alive[i] == vdevice) alive[i] = NULL;
  pthread_mutex_unlock(&list_lock);
  pthread_mutex_lock(&vdevice->lock);
  vdevice->is_stopping = true;
  chip_wake(vdevice);
  pthread_mutex_unlock(&vdevice->lock);
  pthread_join(vdevice->thread, NULL);
}

int chip_alive(void) {
  int count = 0;
  pthread_mutex_lock(&list_lock);
  for (int i = 0; i < MAX_VDEVICES; i++) count += alive[i] != NULL;
  pthread_mutex_unlock(&list_lock);
  return count;
}

static void each_vdevice(void (*act)(struct vdevice *)) {
  pthread_mutex_lock(&list_lock);
  for (int i = 0; i < MAX_VDEVICES; i++) {
    if (alive[i] == NULL) continue;
    pthread_mutex_lock(&alive[i]->lock);
    act(alive[i]);
    pthread_mutex_unlock(&alive[i]->lock);
  }
  pthread_mutex_unlock(&list_lock);
}

void chip_lose_all(void) { each_vdevice(chip_lose); }

/* A bare `lost` takes a device at once, also one that has no frame to work on. */
static void lose_at_once(struct script *script) {
  for (int i = 0; i < script->rule_count; i++) {
    struct rule *rule = &script->rules[i];
    if (rule->action != LOST || rule->after > 0 || chip_alive() == 0) continue;
    if (atomic_fetch_add(&rule->seen, 1) < rule->times) chip_lose_all();
  }
}

static void *run_watch(void *nothing) {
  struct script *known = NULL;
  (void)nothing;
  for (;;) {
    struct script *script = script_now();
    if (script != known) {
      notify_all(script);
      each_vdevice(chip_wake);
    }
    lose_at_once(script);
    known = script;
    struct timespec pause = {0, WATCH_MS * 1000000};
    nanosleep(&pause, NULL);
  }
  return NULL;
}

static void watch_once(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, run_watch, NULL);
  pthread_detach(thread);
}

void watch_start(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_once);
}
