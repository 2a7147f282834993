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
/* The SPMC below is one of FF-A 1.1. */
extern bool older;
static inline bool is_vm(uint16_t id) { return (id & FFA_ID_SECURE) == 0; }

#define ANSWER_MS 20000

/* By its bootargs. */
bool is_servant(void);

/* machine.c: interrupts and, at another address, the memory that this VM borrows. On the boot CPU, then on each. */
void machine_start(void);
void machine_start_cpu(void);
/*
 * If not 0, CPUs that start from now on have an interrupt so often: nobody for whom they yield can keep them for
 * long.
 */
extern uint64_t machine_tick_us;
/* Notifications pending, as told by interrupt, so far; on any CPU. Who sets 'npi_answer' is called then. */
extern uint32_t npi_count;
extern void (*npi_answer)(void);

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
void test_memory(void); /* partner */
void test_device(void); /* partner */
void test_notify(void); /* partner */
void test_life(void);
void test_halves(void); /* comes back in its last life */
void test_work(void); /* as long as it takes */

/* In the place of tests: what calls to the partner cost. A servant answers its notifications and messages. */
void test_bench(void);
void bench_servant_start(void);
void bench_answer(void);

/* Runs tests with the partner's name before theirs. */
void run_for_partner(const struct test *tests, size_t count);
#define RUN_FOR_PARTNER(list) run_for_partner((list), ARRAY_SIZE(list))

#endif
