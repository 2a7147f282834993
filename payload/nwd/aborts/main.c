/* SPDX-License-Identifier: MIT */
/*
 * Partitions die in all ways, on one CPU and on all at once, and what their manifests ask for is done: hello and relay
 * begin anew, irq's memory is zeroed. What they had of others, and others of them, goes back.
 *
 * Wants: the partitions of config/spmc/aborts.dts.
 */
#include "abi/pl031.h"
#include "payload/lib/cpu.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/nwd/lib/check.h"

#define WATCHDOG_SECONDS 30
#define SEED UINT64_C(0x0000444400000021)
#define PATTERN UINT64_C(0x65000)
#define PAGES 2
#define PATTERN_WORDS (PAGES * PAGE_SIZE / PATTERN_STEP)
#define NWD_NORMAL ((uint64_t)FFA_ATTRIBUTES_NORMAL << 32)
#define RETURN_MS 10000
#define ROUNDS 20
#define BUSY_US 1000

static int32_t echo(uint16_t sp)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, sp), 0, 0x1234 } };

	nwd_message(&r);
	return ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP_64) && r.x[3] != 0x1234 ? FFA_ABORTED : ffa_code(&r);
}

/* Of a partition to another; its handle, and the address of the pages. */
static struct words send_from(uint16_t sp, uint32_t id, uint16_t to, uint32_t first)
{
	return COMMAND(sp, COMMAND_SEND, id, to, PAGES | first << 16 | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 32,
		       id == FFA_MEM_SHARE_64 ? NWD_NORMAL : 0);
}

static int32_t retrieve_from(uint16_t sp, uint32_t id, uint16_t from, uint64_t handle)
{
	uint64_t exec = id == FFA_MEM_SHARE_64 ? FFA_EXEC_UNSPECIFIED : FFA_EXEC_XN;

	return COMMAND_CODE(sp, COMMAND_RETRIEVE, handle, 0,
			    from | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, exec) << 16 | NWD_NORMAL);
}

/* ---- restart ---- */

/* The context of this CPU begins with the first request, which is told that it is busy. */
static void returns_here(uint64_t arg)
{
	CHECK(WAIT_UNTIL(echo(hello) == FFA_OK, RETURN_MS));
	CHECK_EQ(COMMAND(hello, COMMAND_STATE).w[1], this_cpu()->index);
	CHECK_EQ(COMMAND(hello, COMMAND_HOLD, arg).w[1], 0);
}

static void starts(void)
{
	REQUIRE(nwd_init(FFA_VERSION_1_2));
	REQUIRE(hello != 0 && irq != 0 && relay != 0);
	CHECK_EQ(cpu_start_all(), cpu_count);
	CHECK(cpu_run_all(cpu_count, returns_here, SEED));
}

/* Registers, memory, counters, what it had bound: nothing of before is there. */
static void is_new(void)
{
	struct words sent = send_from(hello, FFA_MEM_SHARE_64, irq, 0);
	uint64_t address = sent.w[2];

	REQUIRE(sent.w[0] == FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MEM_RECLAIM, (uint32_t)sent.w[1], sent.w[1] >> 32), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_FILL, 0, PATTERN, address, PAGES), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_CHECK, 0, PATTERN, address, PAGES).w[1], 0);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_KEEP, SEED), FFA_OK);
	FFA(FFA_RUN, ffa_pair(hello, 0));
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BIND, ffa_pair(FFA_ID_NWD, hello), 0, 1), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, ffa_pair(FFA_ID_NWD, hello), 0, 1), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_PARTITION_INFO_GET), FFA_OK);
	CHECK(COMMAND(hello, COMMAND_STATE).w[3] != 0);

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_STOP, STOP_FAULT), FFA_ABORTED);
	/* It is there again before its caller hears of its death. */
	CHECK_CODE(echo(hello), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_STATE).w[3], 0);
	CHECK_EQ(COMMAND(hello, COMMAND_HOLD, SEED).w[1], 0);
	CHECK_EQ(COMMAND(hello, COMMAND_CHECK, 0, PATTERN, address, PAGES).w[1], PATTERN_WORDS);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, ffa_pair(FFA_ID_NWD, hello), 0, 1), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BIND, ffa_pair(FFA_ID_NWD, hello), 0, 1), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_BOOT_INFO).w[4], UUID_HELLO.word[0]);
	CHECK(cpu_run_all(cpu_count, returns_here, SEED));
}

