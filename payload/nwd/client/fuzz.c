/* SPDX-License-Identifier: MIT */
/*
 * Random FF-A calls from all CPUs, with descriptors that are almost right. After them the partitions must answer, and
 * all that the calls have taken can be given back: then the other tests run as if nothing had been. The seed is
 * printed; the same seed makes the same calls on one CPU.
 */
#include "payload/lib/cpu.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/nwd/client/handler.h"
#include "payload/nwd/client/tests.h"

#define SEED UINT64_C(0x7c15a5a5d1ce0001)
#define WAIT_MS 10000
#define WAITS 12
#define PAGES 64
#define VMS 4
#define HANDLES_MAX 0x10000
#define HANDLES_RECENT 64
#define ENDPOINTS_MAX 4

struct random {
	uint64_t state;
};

static uint64_t handles[HANDLES_MAX]; /* what came back, on any CPU, and may be a handle */
static uint32_t handle_count;
static bool named[FFA_ID_VM_INVALID + 1]; /* VMs that a call may have made known */
static uint64_t calls_each;
static uint32_t answers[16]; /* calls by their code */

/* xorshift64* */
static uint64_t next(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t below(struct random *r, uint32_t n)
{
	return (uint32_t)(next(r) >> 33) % n;
}

#define PICK(r, ...)                                        \
	({                                                  \
		const uint64_t of_[] = { __VA_ARGS__ };     \
		of_[below((r), (uint32_t)ARRAY_SIZE(of_))]; \
	})

static uint16_t some_endpoint(struct random *r)
{
	uint16_t id = (uint16_t)PICK(r, hello, hello, irq, relay, relay, el0, FFA_ID_NWD, 1, 2, 0x7fff, FFA_ID_SPMC,
				     0x8005, FFA_ID_SPMD, next(r));

	if ((id & FFA_ID_SECURE) == 0) {
		named[id] = true;
	}
	return id;
}

static uint64_t some_page(struct random *r)
{
	if (below(r, 3) > 0) {
		return (uint64_t)nwd_pages[below(r, PAGES)];
	}
	return PICK(r, 0, 0x0e100000, 0x0e800000, (uint64_t)nwd_tx, (uint64_t)nwd_rx, UINT64_C(0x7ffff000), next(r),
		    next(r) & ~(PAGE_SIZE - 1));
}

static uint64_t some_handle(struct random *r)
{
	uint32_t count = MIN(atomic_load(&handle_count), HANDLES_MAX);

	if (count == 0 || below(r, 3) == 0) {
		return PICK(r, below(r, 200), next(r));
	}
	return handles[count - 1 - below(r, MIN(count, HANDLES_RECENT))];
}

static uint64_t some_word(struct random *r)
{
	return PICK(r, 0, 0, 0, 1, 2, 4, below(r, 256), 1u << below(r, 32), UINT64_C(1) << below(r, 64), UINT32_MAX,
		    UINT64_MAX, next(r), some_handle(r), some_page(r), ffa_pair(some_endpoint(r), some_endpoint(r)));
}

/* ---- descriptors ---- */

static uint32_t range_count(struct random *r)
{
	return (uint32_t)PICK(r, 1, 1, 1, 2, 3, 8, 100);
}

/* A transaction that could be good, in TX; its length. */
static uint32_t write_transaction(struct random *r, uint32_t id)
{
	struct ffa_constituent ranges[100];
	bool retrieve = (id & ~FFA_64) == FFA_MEM_RETRIEVE_REQ;
	struct ffa_transaction t = {
		.version = (uint32_t)PICK(r, FFA_VERSION_1_0, FFA_VERSION_1_1, FFA_VERSION_1_2, FFA_VERSION_1_2),
		.sender = (uint16_t)PICK(r, 0, 0, 0, 1, some_endpoint(r)),
		.attributes = (uint16_t)PICK(r, FFA_ATTRIBUTES_NORMAL, FFA_ATTRIBUTES_NORMAL, 0, below(r, 128),
					     next(r)),
		.flags = (uint32_t)PICK(r, 0, 0, 0, FFA_MEM_ZERO, below(r, 16), next(r)),
		.handle = retrieve ? some_handle(r) : PICK(r, 0, 0, 0, next(r)),
		.tag = PICK(r, 0, 0, next(r)),
		.borrower_count = (uint32_t)PICK(r, 1, 1, 1, 2, ENDPOINTS_MAX),
		.ranges = retrieve ? NULL : ranges,
		.range_count = retrieve ? 0 : range_count(r),
	};

	for (uint32_t i = 0; i < t.borrower_count; i++) {
		t.borrowers[i] = (struct ffa_borrower){ some_endpoint(r), (uint8_t)PICK(r, FFA_DATA_RW, FFA_DATA_RW,
											FFA_DATA_RO, 0, next(r)) };
	}
	for (uint32_t i = 0; i < t.range_count; i++) {
		ranges[i] = (struct ffa_constituent){ some_page(r), (uint32_t)PICK(r, 1, 1, 2, below(r, 16), next(r)),
						      0 };
	}
	return ffa_describe(nwd_tx, &t, t.range_count);
}

/* Changes a few bytes, as somebody who writes while we are reading would. */
static void damage(struct random *r, uint32_t size)
{
	for (uint32_t i = below(r, 4); i > 0; i--) {
		nwd_tx[below(r, MIN(size, (uint32_t)PAGE_SIZE))] = (uint8_t)PICK(r, 0, 1, 0xff, next(r));
	}
}

/* ---- calls ---- */

static const uint32_t calls[] = {
	FFA_VERSION,
	FFA_FEATURES,
	FFA_RX_RELEASE,
	FFA_PARTITION_INFO_GET,
	FFA_PARTITION_INFO_GET_REGS_64,
	FFA_ID_GET,
	FFA_RUN,
	FFA_MSG_SEND_DIRECT_REQ,
	FFA_MSG_SEND_DIRECT_REQ_64,
	FFA_MSG_SEND_DIRECT_REQ2_64,
	FFA_MSG_SEND_DIRECT_RESP,
	FFA_MSG_SEND2,
	FFA_MEM_RELINQUISH,
	FFA_MEM_RECLAIM,
	FFA_MEM_RECLAIM,
	FFA_MEM_RECLAIM,
	FFA_MEM_FRAG_RX,
	FFA_MEM_FRAG_TX,
	FFA_MEM_FRAG_TX,
	FFA_NOTIFICATION_BITMAP_CREATE,
	FFA_NOTIFICATION_BITMAP_DESTROY,
	FFA_NOTIFICATION_BIND,
	FFA_NOTIFICATION_UNBIND,
	FFA_NOTIFICATION_SET,
	FFA_NOTIFICATION_GET,
	FFA_NOTIFICATION_INFO_GET_64,
	FFA_RX_ACQUIRE,
	FFA_RXTX_UNMAP,
	FFA_RXTX_MAP_64,
	FFA_SPM_ID_GET,
	FFA_MSG_WAIT,
	FFA_YIELD,
	FFA_SUCCESS,
	FFA_ERROR,
	FFA_NORMAL_WORLD_RESUME,
	FFA_EL3_INTR_HANDLE,
	FFA_CONSOLE_LOG,
};

static const uint32_t memory_calls[] = {
	FFA_MEM_SHARE, FFA_MEM_SHARE_64, FFA_MEM_LEND, FFA_MEM_LEND_64, FFA_MEM_RETRIEVE_REQ, FFA_MEM_RETRIEVE_REQ_64,
};

static struct ffa_regs memory_call(struct random *r)
{
	uint32_t id = memory_calls[below(r, ARRAY_SIZE(memory_calls))];
	uint32_t total = write_transaction(r, id);
	uint32_t length = total;

	if (below(r, 3) == 0) {
		damage(r, total);
	}
	if (below(r, 6) == 0) {
		length = (uint32_t)PICK(r, total - 16, total / 2, below(r, 8192), next(r));
	}
	return (struct ffa_regs){ .x = { id, below(r, 10) == 0 ? (uint32_t)next(r) : total, length } };
}

/* Commands that change nothing for good: a partition that retrieved something gives it back. */
static struct ffa_regs partition_command(struct random *r)
{
	uint16_t sp = (uint16_t)PICK(r, hello, irq, relay, el0);
	uint64_t handle = some_handle(r);
	uint64_t want = (uint64_t)FFA_ATTRIBUTES_NORMAL << 32 |
			PICK(r, 0, 0x20000, 0x60000, 0x10000, below(r, 256) << 16);
	struct ffa_regs regs = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, sp), 0,
					PICK(r, COMMAND_RETRIEVE, COMMAND_RETRIEVE, COMMAND_RELINQUISH, COMMAND_STATE,
					     COMMAND_YIELD, COMMAND_KEEP, COMMAND_CALL) } };

	switch (regs.x[3]) {
	case COMMAND_RETRIEVE:
		regs.x[4] = handle;
		regs.x[6] = want;
		regs.x[7] = PICK(r, 0, 0, FFA_RETRIEVE_BYPASS, below(r, 64));
		break;
	case COMMAND_RELINQUISH:
		regs.x[4] = handle;
		break;
	case COMMAND_CALL:
		/* Else its RX buffer would be full for ever after the first message. */
		regs.x[4] = PICK(r, FFA_NOTIFICATION_GET, FFA_RX_RELEASE);
		regs.x[5] = regs.x[4] == FFA_RX_RELEASE ? 0 : sp;
		regs.x[6] = regs.x[4] == FFA_RX_RELEASE ? 0 : 0xf;
		break;
	case COMMAND_YIELD:
		regs.x[4] = below(r, 3);
		break;
	default:
		regs.x[4] = next(r);
	}
	return regs;
}

