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
/* Ends a line that somebody left unfinished. The lock is held. */
void console_fresh_line(void);

enum log_level log_level_get(void);
void log_level_set(enum log_level level);

#endif
