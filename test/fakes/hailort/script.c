#define _GNU_SOURCE
#include "script.h"
#include "journal.h"
#include "status.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY_NS = 5 * 1000 * 1000 };
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct script *) current;
static atomic_llong looked_at_ns = -LOOK_EVERY_NS;
static const char *path;
static struct stat last;

__attribute__((constructor)) static void read_path(void) {
  const char *named = getenv("STANDIN_HAILORT_SCRIPT");
  path = named == NULL ? NULL : strdup(named);
}

static void defaults(struct script *script) {
  memset(script, 0, sizeof *script);
  script->device_us = 200;
  script->slow = 1;
  script->ts0 = 51.5, script->ts1 = 50.25;
  script->power = 2.5, script->has_power = true;
  script->clock_hz = 400 * 1000 * 1000;
  strcpy(script->architecture, HAILORT_VERSION_MAJOR == 4 ? "HAILO8" : "HAILO10H");
  strcpy(script->device_id, "0000:01:00.0");
  snprintf(script->driver, sizeof script->driver, "%d.%d.%d", HAILORT_VERSION_MAJOR, HAILORT_VERSION_MINOR, HAILORT_VERSION_REVISION);
  strcpy(script->firmware, script->driver);
}

static const struct { const char *word; enum action action; bool has_call; int values; } actions[] = {
    {"fail", FAIL, true, 1},      {"delay", DELAY, true, 1},     {"hang", HANG, true, 0},   {"crash", CRASH, true, 0},
    {"silent", SILENT, false, 0}, {"swallow", SWALLOW, false, 0}, {"stall", STALL, false, 1}, {"lost", LOST, false, 0},
    {"corrupt", CORRUPT, false, 0}};

static bool read_limits(struct rule *rule, char **words) {
  for (; *words != NULL; words++) {
    if (sscanf(*words, "after=%ld", &rule->after) == 1) continue;
    if (sscanf(*words, "times=%ld", &rule->times) == 1) continue;
    return false;
  }
  return true;
}

static bool read_action(struct script *script, char **words) {
  for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
    if (strcmp(words[0], actions[i].word) != 0) continue;
    if (script->rule_count == 128) return false;
    struct rule *rule = &script->rules[script->rule_count++];
    rule->action = actions[i].action;
    rule->times = rule->action == LOST ? 1 : -1;
    words++;
    if (actions[i].has_call) {
      if (*words == NULL) return false;
      snprintf(rule->call, sizeof rule->call, "%s", *words++);
    }
    for (int v = 0; v < actions[i].values; v++) {
      if (*words == NULL) return false;
      rule->values[v] = atof(*words++);
    }
    return read_limits(rule, words);
  }
  return false;
}

/* notify <temperature zone sensor ts0 ts1 | shutdown ts0 ts1 | overcurrent zone amperes | clock from to> */
static bool read_notification(struct script *script, char **words) {
  static const struct { const char *word; int id, values; } kinds[] = {
      {"temperature", 1, 4}, {"shutdown", 2, 2}, {"overcurrent", 3, 2}, {"clock", 10, 2}};
  for (int i = 0; i < 4 && words[1] != NULL; i++) {
    if (strcmp(words[1], kinds[i].word) != 0) continue;
    struct rule *rule = &script->rules[script->rule_count++];
    rule->action = NOTIFY;
    rule->times = kinds[i].id;
    for (int v = 0; v < kinds[i].values; v++) {
      if (words[2 + v] == NULL) return false;
      rule->values[v] = atof(words[2 + v]);
    }
    return true;
  }
  return false;
}

static bool read_setting(struct script *script, char **words) {
  const struct { const char *word; bool *flag; } flags[] = {
      {"none", &script->has_no_device},     {"busy", &script->is_busy},       {"no_node", &script->has_no_node},
      {"no_firmware", &script->has_no_firmware}, {"old_driver", &script->has_old_driver},
      {"not_hailo", &script->is_not_hailo}, {"service", &script->has_service}};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
    if (strcmp(words[0], flags[i].word) == 0) return *flags[i].flag = words[1] == NULL;
  const struct { const char *word; char *text; size_t size; } texts[] = {
      {"arch", script->architecture, 16}, {"fw", script->firmware, 16},
      {"driver", script->driver, 16},     {"device", script->device_id, 32}};
  if (words[1] == NULL) return false;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (strcmp(words[0], texts[i].word) == 0) return snprintf(texts[i].text, texts[i].size, "%s", words[1]) > 0;
  if (strcmp(words[0], "device_us") == 0) return (script->device_us = atol(words[1])) >= 0;
  if (strcmp(words[0], "slow") == 0) return (script->slow = atof(words[1])) > 0;
  if (strcmp(words[0], "clock") == 0) return (script->clock_hz = (uint32_t)atof(words[1])) > 0;
  if (strcmp(words[0], "power") == 0) {
    script->has_power = strcmp(words[1], "none") != 0;
    return script->power = atof(words[1]), true;
  }
  if (strcmp(words[0], "temperature") == 0)
    return script->ts0 = atof(words[1]), script->ts1 = words[2] == NULL ? script->ts0 : atof(words[2]), true;
  if (strcmp(words[0], "wrong_shape") != 0) return false;
  if (strcmp(words[1], "input") == 0) return script->has_wrong_input = true;
  return strcmp(words[1], "output") == 0 && (script->has_wrong_output = true);
}

