/* SPDX-License-Identifier: MIT */
/* Direct messages to a partition or another VM, and who goes on when. */
#include "payload/lib/fp.h"
#include "payload/lib/timer.h"
#include "payload/vm/ffa/ffa.h"

#define GARBAGE UINT64_C(0xa5a5a5a500000000)
#define ROUNDS 100
#define TRIES_MAX 20

static uint32_t to_partner(void)
{
	return ffa_pair(nwd_id, partner);
}

static uint32_t from_partner(void)
{
	return ffa_pair(partner, nwd_id);
}

/* Whatever a message carries comes back, and only what its form defines. */
static void echo(uint32_t id)
{
	bool two = id == FFA_MSG_SEND_DIRECT_REQ2_64, wide = (id & FFA_64) != 0;
	struct ffa_regs r = { .x = { id, GARBAGE | to_partner() } };

	for (uint32_t i = two ? 4 : 3; i < 18; i++) {
		r.x[i] = GARBAGE + 0x1000 + i;
	}
	nwd_message(&r);
	if (two && older && !is_vm(partner)) {
		CHECK_CODE(ffa_code(&r), FFA_DENIED);
		return;
	}
	CHECK_EQ(r.x[0], id + 1);
	CHECK_EQ(r.x[1], from_partner());
	CHECK_EQ(r.x[2], 0);
	for (uint32_t i = two ? 4 : 3; i < 8; i++) {
		CHECK_EQ(r.x[i], (wide ? GARBAGE : 0) + 0x1000 + i);
	}
	/* Defined by RESP2; else they are ours. */
	for (uint32_t i = 8; i < 18; i++) {
		CHECK_EQ(r.x[i], GARBAGE + 0x1000 + i);
	}
}

static void echo_32(void)
{
	echo(FFA_MSG_SEND_DIRECT_REQ);
}
static void echo_64(void)
{
	echo(FFA_MSG_SEND_DIRECT_REQ_64);
}
static void echo_2(void)
{
	echo(FFA_MSG_SEND_DIRECT_REQ2_64);
}

static void many_rounds(void)
{
	for (uint64_t i = 0; i < ROUNDS && !test_failed(); i++) {
		struct words w = COMMAND(partner, i, ~i, i << 32, 7, 8);

		CHECK_EQ(w.w[0], i);
		CHECK_EQ(w.w[1], ~i);
		CHECK_EQ(w.w[2], i << 32);
	}
}

static int32_t request(uint32_t id, uint32_t w1, uint64_t x2, uint64_t x3)
{
	struct ffa_regs r = { .x = { id, w1, x2, x3 } };

	nwd_message(&r);
	return ffa_code(&r);
}

static void what_is_refused(void)
{
	static const uint16_t nobody[] = { FFA_ID_NWD, 0x77, FFA_ID_SPMC, 0x8077, FFA_ID_SPMD };
	const uint32_t req = FFA_MSG_SEND_DIRECT_REQ_64, req2 = FFA_MSG_SEND_DIRECT_REQ2_64;

	CHECK_CODE(request(req, to_partner(), 1, 0), FFA_INVALID_PARAMETERS);
	/* Messages of the framework are not a VM's to send. */
	for (uint32_t i = 0; i < 10; i++) {
		CHECK_CODE(request(FFA_MSG_SEND_DIRECT_REQ, to_partner(), FFA_FRAMEWORK_MESSAGE | i, 0),
			   FFA_INVALID_PARAMETERS);
	}
	CHECK_CODE(request(req, ffa_pair(FFA_ID_NWD, partner), 0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(request(req, ffa_pair(nwd_id + 1u, partner), 0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(request(req, ffa_pair(partner, nwd_id), 0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(request(req, ffa_pair(nwd_id, nwd_id), 0, 0), FFA_INVALID_PARAMETERS);
	for (uint32_t i = 0; i < ARRAY_SIZE(nobody); i++) {
		CHECK_CODE(request(req, ffa_pair(nwd_id, nobody[i]), 0, 0), FFA_INVALID_PARAMETERS);
		CHECK_CODE(FFA_CODE(FFA_RUN, (uint32_t)nobody[i] << 16), FFA_INVALID_PARAMETERS);
	}
	CHECK_CODE(request(req2, to_partner(), 0x1234, 0), FFA_INVALID_PARAMETERS);
	/* Nobody was called, so nobody is to be run or answered. */
	CHECK_CODE(FFA_CODE(FFA_RUN, ffa_pair(partner, 0)), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RUN, ffa_pair(partner, 0x1000)), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_RESP, to_partner()), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_RESP2_64, to_partner()), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_RESP, from_partner()), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MSG_WAIT, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_INTERRUPT), FFA_DENIED);
	many_rounds();
}

/* ---- interrupts ---- */

/*
 * The partner computes, and our timer's interrupt comes first: until it does, for on a busy host it may come too late.
 * The answer of the call.
 */
static struct ffa_regs interrupted(uint64_t us)
{
	struct ffa_regs r = { 0 };

	for (uint32_t i = 0; i < TRIES_MAX && !ffa_is(&r, FFA_INTERRUPT); i++) {
		r = (struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ_64, to_partner(), 0, COMMAND_BUSY, us } };
		sp_timer_set(us / 100);
		ffa_call(&r);
	}
	return r;
}

static uint32_t timer_interrupts(void)
{
	return sp_this()->handled[FFA_INTID_VTIMER];
}

