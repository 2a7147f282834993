/* SPDX-License-Identifier: MIT */
/*
 * The end of the road for our own bugs. Input from outside never gets here: it is answered with an error.
 * The image implements panic() in core/sys/panic.c; in host tests it prints and aborts (arch/host).
 */
#ifndef LIB_PANIC_H
#define LIB_PANIC_H

#include "lib/base.h"

/* Prints a report and stops the machine. The message needs no newline. */
noreturn void panic(const char *fmt, ...) printf_like(1, 2);

/* Another CPU panics: stop here, silently. */
noreturn void panic_stop(void);

/* States what must hold unless this code is wrong. */
#define CHECK(cond)                                                           \
	do {                                                                  \
		if (unlikely(!(cond))) {                                      \
			panic("%s:%d: CHECK(%s)", __FILE__, __LINE__, #cond); \
		}                                                             \
	} while (0)

#endif