/* A word to a partition that it would take for a command is not for luck. */
static struct ffa_regs any_call(struct random *r)
{
	struct ffa_regs regs = { .x = { calls[below(r, ARRAY_SIZE(calls))] } };

	for (uint32_t i = 1; i < 18; i++) {
		regs.x[i] = some_word(r);
	}
	if (is_command(regs.x[3]) || is_command(regs.x[4])) {
		regs.x[3] = regs.x[4] = 0;
	}
	if (below(r, 2) == 0) {
		regs.x[1] = ffa_pair(some_endpoint(r), some_endpoint(r));
	}
	if (ffa_is(&regs, FFA_MEM_RECLAIM) || ffa_is(&regs, FFA_MEM_FRAG_TX) || ffa_is(&regs, FFA_MEM_FRAG_RX)) {
		uint64_t handle = some_handle(r);

		regs.x[1] = (uint32_t)handle;
		regs.x[2] = handle >> 32;
		regs.x[3] = PICK(r, 0, 16, 48, some_word(r));
		regs.x[4] = PICK(r, 0, 0, some_word(r));
	}
	if (ffa_is(&regs, FFA_RXTX_MAP_64) && below(r, 2) == 0) {
		regs.x[1] = (uint64_t)nwd_tx;
		regs.x[2] = (uint64_t)nwd_rx;
		regs.x[3] = 1;
	}
	if (below(r, 16) == 0) {
		regs.x[0] ^= PICK(r, FFA_64, 1u << 16, 1u << below(r, 8), UINT64_C(1) << 40);
	}
	named[regs.x[1] & FFA_ID_VM_INVALID] = true;
	/* Not the machine's power. */
	if (((uint32_t)regs.x[0] & 0xffu) < FFA_NUMBER_FIRST) {
		regs.x[0] = FFA_FEATURES;
	}
	return regs;
}

