/* SPDX-License-Identifier: MIT */
/* Direct messages: from us, between partitions, in the name of VMs, of the framework. */
#include "payload/nwd/client/tests.h"

#define VM 9

static struct ffa_regs direct(uint32_t id, uint16_t sp, uint64_t w3, uint64_t w7)
{
	struct ffa_regs r = { .x = { id, ffa_pair(FFA_ID_NWD, sp), 0, w3, 4, 5, 6, w7 } };

	nwd_message(&r);
	return r;
}

static void echo_32(void)
{
	struct ffa_regs r = direct(FFA_MSG_SEND_DIRECT_REQ, hello, UINT64_C(0xabcd000012345678), 7);

	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP);
	CHECK_EQ(r.x[1], ffa_pair(hello, FFA_ID_NWD));
	CHECK_EQ(r.x[2], 0);
	/* The upper halves of a 32-bit call do not travel. */
	CHECK_EQ(r.x[3], 0x12345678);
	CHECK_EQ(r.x[4], 4);
	CHECK_EQ(r.x[7], 7);
}

static void echo_64(void)
{
	for (uint32_t i = 0; i < 3; i++) {
		uint16_t sp = i == 0 ? hello : i == 1 ? irq : relay;
		struct ffa_regs r = direct(FFA_MSG_SEND_DIRECT_REQ_64, sp, UINT64_C(0xabcd000012345678), ~UINT64_C(0));

		CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
		CHECK_EQ(r.x[1], ffa_pair(sp, FFA_ID_NWD));
		CHECK_EQ(r.x[3], UINT64_C(0xabcd000012345678));
		CHECK_EQ(r.x[7], ~UINT64_C(0));
	}
}

static void echo_req2(void)
{
	struct ffa_uuid uuid = UUID_HELLO_2;
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ2_64, ffa_pair(FFA_ID_NWD, hello) } };

	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 4; i < 18; i++) {
			r.x[i] = UINT64_C(0x1122334400000000) + i;
		}
		nwd_message(&r);
		CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP2_64);
		CHECK_EQ(r.x[1], ffa_pair(hello, FFA_ID_NWD));
		CHECK_EQ(r.x[2], 0);
		CHECK_EQ(r.x[3], 0);
		for (uint32_t i = 4; i < 18; i++) {
			CHECK_EQ(r.x[i], UINT64_C(0x1122334400000000) + i);
		}
		/* Again, to one service of it. */
		r = (struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ2_64, ffa_pair(FFA_ID_NWD, hello),
					      ffa_u64(uuid.word[0], uuid.word[1]),
					      ffa_u64(uuid.word[2], uuid.word[3]) } };
	}
}

static int32_t code_of(uint32_t id, uint32_t from, uint32_t to, uint64_t x2)
{
	struct ffa_regs r = { .x = { id, ffa_pair(from, to), x2 } };

	nwd_message(&r);
	return ffa_code(&r);
}

static void request_checks(void)
{
	static const uint32_t ids[] = { FFA_MSG_SEND_DIRECT_REQ, FFA_MSG_SEND_DIRECT_REQ_64 };

	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++) {
		CHECK_CODE(code_of(ids[i], FFA_ID_NWD, hello, 1), FFA_INVALID_PARAMETERS);
		CHECK_CODE(code_of(ids[i], FFA_ID_NWD, FFA_ID_NWD, 0), FFA_INVALID_PARAMETERS);
		CHECK_CODE(code_of(ids[i], FFA_ID_NWD, VM, 0), FFA_INVALID_PARAMETERS);
		CHECK_CODE(code_of(ids[i], FFA_ID_NWD, 0x8077, 0), FFA_INVALID_PARAMETERS);
		CHECK_CODE(code_of(ids[i], FFA_ID_NWD, FFA_ID_SPMC, 0), FFA_INVALID_PARAMETERS);
		CHECK_CODE(code_of(ids[i], irq, hello, 0), FFA_INVALID_PARAMETERS);
		CHECK_CODE(code_of(ids[i], FFA_ID_NWD, 0xffd0, 0), FFA_INVALID_PARAMETERS);
	}
}