static void an_interrupt_comes_first(void)
{
	uint32_t before = timer_interrupts();
	struct ffa_regs r = interrupted(200000);

	CHECK_EQ(r.x[0], FFA_INTERRUPT);
	CHECK_CODE(ffa_code(&r), FFA_OK);
	CHECK_EQ(r.x[1] >> 16, partner);
	CHECK(WAIT_UNTIL(timer_interrupts() != before, 1000));
	while (ffa_is(&r, FFA_INTERRUPT)) {
		r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	}
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[1], from_partner());
	CHECK_EQ(r.x[3], FFA_OK);
	many_rounds();
}

/* What we left is ours. */
static void nobody_else_may_run_it(void)
{
	uint16_t other = partner == second ? third : second;
	struct ffa_regs r;

	if (other == 0) {
		test_skip("there is no other VM");
		return;
	}
	r = interrupted(200000);
	REQUIRE(ffa_is(&r, FFA_INTERRUPT));
	CHECK_CODE(SP_FFA_CODE(other, FFA_RUN, (uint32_t)r.x[1]), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(other, FFA_RUN, ffa_pair(nwd_id, 0)), FFA_DENIED);
	while (ffa_is(&r, FFA_INTERRUPT)) {
		r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	}
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
}

/* If another wants what we have left, it runs on for us first: he has his answer, and ours waits for us. */
static void another_uses_it_all_the_same(void)
{
	uint16_t other = partner == second ? third : second;
	struct ffa_regs r;

	if (other == 0) {
		test_skip("there is no other VM");
		return;
	}
	r = interrupted(50000);
	REQUIRE(ffa_is(&r, FFA_INTERRUPT));
	CHECK_CODE(WHEN_FREE(other, COMMAND_RELAY, partner, COMMAND_STATE).w[0], FFA_OK);
	if (!is_vm(partner)) { /* a VM may have another vCPU for it */
		CHECK_CODE(request(FFA_MSG_SEND_DIRECT_REQ_64, to_partner(), 0, 0), FFA_BUSY);
	}
	while (ffa_is(&r, FFA_INTERRUPT)) {
		r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	}
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[1], from_partner());
	CHECK_EQ(r.x[3], FFA_OK);
	many_rounds();
}

static void it_yields(void)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, to_partner(), 0, COMMAND_YIELD, 3,
				     UINT64_C(0x100001000) } };
	uint32_t yields = 0;

	ffa_call(&r);
	while (ffa_is(&r, FFA_INTERRUPT) || ffa_is(&r, FFA_YIELD)) {
		CHECK_EQ(r.x[1] >> 16, partner);
		if (ffa_is(&r, FFA_YIELD)) {
			yields++;
			CHECK_EQ(r.x[2], 0x1000);
			CHECK_EQ(r.x[3], 1);
		}
		r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	}
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[3], FFA_OK);
	CHECK_EQ(yields, 3);
}

/*
 * The relay calls the partner, which yields more often than the relay is patient, and answers us. The partner is left
 * in the middle then, with nobody who would come back for it, but must be had again.
 */
static void another_has_left_it(void)
{
	if (is_vm(partner)) {
		test_skip("the relay calls no VMs");
		return;
	}
	CHECK_CODE(WHEN_FREE(relay, COMMAND_RELAY, partner, COMMAND_YIELD, RELAY_RESUMES_MAX + 10).w[0], FFA_ABORTED);
	CHECK_CODE(WHEN_FREE(partner, COMMAND_STATE).w[0], FFA_OK);
	many_rounds();
}

/* A servant whose only CPU works for us calls us: we wait for it. */
static void no_circles(void)
{
	if (!is_vm(partner)) {
		test_skip("a partition does not call VMs");
		return;
	}
	CHECK_CODE(SP_FFA_CODE(partner, FFA_MSG_SEND_DIRECT_REQ_64, from_partner()), FFA_BUSY);
	CHECK_CODE(SP_FFA_CODE(partner, FFA_RUN, ffa_pair(nwd_id, 0)), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(partner, FFA_MSG_WAIT), FFA_DENIED);
	many_rounds();
}

/* ---- what is ours stays ours ---- */

static void registers_stay(void)
{
	const uint64_t seed = UINT64_C(0x1234567890abcdef);

	fp_fill(seed);
	write_sysreg(tpidr_el0, seed);
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_KEEP, ~seed), FFA_OK);
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_BUSY, 1000, BUSY_FP), FFA_OK);
	CHECK(fp_holds(seed));
	CHECK_EQ(read_sysreg(tpidr_el0), seed);
}

static uint32_t answers[CPU_MAX];

static void ask_much(uint64_t arg)
{
	uint32_t cpu = this_cpu()->index;

	(void)arg;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct words w = WHEN_FREE(partner, i, (uint64_t)cpu << 32 | i, ~i);

		answers[cpu] += w.w[0] == i && w.w[1] == ((uint64_t)cpu << 32 | i) && w.w[2] == ~i;
	}
}

static void all_cpus_at_once(void)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		answers[i] = 0;
	}
	REQUIRE(cpu_run_all(cpu_count, ask_much, 0));
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK_EQ(answers[i], ROUNDS);
	}
}

void test_messages(void)
{
	static const struct test tests[] = {
		{ "message_32", echo_32 },
		{ "message_64", echo_64 },
		{ "message_2", echo_2 },
		{ "message_many", many_rounds },
		{ "message_refused", what_is_refused },
		{ "message_interrupted", an_interrupt_comes_first },
		{ "message_of_another", nobody_else_may_run_it },
		{ "message_left", another_uses_it_all_the_same },
		{ "message_yield", it_yields },
		{ "message_left_by_another", another_has_left_it },
		{ "message_circle", no_circles },
		{ "message_registers", registers_stay },
		{ "message_all_cpus", all_cpus_at_once },
	};

	RUN_FOR_PARTNER(tests);
}
