/* SPDX-License-Identifier: MIT */
/*
 * A VM that wants to do harm. What a behaviour does goes on in attempts: a few instructions that may do anything to the
 * CPU. Whether they end or an exception ends them, everything that the program needs is put back.
 */
#ifndef PAYLOAD_VM_HOSTILE_HOSTILE_H
#define PAYLOAD_VM_HOSTILE_HOSTILE_H

#include "payload/lib/boot.h"
#include "payload/lib/cpu.h"
#include "payload/vm/hostile/context.h"

/* ---- attempt.c ---- */

/* What the end of an attempt puts back, read with the MMU off. The layout is context.h's. */
struct context {
	uint64_t sp; /* of the attempt that runs; 0: none does, and what ended starts over */
	struct mmu_regs mmu;
	uint64_t cpu; /* TPIDR_EL1 */
	uint64_t stack;
	uint64_t pad;
} __attribute__((aligned(CONTEXT_SIZE)));

/* Gives all CPUs a context. From then on exceptions end attempts. */
void attempt_init(void);

#define ATTEMPT_REGS 30
#define ATTEMPT_WORDS 16

/* Register values before, and the instructions, which may change x0-x30 and any system register but not SP. */
struct attempt {
	uint64_t x[ATTEMPT_REGS];
	uint32_t words[ATTEMPT_WORDS];
	uint32_t count;
};

/* All registers random, no instructions. */
void attempt_begin(struct attempt *attempt);
void attempt_add(struct attempt *attempt, uint32_t word);
/* Runs it with interrupts masked. Gives 0, or ESR_EL1 with ATTEMPT_FAULT if an exception ended it. */
#define ATTEMPT_FAULT BIT(63)
uint64_t attempt_run(const struct attempt *attempt);

/* The CPU's part of the GIC as it is after a start: all SGIs and PPIs off, the CPU interface on. */
void calm(void);
/* The virtual timer fires in so many microseconds, and wakes the CPU. */
void alarm_set(uint32_t us);

/* Where a CPU starts, and a CPU_SUSPEND comes back to. */
void hostile_entry(void);
/* The rest of a CPU's life, on an empty stack. */
noreturn void cpu_work(void);

/* ---- random.c ---- */

void random_init(uint64_t seed);
uint64_t random_next(void);
/* 0 to n-1. */
uint64_t random_below(uint64_t n);
/* True once in n times. */
bool random_once_in(uint64_t n);
/* A number of any length, a small one, an address: what finds errors in range checks. Never the program's. */
uint64_t random_value(void);
/* A page of the IPA space: a device's often, or nothing's, or of the scratch memory. Never one of the program. */
uint64_t random_page(void);
/* A page of the scratch memory, which may hold anything. */
uint64_t random_scratch(void);
extern uint64_t scratch_base, scratch_end;
/* A load, store, atomic or exclusive whose base is x1; it may change any register. */
uint32_t random_access(void);

/* ---- main.c ---- */

/* In RAM that a reset leaves as it is. */
struct kept {
	uint64_t magic;
	uint64_t resets;
	uint64_t rounds[CPU_MAX];
};
extern struct kept *kept;

/* A line on the UART, whatever state that is in. CPU 0 only. */
void say(const char *fmt, ...) printf_like(1, 2);

/* ---- behaviours: what CPU 0 does before the others run, and a round of each CPU ---- */

void calls_round(void);
void reset_round(void);
void sysregs_round(void);
void mmio_init(void);
void mmio_round(void);
void rings_init(void);
void rings_round(void);
void storm_round(void);
void tables_init(void);
void tables_round(void);
void flood_init(void);
void flood_round(void);
void spin_round(void);
void ffa_init(void);
void ffa_round(void);

#endif
