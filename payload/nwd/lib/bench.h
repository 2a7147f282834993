/* SPDX-License-Identifier: MIT */
/*
 * What calls cost: lines `bench NAME ROUNDS TICKS` with the mean of the rounds, in ticks of a counter that runs at
 * 1 GHz; under -icount shift=0 a tick is an instruction, of all levels together. Before and after the rounds of a line
 * stands the marker of scripts/qemu/count.c, so that each level's share can be counted.
 */
#ifndef PAYLOAD_NWD_LIB_BENCH_H
#define PAYLOAD_NWD_LIB_BENCH_H

#include "payload/lib/ffa.h"

/* ffa_call(), and the ticks from before its SMC to behind it. */
uint64_t bench_call(struct ffa_regs *regs);
/* The same until the receiver has answered, if it was interrupted or yielded. */
uint64_t bench_message(struct ffa_regs *regs);

/* The rounds of a line stand between the two, and took so many ticks in all. A wrong answer fails the test. */
void bench_begin(void);
void bench_end(const char *name, uint64_t ticks, uint32_t rounds, uint32_t wrong);

/* The same call again and again; 'want' is the function id of a good answer. */
void bench_calls(const char *name, struct ffa_regs regs, uint32_t want);

/* Memory is shared, retrieved, relinquished and reclaimed: each step in a loop over 'rounds' transactions. */
enum bench_form {
	BENCH_RANGE, /* in one range */
	BENCH_BLOCK, /* the same, aligned by its size as a block of a page table */
	BENCH_SINGLE, /* a range for each page */
};
struct bench_memory {
	const char *names[4];
	enum bench_form form;
	uint32_t pages; /* in all of nwd_pages there must be room for the rounds */
	uint32_t rounds; /* up to 16, which a partition holds at once */
};
void bench_memory(uint16_t to, const struct bench_memory *how);

#endif