static void keep_handle(uint64_t handle)
{
	uint32_t at = atomic_add(&handle_count, 1) - 1;

	if (at < HANDLES_MAX) {
		handles[at] = handle;
	}
}

static void remember(const struct ffa_regs *regs)
{
	if (ffa_is(regs, FFA_MEM_FRAG_RX)) {
		keep_handle(ffa_u64(regs->x[1], regs->x[2]));
	} else if (ffa_is(regs, FFA_SUCCESS) && (regs->x[2] | regs->x[3]) != 0) {
		keep_handle(ffa_u64(regs->x[2], regs->x[3]));
	}
	atomic_add(&answers[(uint32_t)-ffa_code(regs) % ARRAY_SIZE(answers)], 1);
}

static void throw_calls(uint64_t seed)
{
	struct random r = { seed + 0x9e3779b97f4a7c15 * (this_cpu()->index + 1) };

	for (uint64_t i = 0; i < calls_each; i++) {
		uint32_t kind = below(&r, 8);
		struct ffa_regs regs = kind < 3 ? memory_call(&r) : kind < 5 ? partition_command(&r) : any_call(&r);

		ffa_call(&regs);
		for (uint32_t again = 0; again < 100 && (ffa_is(&regs, FFA_INTERRUPT) || ffa_is(&regs, FFA_YIELD));
		     again++) {
			regs = FFA(FFA_RUN, (uint32_t)regs.x[1]);
		}
		remember(&regs);
		if (below(&r, 64) == 0) {
			nwd_map_vm((uint16_t)(1 + below(&r, VMS)), some_page(&r), some_page(&r));
		}
		if (this_cpu()->index == 0 && i % 1000 == 0) {
			watchdog_feed();
		}
	}
}

static bool wait_long(uint32_t cpu)
{
	for (uint32_t i = 0; i < WAITS; i++) {
		watchdog_feed();
		if (cpu_wait(cpu, WAIT_MS)) {
			return true;
		}
	}
	return false;
}

