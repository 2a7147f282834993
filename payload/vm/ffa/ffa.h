/* SPDX-License-Identifier: MIT */
/*
 * A VM that tests FF-A from both sides. As a servant it does the commands of payload/lib/commands.h for whoever sends
 * them, on all its CPUs, as the partitions do. As the tester it sends them: to the partitions below, if there are any,
 * and to the servants, with the same tests for both. payload/nwd/lib has what a caller needs, payload/sp/lib what a
 * servant does.
 */
#ifndef PAYLOAD_VM_FFA_FFA_H
#define PAYLOAD_VM_FFA_FFA_H

#include "payload/lib/cpu.h"
#include "payload/nwd/lib/check.h"
#include "payload/sp/lib/sp.h"

/* Servants; 0: there is none. The first has two CPUs. */
extern uint16_t second, third;
/* Whom the tests are about that are run for several. */
extern uint16_t partner;
static inline bool is_vm(uint16_t id) { return (id & FFA_ID_SECURE) == 0; }

#define ANSWER_MS 20000

/* machine.c: interrupts and, at another address, the memory that this VM borrows. On the boot CPU, then on each. */
void machine_start(void);
void machine_start_cpu(void);
/* Notifications pending, as told by interrupt, so far; on any CPU. */
extern uint32_t npi_count;

/* As nwd_command(), again while the answer is FFA_BUSY, or also FFA_ABORTED: a servant that starts. */
struct words command_when_free(uint16_t to, struct words words);
struct words command_when_up(uint16_t to, struct words words);
#define WHEN_FREE(to, ...) command_when_free((to), (struct words){ { __VA_ARGS__ } })
#define WHEN_UP(to, ...) command_when_up((to), (struct words){ { __VA_ARGS__ } })

/* As SP_FFA(). */
struct ffa_regs call_from_when_free(uint16_t id, struct ffa_regs call);
#define FROM(id, ...) call_from_when_free((id), (struct ffa_regs){ .x = { __VA_ARGS__ } })
#define FROM_CODE(...)                                          \
	({                                                      \
		struct ffa_regs from_regs_ = FROM(__VA_ARGS__); \
		nwd_code_from(&from_regs_);                     \
	})

/* The tests, by topic; those marked with 'partner' are run for each. */
void test_discovery(void);
void test_messages(void); /* partner */
void test_memory(void);   /* partner */
void test_notify(void);   /* partner */
void test_life(void);

/* Runs tests with the partner's name before theirs. */
void run_for_partner(const struct test *tests, size_t count);
#define RUN_FOR_PARTNER(list) run_for_partner((list), ARRAY_SIZE(list))

#endif
