/* SPDX-License-Identifier: MIT */
#include "lib/panic.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/host/host.h"
#include "lib/fmt.h"

_Thread_local void (*host_panic_hook)(const char *text);

void panic(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	fmt_vstring(text, sizeof(text), fmt, args);
	va_end(args);
	if (host_panic_hook != NULL) {
		host_panic_hook(text);
	}
	fprintf(stderr, "panic: %s\n", text);
	abort();
}