static void request2_checks(void)
{
	CHECK_CODE(code_of(FFA_MSG_SEND_DIRECT_REQ2_64, FFA_ID_NWD, hello, 0x1234), FFA_INVALID_PARAMETERS);
	/* relay is of 1.1. */
	CHECK_CODE(code_of(FFA_MSG_SEND_DIRECT_REQ2_64, FFA_ID_NWD, relay, 0), FFA_DENIED);
	CHECK_CODE(code_of(FFA_MSG_SEND_DIRECT_REQ2_64, FFA_ID_NWD, 0x8077, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(code_of(FFA_MSG_SEND_DIRECT_REQ2_64, FFA_ID_NWD, FFA_ID_NWD, 0), FFA_INVALID_PARAMETERS);
}

/* Nobody asked us: answers and events of partitions are not calls of the normal world. */
static void responses_from_us(void)
{
	CHECK(FFA_CODE(FFA_MSG_SEND_DIRECT_RESP, ffa_pair(FFA_ID_NWD, hello)) != FFA_OK);
	CHECK(FFA_CODE(FFA_MSG_SEND_DIRECT_RESP2_64, ffa_pair(FFA_ID_NWD, hello)) != FFA_OK);
}

/* In the name of a VM, as a hypervisor forwards it. */
static void message_of_vm(void)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(VM, hello), 0, 0x77 } };

	nwd_message(&r);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[1], ffa_pair(hello, VM));
	CHECK_EQ(r.x[3], 0x77);
}

/* ---- between partitions ---- */

static void relay_echo(void)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, hello, 0x4711, 0x4712, 0x4713);

	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], 0x4711);
	CHECK_EQ(w.w[2], 0x4712);
	CHECK_EQ(w.w[3], 0x4713);
}

static void relay_checks(void)
{
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELAY, relay, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELAY, FFA_ID_NWD, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELAY, 0x8077, 1), FFA_INVALID_PARAMETERS);
	/* In another's name. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(irq, relay)), FFA_INVALID_PARAMETERS);
}

static bool is_refusal(uint64_t code)
{
	return (int32_t)code == FFA_DENIED || (int32_t)code == FFA_BUSY;
}

static void relay_three_deep(void)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, hello, COMMAND_RELAY, irq, 0x1);

	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_CODE(w.w[1], FFA_OK);
	CHECK_EQ(w.w[2], 0x1);
}

/* Back to one that waits for an answer itself. */
static void relay_cycles(void)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, hello, COMMAND_RELAY, relay, 0x1);
	struct ffa_regs r;

	CHECK_CODE(w.w[0], FFA_OK);
	CHECK(is_refusal(w.w[1]));
	r = SP_FFA(hello, FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(hello, irq), 0, COMMAND_CALL, FFA_MSG_SEND_DIRECT_REQ_64,
		   ffa_pair(irq, hello), 0, 0);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_CODE(r.x[3], FFA_OK);
	CHECK_EQ(r.x[4], FFA_ERROR);
	CHECK(is_refusal(r.x[6]));
	/* All of them answer as before. */
	echo_64();
}

/* What a partition may not do while it serves a request. */
static void model_of_request(void)
{
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_WAIT), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_SEND_DIRECT_RESP_64, ffa_pair(hello, irq)), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_SEND_DIRECT_RESP_64, ffa_pair(irq, FFA_ID_NWD)), FFA_INVALID_PARAMETERS);
	/* A request of the second kind has an answer of the second kind. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_SEND_DIRECT_RESP_64, ffa_pair(hello, FFA_ID_NWD)), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RUN, ffa_pair(relay, 0)), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_SECONDARY_EP_REGISTER_64, 0x0e804000), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_YIELD, 0, 0, 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_SEND_DIRECT_RESP, ffa_pair(hello, FFA_ID_NWD), 1),
		   FFA_INVALID_PARAMETERS);
}

/* ---- FFA_RUN, FFA_YIELD ---- */

