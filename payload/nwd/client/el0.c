/* SPDX-License-Identifier: MIT */
/* The partition at S-EL0, of FF-A 1.0: where it is loaded. */
#include "payload/nwd/client/tests.h"

static void echo(void)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, el0), 0, 0x61, 0x62 } };

	NEEDS(el0);
	nwd_message(&r);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[3], 0x61);
	CHECK_EQ(r.x[4], 0x62);
}

static void memory(void)
{
	uint64_t handle = 0;
	struct words w;

	NEEDS(el0);
	pattern_fill((uint64_t)nwd_pages[0], 2, 0xa000);
	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, el0, nwd_pages[0], 2, &handle) == FFA_OK);
	w = nwd_retrieve(el0, FFA_MEM_SHARE_64, handle, 0);
	CHECK_CODE(w.w[0], FFA_OK);
	w = COMMAND(el0, COMMAND_CHECK, handle, 0xa000);
	CHECK_EQ(w.w[1], 0);
	CHECK_CODE(COMMAND_CODE(el0, COMMAND_FILL, handle, 0xb000), FFA_OK);
	CHECK_EQ(pattern_wrong((uint64_t)nwd_pages[0], 2, 0xb000), 0);
	CHECK_CODE(COMMAND_CODE(el0, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void permissions_after_start(void)
{
	NEEDS(el0);
	/* Only while it initializes. */
	CHECK_CODE(COMMAND(el0, COMMAND_CALL, FFA_MEM_PERM_GET_64, 0x0eb04000).w[3], FFA_DENIED);
	CHECK_CODE(COMMAND(el0, COMMAND_CALL, FFA_MEM_PERM_SET_64, 0x0eb04000, 1, FFA_PERM_RW).w[3], FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MEM_PERM_GET_64, 0x0e804000), FFA_DENIED);
}

static void registers(void)
{
	NEEDS(el0);
	CHECK_CODE(COMMAND_CODE(el0, COMMAND_KEEP, 0x123400000021), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_KEEP, 0x223400000021), FFA_OK);
	CHECK_EQ(COMMAND(el0, COMMAND_HOLD, 0x123400000021).w[1], 1);
	CHECK_EQ(COMMAND(hello, COMMAND_HOLD, 0x223400000021).w[1], 1);
}

static void relayed(void)
{
	struct words w;

	NEEDS(el0);
	w = COMMAND(relay, COMMAND_RELAY, el0, 0x71, 0x72);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], 0x71);
	CHECK_EQ(w.w[2], 0x72);
	/* And from it to another. */
	w = COMMAND(el0, COMMAND_RELAY, hello, 0x73, 0x74);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[2], 0x74);
}

static void yields(void)
{
	NEEDS(el0);
	CHECK_CODE(COMMAND_CODE(el0, COMMAND_YIELD, 3, 1000), FFA_OK);
}

void test_el0(void)
{
	static const struct test tests[] = {
		{ "el0_echo", echo },
		{ "el0_memory", memory },
		{ "el0_permissions_after_start", permissions_after_start },
		{ "el0_registers", registers },
		{ "el0_relayed", relayed },
		{ "el0_yields", yields },
	};

	RUN_TESTS(tests);
}
