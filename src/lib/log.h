/* SPDX-License-Identifier: MIT */
/*
 * The log: one line a call, no newline in the text. What a guest can provoke goes through log_limited(), which lets a
 * burst through and then drops and counts, so that nobody floods the console.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include "lib/base.h"

enum log_level {
	LOG_ERROR, /* somebody must act; never reachable by a guest */
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/* Prints if 'level' is at or below the current level. Any CPU, any time; takes the console lock. */
void log_print(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)

/* How often one source may speak: 'burst' lines, refilled by one a second. Zeroed is ready for use. */
struct log_limit {
	uint64_t last_refill; /* seconds */
	uint32_t used;
	uint32_t dropped;
};

/* As log_print at LOG_WARN, unless the source has used up its share. */
void log_limited(struct log_limit *limit, const char *fmt, ...) printf_like(2, 3);

#endif
