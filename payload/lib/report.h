/* SPDX-License-Identifier: MIT */
/*
 * What a payload says: `ok name`, `not ok name: why`, `skip name: why`, and last `# done: N passed, N failed`.
 * Other lines begin with '#' or with a word that its reader knows ("bench").
 */
#ifndef PAYLOAD_LIB_REPORT_H
#define PAYLOAD_LIB_REPORT_H

#include "payload/lib/print.h"

struct test {
	const char *name;
	void (*run)(void);
};

/* Runs each test and reports it. Feeds the watchdog before each. */
void report_run(const struct test *tests, size_t count);
/* Last line, then SYSTEM_OFF. */
noreturn void report_end(void);
/* The running test fails and nothing can go on: reports, ends. May be called on any CPU, also in a handler. */
noreturn void report_fatal(const char *fmt, ...) printf_like(1, 2);

/* Fails the running test; the first reason is the one that is printed. On any CPU. */
void test_fail(const char *fmt, ...) printf_like(1, 2);
/* The running test cannot be done here. */
void test_skip(const char *why);
/* True if the running test has failed. */
bool test_failed(void);

/* Fails the test and goes on. */
#define CHECK(condition)                                                \
	do {                                                            \
		if (!(condition)) {                                     \
			test_fail("line %d: %s", __LINE__, #condition); \
		}                                                       \
	} while (0)

/* Equality of numbers, with both printed. */
#define CHECK_EQ(got, want)                                                                         \
	do {                                                                                        \
		uint64_t got_ = (uint64_t)(got);                                                    \
		uint64_t want_ = (uint64_t)(want);                                                  \
		if (got_ != want_) {                                                                \
			test_fail("line %d: %s is 0x%lx, want 0x%lx", __LINE__, #got, got_, want_); \
		}                                                                                   \
	} while (0)

/* Fails the test and leaves the function. */
#define REQUIRE(condition)                                              \
	do {                                                            \
		if (!(condition)) {                                     \
			test_fail("line %d: %s", __LINE__, #condition); \
			return;                                         \
		}                                                       \
	} while (0)

/* Each payload's own: runs its tests. Called on the boot CPU with interrupts on. */
void payload_main(void);

#endif
