/* SPDX-License-Identifier: MIT */
#include "role/hyp/report.h"

#include "lib/fmt.h"
#include "lib/log.h"

static void log_report(struct report *report unused_arg, const char *text)
{
	log_error("%s", text);
}

static const struct report_ops log_ops = { .error = log_report };

struct report report_to_log = { .ops = &log_ops };

void report_device_error(struct report *report, const char *vm, const char *device, const char *key, const char *fmt,
			 ...)
{
	char text[256];
	size_t length = 0;
	va_list args;

	if (vm != NULL) {
		length += fmt_string(text, sizeof(text), "VM '%.31s': ", vm);
	}
	if (device != NULL) {
		length += fmt_string(text + length, sizeof(text) - length, "device '%.31s': ", device);
	}
	if (key != NULL) {
		length += fmt_string(text + length, sizeof(text) - length, "%.31s: ", key);
	}
	va_start(args, fmt);
	fmt_vstring(text + length, sizeof(text) - length, fmt, args);
	va_end(args);
	for (char *p = text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~') {
			*p = '?';
		}
	}
	report->ops->error(report, text);
}
