/* SPDX-License-Identifier: MIT */
/* The report, in the form of the Test Anything Protocol, and what tests of Linux's need. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One line of the report, "ok N - what" or "not ok N - what"; returns ok. */
bool check(bool ok, const char *what);
/* The result of a system call that must succeed; a failure is shown with errno. */
bool check_ok(long result, const char *what);
/* The result of a system call that must fail with that errno. */
bool check_fails(long result, int error, const char *what);
/* Text that is not a result. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
/* The last line; returns the program's exit code. */
int check_end(void);

/* Writes a string to a file that exists, in one call; returns -1 with errno, or 0. */
int file_write(const char *path, const char *text);
/* Reads the file's start as a string of at most size - 1 bytes; empty if it cannot be read. */
char *file_read(const char *path, char *text, size_t size);
/* The number behind "name " or "name=" in a file; -1 if there is none. */
long file_number(const char *path, const char *name);
/* Makes a file with that text; returns -1 with errno, or 0. */
int file_make(const char *path, const char *text);

void sleep_ms(unsigned ms);
/* Waits for the child; returns its exit code, or minus the signal that ended it. */
int wait_child(pid_t child);
/* The calling thread runs on that CPU only; returns -1 with errno, or 0. */
int run_on(unsigned cpu);