/* What it had borrowed is its owners' again; what it had offered, and nobody had taken, is its own. */
static void gives_back(void)
{
	uint64_t shared = 0, lent = 0;
	struct words offered;

	memset(nwd_pages, 0x5a, 4 * PAGE_SIZE);
	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[0], 2, &shared) == FFA_OK);
	REQUIRE(nwd_send_pages(FFA_MEM_LEND_64, hello, nwd_pages[2], 2, &lent) == FFA_OK);
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, shared, 0).w[0], FFA_OK);
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_LEND_64, lent, 0).w[0], FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_FILL, shared, PATTERN), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_FILL, lent, PATTERN), FFA_OK);
	offered = send_from(hello, FFA_MEM_LEND_64, irq, 4);
	REQUIRE(offered.w[0] == FFA_OK);
	CHECK_CODE(nwd_reclaim(shared), FFA_DENIED);

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_STOP, STOP_FAULT), FFA_ABORTED);
	CHECK_CODE(echo(hello), FFA_OK);
	CHECK_CODE(retrieve_from(irq, FFA_MEM_LEND_64, hello, offered.w[1]), FFA_INVALID_PARAMETERS);
	/* The handles are of its life before. */
	CHECK(nwd_retrieve(hello, FFA_MEM_SHARE_64, shared, 0).w[0] != FFA_OK);
	CHECK_CODE(nwd_reclaim(shared), FFA_OK);
	CHECK_CODE(nwd_reclaim(lent), FFA_OK);
	/* What it wrote in memory that was its alone is nobody's to read; what it shared was there for both. */
	CHECK_EQ(pattern_wrong((uint64_t)nwd_pages[0], 2, PATTERN), 0);
	for (uint32_t i = 0; i < PAGE_SIZE; i++) {
		CHECK_EQ(nwd_pages[2][i] | nwd_pages[3][i], 0);
	}
	offered = send_from(hello, FFA_MEM_LEND_64, irq, 4);
	CHECK_CODE(offered.w[0], FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MEM_RECLAIM, (uint32_t)offered.w[1], offered.w[1] >> 32), FFA_OK);
}

/* It dies for another partition, which is told, and can call it again. */
static void dies_for_another(void)
{
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELAY, hello, COMMAND_STOP, STOP_FAULT), FFA_ABORTED);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELAY, hello, 0x1), FFA_OK);
	CHECK_CODE(echo(hello), FFA_OK);
}

/* ---- its other contexts ---- */

static void yield_once(uint64_t arg)
{
	struct ffa_regs r = FFA(FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, hello), 0, COMMAND_YIELD, 1, 0);

	(void)arg;
	CHECK_EQ(r.x[0], FFA_YIELD);
}

static void run_lost(uint64_t arg)
{
	(void)arg;
	CHECK(FFA_CODE(FFA_RUN, ffa_pair(hello, this_cpu()->index)) != FFA_OK);
	returns_here(SEED);
}

/* One is in the middle of a request: that is gone with it. */
static void other_context_at_rest(void)
{
	const uint32_t other = cpu_count - 1;

	if (cpu_count == 1) {
		test_skip("one CPU");
		return;
	}
	CHECK(cpu_run(other, returns_here, SEED));
	CHECK(cpu_run(other, yield_once, 0));
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_STOP, STOP_FAULT), FFA_ABORTED);
	CHECK_CODE(echo(hello), FFA_OK);
	CHECK(cpu_run(other, run_lost, 0));
}

static uint32_t killing;

/* Until it is over: an answer, or that there is nobody. */
static void call_often(uint64_t arg)
{
	(void)arg;
	while (atomic_load(&killing) != 0 && !test_failed()) {
		int32_t code = COMMAND_CODE(hello, COMMAND_BUSY, BUSY_US, 0);

		if (code != FFA_OK && code != FFA_BUSY && code != FFA_ABORTED) {
			test_fail("CPU %u: a request gets %d", this_cpu()->index, code);
		}
	}
}

static void other_contexts_at_work(void)
{
	killing = 1;
	for (uint32_t i = 1; i < cpu_count; i++) {
		cpu_post(i, call_often, 0);
	}
	for (uint32_t i = 0; i < ROUNDS && !test_failed(); i++) {
		/* The last of its contexts that stops has it begin anew; until then there is none. */
		CHECK(WAIT_UNTIL(echo(hello) == FFA_OK, RETURN_MS));
		CHECK_CODE(COMMAND_CODE(hello, COMMAND_STOP, STOP_FAULT), FFA_ABORTED);
		watchdog_feed();
	}
	atomic_store(&killing, 0);
	for (uint32_t i = 1; i < cpu_count; i++) {
		CHECK(cpu_wait(i, RETURN_MS));
	}
	CHECK(cpu_run_all(cpu_count, returns_here, SEED));
}

