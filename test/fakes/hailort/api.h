/* How every exported function begins and ends: the script may delay it, fail it, hang it or crash it; then it is logged. */
#pragma once
#include "journal.h"
#include "script.h"
#include "status.h"

#define EXPORT __attribute__((visibility("default"))) hailo_status

#define CALL(expression)                                                                                               \
  do {                                                                                                                 \
    hailo_status scripted = script_enter(__func__);                                                                    \
    return journal_call(__func__, scripted != OK ? scripted : (expression));                                           \
  } while (0)

/* The calls made per frame are logged only when they fail. */
#define HOT_CALL(expression)                                                                                           \
  do {                                                                                                                 \
    hailo_status scripted = script_enter(__func__), status = scripted != OK ? scripted : (expression);                 \
    return status == OK ? OK : journal_call(__func__, status);                                                         \
  } while (0)
