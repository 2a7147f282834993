/* SPDX-License-Identifier: MIT */
/* Where the readers of bundles and manifests put what they have to say: the log, or a test's buffer. */
#ifndef ROLE_HYP_REPORT_H
#define ROLE_HYP_REPORT_H

#include "lib/base.h"

struct report;

struct report_ops {
	void (*error)(struct report *report, const char *text);
};

struct report {
	const struct report_ops *ops;
};

/* Each text becomes a line of the log, at LOG_ERROR. */
extern struct report report_to_log;

/*
 * One complete message: "VM 'name': device 'name': key: text", without the parts that are NULL. Characters that are not
 * printable (they come from outside) show as '?'; it is cut at 255 characters.
 */
void report_device_error(struct report *report, const char *vm, const char *device, const char *key, const char *fmt,
			 ...) printf_like(5, 6);

#define report_error(report, vm, key, ...) report_device_error(report, vm, NULL, key, __VA_ARGS__)

#endif
