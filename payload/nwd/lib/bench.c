/* SPDX-License-Identifier: MIT */
#include "payload/nwd/lib/bench.h"

#include "payload/lib/arch.h"
#include "payload/lib/report.h"
#include "payload/nwd/lib/nwd.h"

#define TRANSACTIONS_MAX 16
#define RANGES_MAX 512
#define ROUNDS 1000

/* ---- lines ---- */

static void marker(void)
{
	__asm__ volatile("hint #0x7f" ::: "memory");
}

void bench_begin(void)
{
	marker();
}

void bench_end(const char *name, uint64_t ticks, uint32_t rounds, uint32_t wrong)
{
	marker();
	if (wrong != 0 || rounds == 0) {
		test_fail("%s: %u wrong answers of %u", name, wrong, rounds);
		return;
	}
	print("bench %s %u %lu\n", name, rounds, (ticks + rounds / 2) / rounds);
}

/* ---- calls ---- */

uint64_t bench_message(struct ffa_regs *regs)
{
	uint64_t ticks = bench_call(regs);

	while (ffa_is(regs, FFA_INTERRUPT) || ffa_is(regs, FFA_YIELD)) {
		*regs = (struct ffa_regs){ .x = { FFA_RUN, (uint32_t)regs->x[1] } };
		ticks += bench_call(regs);
	}
	return ticks;
}

void bench_calls(const char *name, struct ffa_regs regs, uint32_t want)
{
	uint64_t ticks = 0;
	uint32_t wrong = 0;

	bench_begin();
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct ffa_regs r = regs;

		ticks += bench_message(&r);
		wrong += (uint32_t)r.x[0] != want;
	}
	bench_end(name, ticks, ROUNDS, wrong);
}

/* ---- memory ---- */

static struct ffa_constituent ranges[RANGES_MAX];
static uint64_t handles[TRANSACTIONS_MAX];

/* The pages of one transaction, as ranges; returns how many ranges. */
static uint32_t choose_pages(const struct bench_memory *how, uint32_t round)
{
	uint64_t size = how->pages * PAGE_SIZE, first = (uint64_t)nwd_pages;

	if (how->form == BENCH_BLOCK) {
		first = (first + size - 1) & ~(size - 1);
	}
	first += round * size;
	if (how->form != BENCH_SINGLE) {
		ranges[0] = (struct ffa_constituent){ .address = first, .page_count = how->pages };
		return 1;
	}
	/* From the last to the first, so that no two are one range. */
	for (uint32_t i = 0; i < how->pages; i++) {
		ranges[i] = (struct ffa_constituent){ .address = first + (how->pages - 1 - i) * PAGE_SIZE,
						      .page_count = 1 };
	}
	return how->pages;
}

/* In fragments if it must; the time that it takes to write them is not in the ticks. */
static uint64_t share(uint16_t to, const struct bench_memory *how, uint32_t round, struct ffa_regs *r)
{
	struct ffa_transaction t = nwd_transaction(FFA_MEM_SHARE_64, to, ranges, NULL, 0);
	struct ffa_constituent *list = (struct ffa_constituent *)nwd_tx;
	uint32_t total, sent, count;
	uint64_t ticks;

	t.range_count = choose_pages(how, round);
	total = ffa_describe_size(&t);
	sent = MIN(t.range_count, t.range_count - (total - MIN(total, (uint32_t)PAGE_SIZE) + 15) / 16);
	*r = (struct ffa_regs){ .x = { FFA_MEM_SHARE_64, total, ffa_describe(nwd_tx, &t, sent) } };
	ticks = bench_call(r);
	for (; ffa_is(r, FFA_MEM_FRAG_RX) && sent < t.range_count; sent += count) {
		count = MIN(t.range_count - sent, (uint32_t)(PAGE_SIZE / sizeof(*list)));
		for (uint32_t i = 0; i < count; i++) {
			list[i] = ranges[sent + i];
		}
		*r = (struct ffa_regs){ .x = { FFA_MEM_FRAG_TX, r->x[1], r->x[2], count * sizeof(*list) } };
		ticks += bench_call(r);
	}
	handles[round] = ffa_u64(r->x[2], r->x[3]);
	return ticks;
}

static uint64_t message(uint16_t to, struct ffa_regs *r, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	*r = (struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(nwd_id, to), 0, w0, w1, w2, w3 } };
	return bench_message(r);
}

static uint64_t retrieve(uint16_t to, const struct bench_memory *how, uint32_t round, struct ffa_regs *r)
{
	(void)how;
	return message(to, r, COMMAND_RETRIEVE, handles[round], 0,
		       nwd_id | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16 |
			       (uint64_t)FFA_ATTRIBUTES_NORMAL << 32);
}

static uint64_t relinquish(uint16_t to, const struct bench_memory *how, uint32_t round, struct ffa_regs *r)
{
	(void)how;
	return message(to, r, COMMAND_RELINQUISH, handles[round], 0, 0);
}

static uint64_t reclaim(uint16_t to, const struct bench_memory *how, uint32_t round, struct ffa_regs *r)
{
	(void)to;
	(void)how;
	*r = (struct ffa_regs){ .x = { FFA_MEM_RECLAIM, (uint32_t)handles[round], handles[round] >> 32 } };
	return bench_call(r);
}

static uint64_t (*const steps[4])(uint16_t to, const struct bench_memory *how, uint32_t round,
				  struct ffa_regs *r) = { share, retrieve, relinquish, reclaim };

static bool is_good(const struct ffa_regs *r)
{
	return ffa_is(r, FFA_SUCCESS) || (ffa_is(r, FFA_MSG_SEND_DIRECT_RESP_64) && r->x[3] == FFA_OK);
}

/* The first time tables are made that stay; what is measured is every other time. */
static void warm_up(uint16_t to, const struct bench_memory *how)
{
	struct ffa_regs r;

	for (uint32_t round = 0; round < how->rounds; round++) {
		for (uint32_t step = 0; step < ARRAY_SIZE(steps); step++) {
			steps[step](to, how, round, &r);
		}
	}
}

void bench_memory(uint16_t to, const struct bench_memory *how)
{
	struct ffa_regs r;

	warm_up(to, how);
	for (uint32_t step = 0; step < ARRAY_SIZE(steps); step++) {
		uint64_t ticks = 0;
		uint32_t wrong = 0;

		bench_begin();
		for (uint32_t round = 0; round < how->rounds; round++) {
			ticks += steps[step](to, how, round, &r);
			wrong += !is_good(&r);
		}
		bench_end(how->names[step], ticks, how->rounds, wrong);
	}
}
