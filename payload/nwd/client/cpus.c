/* SPDX-License-Identifier: MIT */
/* Several CPUs: partitions on each of them, all at once, and CPUs that go off and come back. */
#include "payload/lib/cpu.h"
#include "payload/lib/fp.h"
#include "payload/lib/psci.h"
#include "payload/lib/timer.h"
#include "payload/nwd/client/handler.h"
#include "payload/nwd/client/tests.h"

#define ROUNDS 200
#define POWER_ROUNDS 3
#define IPI_MAX_US 10000000
#define IPI_EVERY_US 5000

/* The mailbox is one for all CPUs. */
static struct spinlock mailbox;

static void needs_cpus(void)
{
	if (cpu_count == 1) {
		test_skip("one CPU");
		return;
	}
	CHECK_EQ(cpu_start_all(), cpu_count);
}

static void see_vcpu(uint64_t arg)
{
	uint32_t self = this_cpu()->index;
	struct words w = COMMAND(hello, COMMAND_STATE);

	(void)arg;
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], self);
	w = COMMAND(irq, COMMAND_STATE);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], self);
}

/* FP/SIMD of us and of two partitions, on every CPU at once. */
static void keep_on_all(uint64_t arg)
{
	uint64_t seed = UINT64_C(0x0000400000000021) * (this_cpu()->index + 1);

	(void)arg;
	fp_fill(seed);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_KEEP, seed + 0x100), FFA_OK);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_KEEP, seed + 0x200), FFA_OK);
	for (uint32_t i = 0; i < ROUNDS / 10 && !test_failed(); i++) {
		CHECK_EQ(COMMAND(hello, COMMAND_HOLD, seed + 0x100).w[1], 1);
		CHECK_EQ(COMMAND(irq, COMMAND_HOLD, seed + 0x200).w[1], 1);
		CHECK(fp_holds(seed));
	}
}

static void registers_at_once(void)
{
	CHECK(cpu_run_all(cpu_count, keep_on_all, 0));
}

/* A context for each CPU, pinned to it. */
static void pinned_contexts(void)
{
	CHECK(cpu_run_all(cpu_count, see_vcpu, 0));
}

static void echo_on_all(uint64_t arg)
{
	uint32_t self = this_cpu()->index;

	(void)arg;
	for (uint64_t i = 0; i < ROUNDS && !test_failed(); i++) {
		uint16_t sp = i % 2 == 0 ? hello : irq;
		struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, sp), 0, i, self } };

		nwd_message(&r);
		CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
		CHECK_EQ(r.x[3], i);
		CHECK_EQ(r.x[4], self);
	}
}

static void messages_at_once(void)
{
	CHECK(cpu_run_all(cpu_count, echo_on_all, 0));
}

static uint32_t busy;

/* A request to the context that all CPUs want: the others are told that it is busy, and ask again. */
static struct ffa_regs call_relay(uint64_t value)
{
	struct ffa_regs r;

	for (uint32_t tries = 0; tries < 1000000; tries++) {
		r = (struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, relay), 0, value } };
		nwd_message(&r);
		if (ffa_code(&r) != FFA_BUSY) {
			break;
		}
		atomic_add(&busy, 1);
	}
	return r;
}

static void call_relay_often(uint64_t arg)
{
	uint32_t self = this_cpu()->index;

	(void)arg;
	for (uint64_t i = 0; i < ROUNDS && !test_failed(); i++) {
		struct ffa_regs r = call_relay(i << 8 | self);

		CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
		CHECK_EQ(r.x[3], i << 8 | self);
	}
}

static void migrates(void)
{
	busy = 0;
	CHECK(cpu_run_all(cpu_count, call_relay_often, 0));
	print("# relay was busy %u times\n", busy);
}

