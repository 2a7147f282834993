/* SPDX-License-Identifier: MIT */
/* Who writes to the one physical console: the log, the prompt, guests' output and, seizing it, a panic. */
#ifndef CORE_SYS_CONSOLE_H
#define CORE_SYS_CONSOLE_H

#include "lib/fmt.h"
#include "lib/log.h"

/* Takes the console for several prints; the lock is innermost and held for short. */
struct fmt_sink *console_begin(void);
void console_end(void);
/* The console without its lock, for a panic: another CPU may hold it for ever. */
struct fmt_sink *console_seize(void);
/* A guest's character, as it is; false if the UART has no room now (console_try_putc). Takes the lock. */
bool console_try_raw(char c);
#define CONSOLE_LINE_MAX 320 /* characters */

/*
 * A line, without its end, that nothing else gets into: what the UART has no room for waits here, and whoever prints
 * then waits for it to leave. False, and nothing taken, if the one before has not left; then the UART interrupts when
 * there is room. NULL: only goes on with the one before. Takes the lock.
 */
bool console_try_line(const char *text, unsigned length);
/* Ends a line that somebody left unfinished. The lock is held. */
void console_fresh_line(void);

enum log_level log_level_get(void);
void log_level_set(enum log_level level);

#endif
