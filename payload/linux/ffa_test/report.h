/* SPDX-License-Identifier: MIT */
/* The report in the kernel's log, one line a test (KTAP), and what tests check with. They run one after the other. */
#ifndef FFA_TEST_REPORT_H
#define FFA_TEST_REPORT_H

#include <linux/types.h>

struct test {
	const char *name;
	void (*run)(void);
};

struct group {
	const char *name;
	const struct test *tests;
	unsigned int count;
};

#define GROUP(name_, tests_)                                    \
	const struct group group_##name_ = { .name = #name_,    \
					     .tests = (tests_), \
					     .count = sizeof(tests_) / sizeof((tests_)[0]) }

/* Runs the groups whose names are in the list, separated by commas; an empty list means all. */
void report_run(const struct group *const *groups, unsigned int count, const char *chosen);

/* Text that is no result. */
__printf(1, 2) void report_note(const char *format, ...);

/* About the test that runs, from any task: only the first failure of a test is told. Skipping is not passing. */
__printf(1, 2) void test_fail(const char *format, ...);
__printf(1, 2) void test_skip(const char *format, ...);
bool test_failed(void);

#define CHECK(condition)                                                             \
	do {                                                                         \
		if (!(condition)) {                                                  \
			test_fail("%s:%d: %s", __FILE_NAME__, __LINE__, #condition); \
		}                                                                    \
	} while (0)

#define CHECK_EQ(got, want)                                                                                        \
	do {                                                                                                       \
		u64 got_ = (u64)(got), want_ = (u64)(want);                                                        \
		if (got_ != want_) {                                                                               \
			test_fail("%s:%d: %s is 0x%llx, want 0x%llx", __FILE_NAME__, __LINE__, #got, got_, want_); \
		}                                                                                                  \
	} while (0)

/* Errors of Linux or FF-A: signed. */
#define CHECK_CODE(got, want)                                                                              \
	do {                                                                                               \
		int got_ = (int)(got), want_ = (int)(want);                                                \
		if (got_ != want_) {                                                                       \
			test_fail("%s:%d: %s is %d, want %d", __FILE_NAME__, __LINE__, #got, got_, want_); \
		}                                                                                          \
	} while (0)

/* Ends the test. */
#define REQUIRE(condition)                                                           \
	do {                                                                         \
		if (!(condition)) {                                                  \
			test_fail("%s:%d: %s", __FILE_NAME__, __LINE__, #condition); \
			return;                                                      \
		}                                                                    \
	} while (0)

#define SKIP_UNLESS(condition, why)     \
	do {                            \
		if (!(condition)) {     \
			test_skip(why); \
			return;         \
		}                       \
	} while (0)

#endif
