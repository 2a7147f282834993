/* SPDX-License-Identifier: MIT */
/* VMs that end in the midst of what they do with others. */
#include "payload/lib/timer.h"
#include "payload/vm/ffa/ffa.h"

#define BUSY_US 300000

static int32_t reset(uint16_t id)
{
	/* Its other CPU may not be up yet. */
	return (int32_t)WHEN_FREE(id, COMMAND_POWER, POWER_RESET).w[0];
}

/* It has begun anew, and all is as before. */
static void check_up(uint16_t id)
{
	CHECK_CODE(WHEN_UP(id, COMMAND_STATE).w[0], FFA_OK);
}

static void the_receiver_resets(void)
{
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_CODE(reset(second), FFA_ABORTED);
		check_up(second);
	}
}

/* One CPU goes, the other serves. */
static void the_receivers_cpu_goes(void)
{
	CHECK_CODE(COMMAND_CODE(second, COMMAND_POWER, POWER_CPU_OFF), FFA_ABORTED);
	check_up(second);
	CHECK_CODE(reset(second), FFA_ABORTED);
	check_up(second);
}

/* On CPU 1: the second VM asks somebody who takes his time. */
static int32_t relay_code;
static uint16_t relay_to;

static void relay_busy(uint64_t arg)
{
	(void)arg;
	relay_code = (int32_t)WHEN_FREE(second, COMMAND_RELAY, relay_to, COMMAND_BUSY, BUSY_US).w[0];
}

static void sender_resets(uint16_t to)
{
	if (cpu_count < 2) {
		test_skip("it takes two CPUs");
		return;
	}
	relay_to = to;
	cpu_post(1, relay_busy, 0);
	delay_us(BUSY_US / 10);
	/* Its other CPU ends it. */
	CHECK_CODE(reset(second), FFA_ABORTED);
	REQUIRE(cpu_wait(1, ANSWER_MS));
	CHECK_CODE(relay_code, FFA_ABORTED);
	check_up(second);
	/* Who worked for it is free again, for its next life too. */
	CHECK_CODE(WHEN_FREE(to, COMMAND_STATE).w[0], FFA_OK);
	CHECK_CODE(WHEN_FREE(second, COMMAND_RELAY, to, COMMAND_STATE).w[0], FFA_OK);
}

static void a_sender_resets(void)
{
	NEEDS(third);
	sender_resets(third);
}

static void a_sender_to_a_partition_resets(void)
{
	NEEDS(hello);
	sender_resets(hello);
}

/* A borrower that ends has given back what it had. */
static void a_borrower_resets(void)
{
	uint64_t handle = 0;

	pattern_fill((uint64_t)nwd_pages[0], 2, 0x7000);
	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, second, nwd_pages[0], 2, &handle) == FFA_OK);
	REQUIRE(nwd_retrieve(second, FFA_MEM_SHARE_64, handle, 0).w[0] == FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_CODE(reset(second), FFA_ABORTED);
	check_up(second);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_EQ(pattern_wrong((uint64_t)nwd_pages[0], 2, 0x7000), 0);
}

/* An owner that ends while another has its memory begins anew without it, and the other loses nothing. */
static void an_owner_resets(void)
{
	const uint64_t permissions = FFA_PERMISSIONS(FFA_DATA_RW, 0);
	struct words sent, got;

	NEEDS(third);
	sent = COMMAND(second, COMMAND_SEND, FFA_MEM_LEND_64, third, 4 | permissions << 32, 0);
	REQUIRE(sent.w[0] == FFA_OK);
	got = COMMAND(third, COMMAND_RETRIEVE, sent.w[1], 0,
		      second | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_XN) << 16 |
			      (uint64_t)FFA_ATTRIBUTES_NORMAL << 32);
	REQUIRE(got.w[0] == FFA_OK);
	CHECK_CODE(COMMAND_CODE(third, COMMAND_FILL, sent.w[1], 0x8000), FFA_OK);
	CHECK_CODE(reset(second), FFA_ABORTED);
	check_up(second);
	CHECK_EQ(COMMAND(third, COMMAND_CHECK, sent.w[1], 0x8000).w[1], 0);
	CHECK_CODE(COMMAND_CODE(third, COMMAND_RELINQUISH, sent.w[1], 0), FFA_OK);
	check_up(second);
}

/* ---- what partitions below hear of starts and ends ---- */

/* Of a VM that is up, hello has heard of one start more than of ends. */
static struct words heard_of(uint16_t id)
{
	struct words answer = WHEN_FREE(hello, COMMAND_VM, id);

	CHECK_CODE(answer.w[0], FFA_OK);
	CHECK_EQ(answer.w[1], answer.w[2] + 1);
	return answer;
}

/* Who did not ask for it does not. */
static void starts_are_told(void)
{
	struct words answer;

	NEEDS(hello);
	heard_of(nwd_id);
	answer = WHEN_FREE(irq, COMMAND_VM, nwd_id);
	CHECK_CODE(answer.w[0], FFA_OK);
	CHECK_EQ(answer.w[1] + answer.w[2], 0);
}

static void ends_are_told(void)
{
	uint64_t own, before;

	NEEDS(hello);
	own = heard_of(nwd_id).w[2];
	before = heard_of(second).w[2];
	for (uint32_t i = 1; i <= 2; i++) {
		CHECK_CODE(reset(second), FFA_ABORTED);
		check_up(second);
		CHECK_EQ(heard_of(second).w[2], before + i);
	}
	CHECK_EQ(heard_of(nwd_id).w[2], own);
}

void test_life(void)
{
	static const struct test always[] = {
		{ "life_starts_are_told", starts_are_told },
	};
	static const struct test tests[] = {
		{ "life_receiver_resets", the_receiver_resets },
		{ "life_receivers_cpu_goes", the_receivers_cpu_goes },
		{ "life_sender_resets", a_sender_resets },
		{ "life_sender_to_a_partition_resets", a_sender_to_a_partition_resets },
		{ "life_borrower_resets", a_borrower_resets },
		{ "life_owner_resets", an_owner_resets },
		{ "life_ends_are_told", ends_are_told },
	};

	RUN_TESTS(always);
	if (second != 0) {
		RUN_TESTS(tests);
	}
}
