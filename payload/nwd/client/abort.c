/* SPDX-License-Identifier: MIT */
/* Last: partitions die, and the rest goes on. */
#include "payload/nwd/client/tests.h"

static int32_t echo(uint16_t sp)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, sp), 0, 1 } };

	nwd_message(&r);
	return ffa_code(&r);
}

/* irq faults while it holds memory of ours and has lent a page to hello. */
static void fault(void)
{
	uint64_t handle = 0;
	struct words w;

	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, irq, nwd_pages[0], 1, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(irq, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	w = COMMAND(irq, COMMAND_STOP, STOP_FAULT);
	CHECK_CODE(w.w[0], FFA_ABORTED);
	CHECK_CODE(echo(irq), FFA_ABORTED);
	CHECK_CODE(FFA_CODE(FFA_RUN, ffa_pair(irq, 0)), FFA_ABORTED);
	/* What it held is ours again. */
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_CODE(echo(hello), FFA_OK);
	CHECK_CODE(echo(relay), FFA_OK);
}

/* A partition that calls one that is no more, or that dies for it, is told. */
static void seen_by_others(void)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, irq, 1);

	CHECK_CODE(w.w[0], FFA_ABORTED);
	CHECK(SP_FFA_CODE(hello, FFA_NOTIFICATION_BIND, ffa_pair(irq, hello), 0, 1) != FFA_ABORTED);
	CHECK_CODE(echo(relay), FFA_OK);
}

static void dies_for_another(void)
{
	struct words w;

	NEEDS(el0);
	w = COMMAND(relay, COMMAND_RELAY, el0, COMMAND_STOP, STOP_FAULT);
	CHECK_CODE(w.w[0], FFA_ABORTED);
	CHECK_CODE(echo(el0), FFA_ABORTED);
	CHECK_CODE(echo(relay), FFA_OK);
}

static void still_shares(void)
{
	uint64_t handle = 0;

	REQUIRE(nwd_send_pages(FFA_MEM_LEND_64, hello, nwd_pages[0], 8, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_LEND_64, handle, 0).w[0], FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_FILL, handle, 0xc000), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK(nwd_send_pages(FFA_MEM_SHARE_64, irq, nwd_pages[0], 1, &handle) != FFA_OK ||
	      nwd_reclaim(handle) == FFA_OK);
}

/* relay masks what it can, and lets nothing of ours interrupt it: its watchdog ends it. */
static void watchdog(void)
{
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_STOP, STOP_LOOP), FFA_ABORTED);
	CHECK_CODE(echo(relay), FFA_ABORTED);
	CHECK_CODE(echo(hello), FFA_OK);
}

void test_abort(void)
{
	static const struct test tests[] = {
		{ "abort_fault", fault },
		{ "abort_seen_by_others", seen_by_others },
		{ "abort_for_another", dies_for_another },
		{ "abort_watchdog", watchdog },
		{ "abort_rest_goes_on", still_shares },
	};

	RUN_TESTS(tests);
}