static void run_waiting(void)
{
	uint64_t before = COMMAND(hello, COMMAND_STATE).w[3];
	struct ffa_regs r = FFA(FFA_RUN, ffa_pair(hello, 0));

	CHECK_EQ(r.x[0], FFA_MSG_WAIT);
	CHECK_EQ(COMMAND(hello, COMMAND_STATE).w[3], before + 1);
	r = FFA(FFA_RUN, ffa_pair(relay, 0));
	CHECK_EQ(r.x[0], FFA_MSG_WAIT);
}

static void run_checks(void)
{
	CHECK_CODE(FFA_CODE(FFA_RUN, ffa_pair(0x8077, 0)), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RUN, ffa_pair(hello, 1)), FFA_INVALID_PARAMETERS); /* of another CPU */
	CHECK_CODE(FFA_CODE(FFA_RUN, ffa_pair(hello, 99)), FFA_INVALID_PARAMETERS);
	CHECK(FFA_CODE(FFA_RUN, ffa_pair(relay, 1)) != FFA_OK);
	CHECK(FFA_CODE(FFA_RUN, ffa_pair(FFA_ID_NWD, 0)) != FFA_OK);
}

static void yields(void)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, hello), 0, COMMAND_YIELD, 2,
				     UINT64_C(0x500000007) } };

	ffa_call(&r);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_EQ(r.x[0], FFA_YIELD);
		CHECK_EQ(r.x[1], ffa_pair(hello, 0));
		CHECK_EQ(r.x[2], 7);
		CHECK_EQ(r.x[3], 5);
		/* It is blocked: no new request. */
		CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, hello)), FFA_BUSY);
		r = FFA(FFA_RUN, ffa_pair(hello, 0));
	}
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[3], FFA_OK);
}

/* ---- framework messages ---- */

static struct ffa_regs framework(uint16_t from, uint16_t sp, uint32_t kind, uint32_t vm)
{
	return FFA(FFA_MSG_SEND_DIRECT_REQ, ffa_pair(from, sp), FFA_FRAMEWORK_MESSAGE | kind, 0, 0, vm);
}

static void vm_created(void)
{
	struct ffa_regs r = framework(FFA_ID_NWD, hello, FFA_FRAMEWORK_VM_CREATED_REQ, VM);

	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP);
	CHECK_EQ(r.x[1], ffa_pair(hello, FFA_ID_NWD));
	CHECK_EQ((uint32_t)r.x[2], FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VM_CREATED_RESP);
	CHECK_EQ(r.x[3], FFA_OK);
	r = framework(FFA_ID_NWD, hello, FFA_FRAMEWORK_VM_DESTROYED_REQ, VM);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP);
	CHECK_EQ((uint32_t)r.x[2], FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VM_DESTROYED_RESP);
	/* Only to those that asked for them. */
	r = framework(FFA_ID_NWD, irq, FFA_FRAMEWORK_VM_CREATED_REQ, VM);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
}

static void framework_checks(void)
{
	/* Power management is the SPMD's. */
	struct ffa_regs r = framework(FFA_ID_NWD, hello, FFA_FRAMEWORK_PSCI_REQ, 0);

	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = framework(FFA_ID_NWD, FFA_ID_SPMC, FFA_FRAMEWORK_VERSION_REQ, 0);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = framework(FFA_ID_NWD, hello, 0x55, 0);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = framework(FFA_ID_SPMD, FFA_ID_SPMC, FFA_FRAMEWORK_PSCI_REQ, 0);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
}

void test_messages(void)
{
	static const struct test tests[] = {
		{ "direct_echo_32", echo_32 },
		{ "direct_echo_64", echo_64 },
		{ "direct_echo_req2", echo_req2 },
		{ "direct_request_checks", request_checks },
		{ "direct_request2_checks", request2_checks },
		{ "direct_responses_from_us", responses_from_us },
		{ "direct_message_of_vm", message_of_vm },
		{ "relay_echo", relay_echo },
		{ "relay_checks", relay_checks },
		{ "relay_three_deep", relay_three_deep },
		{ "relay_cycles", relay_cycles },
		{ "model_of_request", model_of_request },
		{ "run_waiting", run_waiting },
		{ "run_checks", run_checks },
		{ "yield", yields },
		{ "framework_vm_created", vm_created },
		{ "framework_checks", framework_checks },
	};

	RUN_TESTS(tests);
}
