/* SPDX-License-Identifier: MIT */
/* Text on the PL011 at UART_BASE. */
#ifndef PAYLOAD_LIB_PRINT_H
#define PAYLOAD_LIB_PRINT_H

#include <stdarg.h>

#include "payload/lib/base.h"

/* Enables the transmitter. */
void uart_init(void);

/* %s %c %d %u %x %% with width, '0' and l. A call's text is not mixed with another CPU's. */
void print(const char *fmt, ...) printf_like(1, 2);

/* The same into a buffer of 'size' bytes, cut to fit and ended with a zero. */
void print_to(char *dst, size_t size, const char *fmt, ...) printf_like(3, 4);
void vprint_to(char *dst, size_t size, const char *fmt, va_list list) printf_like(3, 0);

#endif