/* ---- the watchdog ---- */

static void echo_relay(uint64_t arg)
{
	(void)arg;
	CHECK_CODE(echo(relay), FFA_OK);
}

/* relay lets nothing of ours interrupt it, masks what it can, and never comes back. */
static void watchdog(void)
{
	uint64_t handle = 0;

	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, relay, nwd_pages[0], 1, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(relay, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_STOP, STOP_LOOP), FFA_ABORTED);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_CODE(echo(relay), FFA_OK);
	CHECK(cpu_count == 1 || cpu_run(cpu_count - 1, echo_relay, 0));
	/* Its buffers, which its manifest gives it, are there too. */
	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, relay, nwd_pages[0], 1, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(relay, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELINQUISH, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* It looped for another: that one is told. */
static void watchdog_for_another(void)
{
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELAY, relay, COMMAND_STOP, STOP_LOOP), FFA_ABORTED);
	CHECK_CODE(echo(relay), FFA_OK);
	CHECK_CODE(echo(hello), FFA_OK);
}

/* ---- for good ---- */

/* irq: its memory is zeroed, but for what hello still has of it, which goes back when hello lets go. */
static void destroyed(void)
{
	struct words w = send_from(irq, FFA_MEM_SHARE_64, hello, 0);
	uint64_t handle = w.w[1], ours = 0;

	REQUIRE(w.w[0] == FFA_OK);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_FILL, 0, PATTERN, w.w[2], PAGES), FFA_OK);
	CHECK_CODE(retrieve_from(hello, FFA_MEM_SHARE_64, irq, handle), FFA_OK);
	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, irq, nwd_pages[0], 1, &ours) == FFA_OK);
	CHECK_CODE(nwd_retrieve(irq, FFA_MEM_SHARE_64, ours, 0).w[0], FFA_OK);

	CHECK_CODE(COMMAND_CODE(irq, COMMAND_STOP, STOP_FAULT), FFA_ABORTED);
	CHECK_CODE(echo(irq), FFA_ABORTED);
	CHECK_CODE(FFA_CODE(FFA_RUN, ffa_pair(irq, 0)), FFA_ABORTED);
	CHECK_CODE(nwd_reclaim(ours), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_CHECK, handle, PATTERN).w[1], 0);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle), FFA_OK);
	CHECK(retrieve_from(hello, FFA_MEM_SHARE_64, irq, handle) != FFA_OK);
	/* Its device may interrupt as it likes. */
	mmio_write32(RTC_BASE + PL031_MR, mmio_read32(RTC_BASE + PL031_DR));
	delay_us(BUSY_US);
	CHECK_CODE(echo(hello), FFA_OK);
}

/* relay has memory of hello's when that dies: it cannot be as new, so it stays dead. */
static void not_restarted(void)
{
	struct words w = send_from(hello, FFA_MEM_LEND_64, relay, 0);

	REQUIRE(w.w[0] == FFA_OK);
	CHECK_CODE(retrieve_from(relay, FFA_MEM_LEND_64, hello, w.w[1]), FFA_OK);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_FILL, w.w[1], PATTERN), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_STOP, STOP_FAULT), FFA_ABORTED);
	CHECK_CODE(echo(hello), FFA_ABORTED);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELAY, hello, 1), FFA_ABORTED);
	CHECK_EQ(COMMAND(relay, COMMAND_CHECK, w.w[1], PATTERN).w[1], 0);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELINQUISH, w.w[1]), FFA_OK);
	CHECK(retrieve_from(relay, FFA_MEM_LEND_64, hello, w.w[1]) != FFA_OK);
	CHECK_CODE(echo(hello), FFA_ABORTED);
	CHECK_CODE(echo(relay), FFA_OK);
}

void payload_main(void)
{
	static const struct test tests[] = {
		{ "aborts_starts", starts },
		{ "restart_is_new", is_new },
		{ "restart_gives_back", gives_back },
		{ "restart_for_another", dies_for_another },
		{ "restart_other_context_at_rest", other_context_at_rest },
		{ "restart_other_contexts_at_work", other_contexts_at_work },
		{ "watchdog", watchdog },
		{ "watchdog_for_another", watchdog_for_another },
		{ "destroyed", destroyed },
		{ "not_restarted", not_restarted },
	};

	watchdog_start(TIMER_VIRTUAL, WATCHDOG_SECONDS);
	print("# %u CPUs\n", cpu_count);
	RUN_TESTS(tests);
}
