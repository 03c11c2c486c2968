/* What the stand-in tells: the log of calls for the tests, the log files and stderr lines of the real library, and the
 * end of the process where the real one would have undefined behaviour. */
#pragma once
#include "structs.h"

/* Adds "name status" to the file named by STANDIN_HAILORT_LOG; gives the status back. */
hailo_status journal_call(const char *call, hailo_status status);
void journal_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What the real library would log as an error: on stderr and in its log files, as the environment at load says. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Undefined behaviour in the real library: says so on stderr and in the log of calls, then aborts. */
_Noreturn void violation(const char *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
