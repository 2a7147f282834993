/* SPDX-License-Identifier: MIT */
/* What tests of FF-A check with. */
#ifndef PAYLOAD_NWD_LIB_CHECK_H
#define PAYLOAD_NWD_LIB_CHECK_H

#include "payload/lib/report.h"
#include "payload/nwd/lib/nwd.h"

#define RUN_TESTS(list) report_run((list), ARRAY_SIZE(list))
/* Ends a test that needs a partition which is not there. */
#define NEEDS(partition)                                      \
	do {                                                  \
		if ((partition) == 0) {                       \
			test_skip("there is no " #partition); \
			return;                               \
		}                                             \
	} while (0)

/* Codes are compared as signed numbers. */
#define CHECK_CODE(got, want)                                                                           \
	do {                                                                                            \
		int32_t got_code_ = (int32_t)(got);                                                     \
		int32_t want_code_ = (want);                                                            \
		if (got_code_ != want_code_) {                                                          \
			test_fail("line %d: %s is %d, want %d", __LINE__, #got, got_code_, want_code_); \
		}                                                                                       \
	} while (0)

#endif
