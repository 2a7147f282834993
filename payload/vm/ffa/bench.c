/* SPDX-License-Identifier: MIT */
/*
 * What FF-A costs a VM (payload/nwd/lib/bench.h): calls to the partition hello, or to another VM, and back. With the
 * other VM also indirect messages and notifications there and back, each side told by its interrupt.
 */
#include "payload/lib/arch.h"
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/nwd/lib/bench.h"
#include "payload/vm/ffa/ffa.h"

#define ROUNDS 200
#define WARMUP 5
#define BIT_USED 1u
#define MESSAGE_BYTES 128
#define UUID_CLIENT ((struct ffa_uuid){ { 0x7d1e5f05, 0x3c1d4f2a, 0x8b6e07d9, 0x51f2c3b1 } }) /* in the manifest */

static const struct bench_memory memory[] = {
	{ { "share_4k", "retrieve_4k", "relinquish_4k", "reclaim_4k" }, BENCH_RANGE, 1, 16 },
	{ { "share_2m", "retrieve_2m", "relinquish_2m", "reclaim_2m" }, BENCH_BLOCK, 512, 2 },
	{ { "share_512x4k", "retrieve_512x4k", "relinquish_512x4k", "reclaim_512x4k" }, BENCH_SINGLE, 512, 2 },
};

/* ---- there and back by interrupts: the servant answers in its handler ---- */

static uint16_t self, other;

static void set_notification(void)
{
	FFA(FFA_NOTIFICATION_SET, ffa_pair(self, other), 0, BIT_USED);
}

/* What is in it is not looked at. */
static void send_indirect(void)
{
	struct ffa_message_header *header = (struct ffa_message_header *)(is_servant() ? sp_tx : nwd_tx);

	*header = (struct ffa_message_header){
		.offset = sizeof(*header), .sender = self, .receiver = other, .size = MESSAGE_BYTES
	};
	FFA(FFA_MSG_SEND2, 0, 0);
}

/* Takes what is pending, and gives the RX buffer back if it was a message. True: it was the notification. */
static bool take(void)
{
	struct ffa_regs r = FFA(FFA_NOTIFICATION_GET, ffa_pair(0, self),
				FFA_NOTIFICATION_GET_VM | FFA_NOTIFICATION_GET_HYP);

	if (r.x[7] != 0) {
		FFA(FFA_RX_RELEASE);
	}
	return r.x[4] != 0;
}

void bench_answer(void)
{
	take() ? set_notification() : send_indirect();
}

void bench_servant_start(void)
{
	self = sp_id;
	other = nwd_find(UUID_CLIENT);
}

/* Masked, an interrupt still ends the WFI. */
static void wait_for_interrupt(void)
{
	uint32_t intid;

	do {
		wfi();
		intid = gic_ack();
	} while (intid >= 1020);
	gic_eoi(intid);
}

static void measure_roundtrip(const char *name, void (*act)(void))
{
	uint64_t start = 0;
	uint32_t wrong = 0;

	irq_off();
	for (uint32_t i = 0; i < WARMUP + ROUNDS; i++) {
		if (i == WARMUP) {
			bench_begin();
			start = read_sysreg(cntvct_el0);
		}
		act();
		wait_for_interrupt();
		wrong += take() != (act == set_notification);
	}
	bench_end(name, read_sysreg(cntvct_el0) - start, ROUNDS, wrong);
	irq_on();
}

static void roundtrips(void)
{
	self = nwd_id;
	other = partner;
	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(other, self), 0, BIT_USED) == FFA_OK);
	REQUIRE(FROM_CODE(other, FFA_NOTIFICATION_BIND, ffa_pair(self, other), 0, BIT_USED) == FFA_OK);
	measure_roundtrip("notification", set_notification);
	measure_roundtrip("indirect", send_indirect);
}

/* ---- the rest ---- */

/* The partner yields; each round is from FFA_RUN to its next FFA_YIELD. */
static void yields(void)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(nwd_id, partner), 0, COMMAND_YIELD,
				     ROUNDS } };
	uint64_t ticks = 0;
	uint32_t wrong = 0;

	ffa_call(&r);
	bench_begin();
	for (uint32_t i = 0; i < ROUNDS; i++) {
		wrong += !ffa_is(&r, FFA_YIELD);
		r = (struct ffa_regs){ .x = { FFA_RUN, (uint32_t)r.x[1] } };
		ticks += bench_call(&r);
	}
	bench_end("yield_run", ticks, ROUNDS, wrong + !ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP_64));
}

static void calls(void)
{
	const uint32_t pair = ffa_pair(nwd_id, partner);
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, pair, 0, 1, 2, 3, 4, 5 } };

	bench_calls("id_get", (struct ffa_regs){ .x = { FFA_ID_GET } }, FFA_SUCCESS);
	bench_calls("direct64", r, FFA_MSG_SEND_DIRECT_RESP_64);
	r.x[0] = FFA_MSG_SEND_DIRECT_REQ;
	bench_calls("direct32", r, FFA_MSG_SEND_DIRECT_RESP);
	bench_calls("direct_req2", (struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ2_64, pair, 0, 0, 1, 2 } },
		    FFA_MSG_SEND_DIRECT_RESP2_64);
	yields();
}

static void transactions(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(memory) && !test_failed(); i++) {
		bench_memory(partner, &memory[i]);
	}
}

void test_bench(void)
{
	static const struct test tests[] = { { "calls", calls }, { "memory", transactions } };
	static const struct test with_vm[] = { { "roundtrips", roundtrips } };

	RUN_TESTS(tests);
	if (is_vm(partner)) {
		RUN_TESTS(with_vm);
	}
}