static void read_line(struct script *script, char *line, int number) {
  char *words[16] = {0}, *rest = NULL, copy[512];
  snprintf(copy, sizeof copy, "%s", line);
  int count = 0;
  for (char *word = strtok_r(copy, " \t\r\n", &rest); word != NULL && count < 15; word = strtok_r(NULL, " \t\r\n", &rest))
    words[count++] = word;
  if (count == 0 || words[0][0] == '#') return;
  bool is_read = strcmp(words[0], "notify") == 0 ? read_notification(script, words)
                                                 : read_action(script, words) || read_setting(script, words);
  if (!is_read) violation("STANDIN_HAILORT_SCRIPT", "line %d is not understood: %s", number, line);
}

static void read_script(void) {
  struct script *script = malloc(sizeof *script);
  defaults(script);
  FILE *file = path == NULL ? NULL : fopen(path, "re");
  char line[512];
  for (int number = 1; file != NULL && fgets(line, sizeof line, file) != NULL; number++) read_line(script, line, number);
  if (file != NULL) fclose(file);
  atomic_store(&current, script);
}

static bool has_changed(void) {
  struct stat found = {0};
  if (path != NULL && stat(path, &found) != 0) memset(&found, 0, sizeof found);
  bool is_same = found.st_size == last.st_size && found.st_ino == last.st_ino &&
                 found.st_mtim.tv_sec == last.st_mtim.tv_sec && found.st_mtim.tv_nsec == last.st_mtim.tv_nsec;
  last = found;
  return !is_same || atomic_load(&current) == NULL;
}

struct script *script_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long long ns = now.tv_sec * 1000000000ll + now.tv_nsec;
  if (atomic_load(&current) != NULL && ns - atomic_load(&looked_at_ns) < LOOK_EVERY_NS) return atomic_load(&current);
  pthread_mutex_lock(&reading);
  if (ns - atomic_load(&looked_at_ns) >= LOOK_EVERY_NS) {
    atomic_store(&looked_at_ns, ns);
    if (has_changed()) read_script();
  }
  pthread_mutex_unlock(&reading);
  return atomic_load(&current);
}

static bool is_in_turn(struct rule *rule) {
  long seen = atomic_fetch_add(&rule->seen, 1);
  return seen >= rule->after && (rule->times < 0 || seen < rule->after + rule->times);
}

static void wait_ms(double ms) {
  struct timespec span = {(time_t)(ms / 1000), (long)((ms - 1000 * (long)(ms / 1000)) * 1e6)};
  while (nanosleep(&span, &span) != 0 && errno == EINTR);
}

static hailo_status obey(struct rule *rule, const char *call) {
  if (rule->action == FAIL) {
    log_error("%s failed with status %d", call, (int)rule->values[0]);
    return (hailo_status)rule->values[0];
  }
  if (rule->action == DELAY) return wait_ms(rule->values[0]), OK;
  journal_line("%s %s", call, rule->action == HANG ? "hangs" : "crashes");
  while (rule->action == HANG) pause();
  signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
  abort();
}

hailo_status script_enter(const char *call) {
  struct script *script = script_now();
  for (int i = 0; i < script->rule_count; i++) {
    struct rule *rule = &script->rules[i];
    if (rule->action > CRASH || (strcmp(rule->call, call) != 0 && strcmp(rule->call, "*") != 0)) continue;
    hailo_status status = is_in_turn(rule) ? obey(rule, call) : OK;
    if (status != OK) return status;
  }
  return OK;
}

bool script_applies(struct script *script, enum action action, long frame, const double **values) {
  for (int i = 0; i < script->rule_count; i++) {
    struct rule *rule = &script->rules[i];
    if (rule->action != action || frame < rule->after) continue;
    if (rule->times >= 0 && frame >= rule->after + rule->times) continue;
    if (values != NULL) *values = rule->values;
    return true;
  }
  return false;
}
