/* SPDX-License-Identifier: MIT */
/*
 * What calls cost, from NS-EL2 on one CPU: `bench NAME ROUNDS TICKS` with the median of the rounds, in ticks of a
 * counter that runs at 1 GHz; under -icount shift=0 a tick is an instruction, of all levels together. Before and after
 * each loop stands the marker of scripts/qemu/count.c, so that S-EL2's share can be counted.
 */
#include "payload/lib/arch.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/nwd/bench/bench.h"
#include "payload/nwd/lib/nwd.h"

#define ROUNDS 1000
/* As much as hello holds at once, and as there are pages. */
#define ROUNDS_MEMORY 16
#define ROUNDS_LARGE 3
#define PAGES_LARGE 512

static uint64_t samples[ROUNDS];
static uint64_t handles[ROUNDS_MEMORY];

static uint64_t median(uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		uint64_t value = samples[i];
		uint32_t at = i;

		for (; at > 0 && samples[at - 1] > value; at--) {
			samples[at] = samples[at - 1];
		}
		samples[at] = value;
	}
	return samples[count / 2];
}

static void marker(void)
{
	__asm__ volatile("hint #0x7f" ::: "memory");
}

/* Calls the same again and again; 'want' is the function id of a good answer. */
static void measure(const char *name, struct ffa_regs regs, uint32_t want)
{
	uint32_t wrong = 0;

	marker();
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct ffa_regs r = regs;

		samples[i] = bench_call(&r);
		wrong += (uint32_t)r.x[0] != want;
	}
	marker();
	if (wrong != 0) {
		test_fail("%s: %u wrong answers", name, wrong);
	}
	print("bench %s %u %lu\n", name, ROUNDS, median(ROUNDS));
}

static struct ffa_regs message(uint64_t w3, uint64_t w4, uint64_t w5, uint64_t w6, uint64_t w7)
{
	return (struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, hello), 0, w3, w4, w5, w6,
					 w7 } };
}

static struct ffa_regs share(uint32_t round, uint32_t pages)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_SHARE_64, hello, &range, nwd_pages[round * pages], pages);
	uint32_t size = ffa_describe(nwd_tx, &t, 1);

	return (struct ffa_regs){ .x = { FFA_MEM_SHARE_64, size, size } };
}

static struct ffa_regs retrieve(uint32_t round, uint32_t pages)
{
	(void)pages;
	return message(COMMAND_RETRIEVE, handles[round], 0,
		       (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16 | (uint64_t)FFA_ATTRIBUTES_NORMAL << 32, 0);
}

static struct ffa_regs relinquish(uint32_t round, uint32_t pages)
{
	(void)pages;
	return message(COMMAND_RELINQUISH, handles[round], 0, 0, 0);
}

static struct ffa_regs reclaim(uint32_t round, uint32_t pages)
{
	(void)pages;
	return (struct ffa_regs){ .x = { FFA_MEM_RECLAIM, (uint32_t)handles[round], handles[round] >> 32 } };
}

/* One step of a transaction for each of 'rounds' handles, or that makes them. */
static void measure_step(const char *name, uint32_t rounds, uint32_t pages,
			 struct ffa_regs (*step)(uint32_t round, uint32_t pages))
{
	uint32_t wrong = 0;

	marker();
	for (uint32_t i = 0; i < rounds; i++) {
		struct ffa_regs r = step(i, pages);

		samples[i] = bench_call(&r);
		if (step == share) {
			handles[i] = ffa_u64(r.x[2], r.x[3]);
		}
		wrong += !ffa_is(&r, FFA_SUCCESS) && !(ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP_64) && r.x[3] == FFA_OK);
	}
	marker();
	if (wrong != 0) {
		test_fail("%s: %u wrong answers", name, wrong);
	}
	print("bench %s %u %lu\n", name, rounds, median(rounds));
}

/* The first time tables are made that stay; what is measured is every other time. */
static void warm_up(uint32_t rounds, uint32_t pages)
{
	for (uint32_t i = 0; i < rounds; i++) {
		struct ffa_regs r = share(i, pages);

		bench_call(&r);
		handles[i] = ffa_u64(r.x[2], r.x[3]);
		r = retrieve(i, pages);
		bench_call(&r);
		r = relinquish(i, pages);
		bench_call(&r);
		r = reclaim(i, pages);
		bench_call(&r);
	}
}

static void memory(const char *const names[4], uint32_t rounds, uint32_t pages)
{
	warm_up(rounds, pages);
	measure_step(names[0], rounds, pages, share);
	measure_step(names[1], rounds, pages, retrieve);
	measure_step(names[2], rounds, pages, relinquish);
	measure_step(names[3], rounds, pages, reclaim);
}

static void all(void)
{
	static const char *const one[] = { "mem_share", "mem_retrieve", "mem_relinquish", "mem_reclaim" };
	static const char *const large[] = { "share512", "retrieve512", "relinquish512", "reclaim512" };
	struct ffa_regs r = message(1, 2, 3, 4, 5);

	measure("psci_version", (struct ffa_regs){ .x = { PSCI_VERSION } }, PSCI_VERSION_1_1);
	measure("ffa_features", (struct ffa_regs){ .x = { FFA_FEATURES, FFA_MEM_SHARE_64 } }, FFA_SUCCESS);
	measure("ffa_version", (struct ffa_regs){ .x = { FFA_VERSION, FFA_VERSION_1_2 } }, FFA_VERSION_1_2);
	measure("direct64", r, FFA_MSG_SEND_DIRECT_RESP_64);
	r.x[0] = FFA_MSG_SEND_DIRECT_REQ;
	measure("direct32", r, FFA_MSG_SEND_DIRECT_RESP);
	measure("direct_req2",
		(struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ2_64, ffa_pair(FFA_ID_NWD, hello), 0, 0, 1, 2 } },
		FFA_MSG_SEND_DIRECT_RESP2_64);
	memory(one, ROUNDS_MEMORY, 1);
	memory(large, ROUNDS_LARGE, PAGES_LARGE);
}

void payload_main(void)
{
	static const struct test tests[] = { { "bench", all } };

	if (!nwd_init(FFA_VERSION_1_2)) {
		report_fatal("no FF-A");
	}
	report_run(tests, ARRAY_SIZE(tests));
}