/* Each CPU shares its own page, has its context of a partition write it, and takes it back. */
static void share_on_all(uint64_t arg)
{
	uint32_t self = this_cpu()->index;
	uint64_t pattern = UINT64_C(0x100000) * (self + 1);

	(void)arg;
	for (uint32_t i = 0; i < ROUNDS / 10 && !test_failed(); i++) {
		uint16_t sp = i % 2 == 0 ? hello : irq;
		uint64_t handle = 0;
		int32_t code;

		spin_lock(&mailbox);
		code = nwd_send_pages(FFA_MEM_SHARE_64, sp, nwd_pages[4 * self], 4, &handle);
		spin_unlock(&mailbox);
		CHECK_CODE(code, FFA_OK);
		CHECK_CODE(nwd_retrieve(sp, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
		CHECK_CODE(COMMAND_CODE(sp, COMMAND_FILL, handle, pattern), FFA_OK);
		CHECK_EQ(pattern_wrong((uint64_t)nwd_pages[4 * self], 4, pattern), 0);
		CHECK_CODE(COMMAND_CODE(sp, COMMAND_RELINQUISH, handle, 0), FFA_OK);
		CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	}
}

static void memory_at_once(void)
{
	CHECK(cpu_run_all(cpu_count, share_on_all, 0));
}

static void run_waiting(uint64_t ids)
{
	struct ffa_regs r = FFA(FFA_RUN, (uint32_t)ids);

	CHECK_EQ(r.x[0], FFA_MSG_WAIT);
}

static void fill_rx(uint64_t code)
{
	CHECK_CODE(SP_FFA_CODE(irq, FFA_PARTITION_INFO_GET), (int32_t)code);
}

/* irq gives RX back when it waits, but a context that wakes and waits has not read what another one reads. */
static void rx_is_of_who_reads(void)
{
	const uint32_t other = cpu_count - 1;

	if (cpu_count == 1) {
		test_skip("one CPU");
		return;
	}
	fill_rx(FFA_OK);
	CHECK(cpu_run(other, run_waiting, ffa_pair(irq, other)));
	fill_rx((uint64_t)FFA_BUSY);
	REQUIRE(cpu_stop(other));
	REQUIRE(cpu_start_all() == cpu_count);
	fill_rx((uint64_t)FFA_BUSY);
	run_waiting(ffa_pair(irq, 0));
	/* Who is off does not read. */
	CHECK(cpu_run(other, fill_rx, FFA_OK));
	run_waiting(ffa_pair(irq, 0));
	fill_rx((uint64_t)FFA_BUSY);
	REQUIRE(cpu_stop(other));
	run_waiting(ffa_pair(irq, 0));
	fill_rx(FFA_OK);
	CHECK_CODE(SP_FFA_CODE(irq, FFA_RX_RELEASE), FFA_OK);
	REQUIRE(cpu_start_all() == cpu_count);
}

static void cpu_off_and_on(void)
{
	if (cpu_count == 1) {
		test_skip("one CPU");
		return;
	}
	for (uint32_t i = 0; i < POWER_ROUNDS; i++) {
		for (uint32_t cpu = 1; cpu < cpu_count; cpu++) {
			REQUIRE(cpu_stop(cpu));
		}
		/* Those of CPUs that are off are not there; ours is. */
		see_vcpu(0);
		REQUIRE(cpu_start_all() == cpu_count);
		CHECK(cpu_run_all(cpu_count, see_vcpu, 0));
	}
}

/* ---- between the contexts of one partition ---- */

static int32_t send_ipi(uint64_t vcpu)
{
	return (int32_t)COMMAND(hello, COMMAND_HF, HF_INTERRUPT_SEND_IPI, vcpu).w[1];
}

static uint32_t ipi_ended;

static void busy_until_ipi(uint64_t arg)
{
	struct words w = COMMAND(hello, COMMAND_BUSY, IPI_MAX_US, BUSY_IPI);

	(void)arg;
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], BUSY_IPI);
	atomic_store(&ipi_ended, 1);
}

/* Sent again until it has arrived, since we do not see when the other has begun. */
static void ipi_to_running(void)
{
	if (cpu_count == 1) {
		test_skip("one CPU");
		return;
	}
	ipi_ended = 0;
	cpu_post(cpu_count - 1, busy_until_ipi, 0);
	for (uint32_t i = 0; i < IPI_MAX_US / IPI_EVERY_US && atomic_load(&ipi_ended) == 0; i++) {
		CHECK_CODE(send_ipi(cpu_count - 1), 0);
		delay_us(IPI_EVERY_US);
	}
	CHECK(cpu_wait(cpu_count - 1, IPI_MAX_US / 1000));
	CHECK_CODE(send_ipi(0), -1); /* to itself */
	CHECK_CODE(send_ipi(64), -1);
}

static uint64_t ipi_count;

static void count_ipis(uint64_t arg)
{
	(void)arg;
	ipi_count = COMMAND(hello, COMMAND_INTERRUPTS, FFA_INTID_IPI).w[1];
}

/* Its CPU is ours just then: we are told whom to give cycles. */
static void ipi_to_waiting(void)
{
	const uint32_t other = cpu_count - 1;
	struct ffa_regs r;
	uint64_t before;

	if (cpu_count == 1) {
		test_skip("one CPU");
		return;
	}
	/* Those of before are handled and told of. */
	CHECK(cpu_run(other, count_ipis, 0));
	before = ipi_count;
	FFA(FFA_NOTIFICATION_INFO_GET_64);
	sri_count = 0;
	CHECK_CODE(send_ipi(other), 0);
	CHECK(WAIT_UNTIL(sri_count == 1, 1000));
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[2], 1u << 7 | 1u << 12); /* one list: it and a context */
	CHECK_EQ(r.x[3] & 0xffffffff, hello | other << 16);
	CHECK(cpu_run(other, run_waiting, ffa_pair(hello, other)));
	CHECK(cpu_run(other, count_ipis, 0));
	CHECK_EQ(ipi_count, before + 1);
}

void test_cpus(void)
{
	static const struct test tests[] = {
		{ "cpus_start", needs_cpus },
		{ "cpus_pinned_contexts", pinned_contexts },
		{ "cpus_messages_at_once", messages_at_once },
		{ "cpus_registers_at_once", registers_at_once },
		{ "cpus_migrates", migrates },
		{ "cpus_rx_is_of_who_reads", rx_is_of_who_reads },
		{ "cpus_memory_at_once", memory_at_once },
		{ "cpus_off_and_on", cpu_off_and_on },
		{ "cpus_ipi_to_running", ipi_to_running },
		{ "cpus_ipi_to_waiting", ipi_to_waiting },
	};

	handler_begin();
	RUN_TESTS(tests);
	handler_end();
}
