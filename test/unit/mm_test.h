/* SPDX-License-Identifier: MIT */
/* What the tests of core/mm share: replayable random numbers, memory for the pool, a way to expect a panic. */
#ifndef TEST_MM_TEST_H
#define TEST_MM_TEST_H

#include "cmocka_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "arch/host/host.h"
#include "core/mm/pool.h"

static uint64_t random_state;

static inline uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static inline uint64_t random_below(uint64_t bound) { return random_u64() % bound; }

/* SEED in the environment, else the time: printed, so that a failure can be replayed. */
static inline void random_start(const char *what)
{
	const char *seed = getenv("SEED");
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
	random_state |= random_state == 0;
	printf("%s: SEED=%llu\n", what, (unsigned long long)random_state);
	fflush(stdout);
}

/* ROUNDS in the environment, else 'otherwise'. */
static inline unsigned random_rounds(unsigned otherwise)
{
	const char *rounds = getenv("ROUNDS");

	return rounds != NULL ? (unsigned)strtoul(rounds, NULL, 0) : otherwise;
}

/* 'size' bytes aligned to 2 MiB, not touched. */
static inline pa_t arena_alloc(uint64_t size)
{
	uint8_t *at = mmap(NULL, size + BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return pa(ALIGN_UP((uint64_t)(uintptr_t)at, BLOCK_SIZE));
}

static inline uint64_t pool_free_pages(void)
{
	struct pool_stats stats;

	pool_stats(&stats);
	return stats.free_pages;
}

static jmp_buf panic_jump;

static inline void panic_catch(const char *text)
{
	(void)text;
	longjmp(panic_jump, 1);
}

#endif