static void calls_from_all_cpus(void)
{
	uint64_t seed = nwd_word(WORD_FUZZ_SEED, SEED);

	calls_each = nwd_word(WORD_FUZZ_CALLS, 0);
	CHECK_EQ(cpu_start_all(), cpu_count);
	print("# seed 0x%lx, %lu calls on each of %u CPUs\n", seed, calls_each, cpu_count);
	for (uint32_t i = 1; i < cpu_count; i++) {
		cpu_post(i, throw_calls, seed);
	}
	throw_calls(seed);
	for (uint32_t i = 1; i < cpu_count; i++) {
		CHECK(wait_long(i));
	}
	print("# answers: %u without error", answers[0]);
	for (uint32_t i = 1; i < 10; i++) {
		print(", -%u: %u", i, answers[i]);
	}
	print("\n");
}

/* ---- after it ---- */

/* A context that waits for FFA_RUN gets it. */
static void finish(uint64_t arg)
{
	uint16_t sps[] = { hello, irq, relay, el0 };

	(void)arg;
	for (uint32_t i = 0; i < ARRAY_SIZE(sps); i++) {
		for (uint32_t again = 0; sps[i] != 0 && again < 10; again++) {
			struct ffa_regs r = FFA(
				FFA_RUN, ffa_pair(sps[i], sps[i] == hello || sps[i] == irq ? this_cpu()->index : 0));

			if (!ffa_is(&r, FFA_INTERRUPT) && !ffa_is(&r, FFA_YIELD)) {
				break;
			}
		}
	}
}

static void echo(uint64_t arg)
{
	uint16_t sps[] = { hello, irq, relay, el0 };

	(void)arg;
	for (uint32_t i = 0; i < ARRAY_SIZE(sps); i++) {
		struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, sps[i]), 0, 0x1234, i } };

		/* One context for all CPUs: asked on the first alone. */
		if (sps[i] == 0 || (this_cpu()->index != 0 && i >= 2)) {
			continue;
		}
		nwd_message(&r);
		CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
		CHECK_EQ(r.x[3], 0x1234);
	}
}

static void partitions_answer(void)
{
	CHECK(cpu_run_all(cpu_count, finish, 0));
	CHECK(cpu_run_all(cpu_count, echo, 0));
}

static void mailbox_is_ours(void)
{
	FFA(FFA_RXTX_UNMAP);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)nwd_tx, (uint64_t)nwd_rx, 1), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);
}

/* Buffers and bitmaps of VMs, and the messages that partitions have not looked at. */
static void rest_is_ours(void)
{
	uint16_t sps[] = { hello, relay };

	FFA(FFA_NOTIFICATION_BITMAP_DESTROY, FFA_ID_NWD);
	for (uint32_t id = 1; id < FFA_ID_VM_INVALID; id++) {
		if (id <= VMS || named[id]) {
			FFA(FFA_NOTIFICATION_BITMAP_DESTROY, id);
			FFA(FFA_RXTX_UNMAP, id << 16);
			watchdog_feed();
		}
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(sps); i++) {
		COMMAND(sps[i], COMMAND_CALL, FFA_NOTIFICATION_GET, sps[i], 0xf);
		COMMAND(sps[i], COMMAND_CALL, FFA_RX_RELEASE);
		CHECK_CODE(COMMAND(sps[i], COMMAND_CALL, FFA_RX_RELEASE).w[3], FFA_DENIED);
	}
}

static int32_t take_back(uint64_t handle)
{
	uint16_t sps[] = { hello, irq, relay, el0 };
	int32_t code = nwd_reclaim(handle);

	for (uint32_t i = 0; code == FFA_DENIED && i < ARRAY_SIZE(sps); i++) {
		if (sps[i] != 0 && COMMAND_CODE(sps[i], COMMAND_RELINQUISH, handle) == FFA_OK) {
			code = nwd_reclaim(handle);
		}
	}
	return code;
}

/* Every handle that there can be is relinquished and reclaimed. Then every page can be shared. */
static void memory_is_ours(void)
{
	uint64_t handle = 0;

	CHECK(handle_count <= HANDLES_MAX);
	for (uint32_t i = 0; i < MIN(handle_count, HANDLES_MAX); i++) {
		CHECK(take_back(handles[i]) != FFA_DENIED);
		if (i % 1000 == 0) {
			watchdog_feed();
		}
	}
	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[0], NWD_PAGES, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

void test_fuzz(void)
{
	static const struct test tests[] = {
		{ "fuzz_calls", calls_from_all_cpus },       { "fuzz_partitions_answer", partitions_answer },
		{ "fuzz_mailbox_is_ours", mailbox_is_ours }, { "fuzz_rest_is_ours", rest_is_ours },
		{ "fuzz_memory_is_ours", memory_is_ours },
	};

	if (nwd_word(WORD_FUZZ_CALLS, 0) == 0) {
		return;
	}
	handler_begin();
	RUN_TESTS(tests);
	handler_end();
}
