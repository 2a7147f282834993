/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <stdio.h>

#include "arch/host/host.h"
#include "lib/fmt.h"

#define LIMIT_BURST 8

_Thread_local void (*host_log_hook)(enum log_level level, const char *text);

static void log_line(enum log_level level, const char *fmt, va_list args)
{
	char text[512];

	fmt_vstring(text, sizeof(text), fmt, args);
	if (host_log_hook != NULL) {
		host_log_hook(level, text);
	} else {
		fprintf(stderr, "%s\n", text);
	}
}

void log_print(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(level, fmt, args);
	va_end(args);
}

/* Time does not pass here: each source has one burst. */
void log_limited(struct log_limit *limit, const char *fmt, ...)
{
	va_list args;

	if (limit->used == LIMIT_BURST) {
		limit->dropped++;
		return;
	}
	limit->used++;
	va_start(args, fmt);
	log_line(LOG_WARN, fmt, args);
	va_end(args);
}
