/* SPDX-License-Identifier: MIT */
/* The client's parts: each runs its tests. */
#ifndef PAYLOAD_NWD_CLIENT_TESTS_H
#define PAYLOAD_NWD_CLIENT_TESTS_H

#include "payload/nwd/lib/check.h"

/* The words that it may be given: the seed and the number of calls on each CPU, 0 for none (fuzz.c). */
enum {
	WORD_FUZZ_SEED,
	WORD_FUZZ_CALLS,
};

/* Until FF-A can be used; false if it cannot. */
bool test_start(void);
void test_fuzz(void);
void test_discovery(void);
void test_mailbox(void);
void test_indirect(void);
void test_messages(void);
void test_memory(void);
void test_memory_errors(void);
void test_fragments(void);
void test_notifications(void);
void test_interrupts(void);
void test_scalable(void);
void test_cpus(void);
void test_el0(void);
void test_abort(void);

#endif
