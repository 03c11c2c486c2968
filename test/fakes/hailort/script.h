/* The control file named by STANDIN_HAILORT_SCRIPT: what the calls and the chip shall do. README.md has its language. */
#pragma once
#include "structs.h"
#include <stdatomic.h>

enum action { FAIL, DELAY, HANG, CRASH, SILENT, SWALLOW, STALL, LOST, CORRUPT, NOTIFY };

struct rule {
  enum action action;
  char call[64];
  double values[4];
  long after, times;
  atomic_long seen;
};

struct script {
  int rule_count;
  struct rule rules[128];
  atomic_long frames; /* taken by the chip since this script was read */
  long device_us;
  double slow, ts0, ts1, power;
  uint32_t clock_hz;
  char architecture[16], firmware[16], driver[16], device_id[32];
  bool has_no_device, is_busy, has_no_node, has_no_firmware, has_old_driver, is_not_hailo, has_service, has_power;
  bool has_wrong_input, has_wrong_output;
};

/* The script in force; it is read anew when the file changed (looked at every 5 ms at most) and never freed. */
struct script *script_now(void);
/* Obeys the rules for a call: waits, hangs or crashes here; gives the status to answer with, or 0 to go on. */
hailo_status script_enter(const char *call);
/* True when a rule of this action applies to the frame with this number; `values` of the rule, where wanted. */
bool script_applies(struct script *script, enum action action, long frame, const double **values);
