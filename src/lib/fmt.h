/* SPDX-License-Identifier: MIT */
/*
 * printf-style formatting: %d %i %u %x %X %c %s %p %%, flags 0 - #, width and precision (also *), lengths hh h l ll
 * z. No floats.
 */
#ifndef LIB_FMT_H
#define LIB_FMT_H

#include <stdarg.h>

#include "lib/base.h"

/* Takes one character at a time. */
struct fmt_sink {
	void (*put)(struct fmt_sink *sink, char c);
};

void fmt_vprint(struct fmt_sink *sink, const char *fmt, va_list args);
void fmt_print(struct fmt_sink *sink, const char *fmt, ...) printf_like(2, 3);

/* Writes at most size - 1 characters and a zero; returns the length the whole text would have had. */
size_t fmt_string(char *dst, size_t size, const char *fmt, ...) printf_like(3, 4);
size_t fmt_vstring(char *dst, size_t size, const char *fmt, va_list args);

#endif
