/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of both worlds while partitions run: our timer preempts hello, waits for relay (queued) and makes irq give
 * the CPU back (managed exit); irq's device and the partitions' timers interrupt us.
 */
#include "abi/pl031.h"
#include "payload/lib/cpu.h"
#include "payload/lib/fp.h"
#include "payload/lib/timer.h"
#include "payload/nwd/client/handler.h"
#include "payload/nwd/client/tests.h"

#define SEED UINT64_C(0x0000555500000021)
#define SHORT_US 2000
/* So much longer that a busy host does not make it shorter. */
#define LONG_US 100000
#define TRIES_MAX 20
#define HANDLED_MS 2000 /* and no interrupt is later than that on any host */

/* A partition that computes for so long, and a tick meanwhile. */
static struct ffa_regs busy(uint16_t sp, uint64_t us, uint64_t how)
{
	return FFA_WITH_TICK(SHORT_US, FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, sp), 0, COMMAND_BUSY, us, how);
}

/* The same until the tick did not come too late, as on a busy host it may: then it is preempted now. */
static struct ffa_regs preempted(uint16_t sp, uint64_t how)
{
	struct ffa_regs r = busy(sp, LONG_US, how);

	for (uint32_t i = 0; i < TRIES_MAX && ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP_64); i++) {
		r = busy(sp, LONG_US, how);
	}
	return r;
}

static void preempts(void)
{
	struct ffa_regs r = preempted(hello, 0);

	CHECK_EQ(r.x[0], FFA_INTERRUPT);
	CHECK_EQ(r.x[1], ffa_pair(hello, this_cpu()->index));
	CHECK_EQ(r.x[2], 0);
	CHECK(WAIT_UNTIL(ticks == 1, 100));
	/* It serves a request still. */
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, hello)), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ2_64, ffa_pair(FFA_ID_NWD, hello)), FFA_BUSY);
	r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_CODE(r.x[3], FFA_OK);
	CHECK_EQ(r.x[4], 0);
}

/* How often a request of LONG_US was preempted, or 0 if it did not end as it should. */
static uint32_t preemptions(void)
{
	uint32_t times = 0;
	struct ffa_regs r = busy(hello, LONG_US, 0);

	while (ffa_is(&r, FFA_INTERRUPT) && times < 1000) {
		times++;
		r = FFA_WITH_TICK(SHORT_US / 2, FFA_RUN, (uint32_t)r.x[1]);
	}
	timer_set_ctl(TIMER_PHYSICAL, 0);
	return ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP_64) ? times : 0;
}

/* On a busy host the time may be over after one late tick: then once more. */
static void preempts_again_and_again(void)
{
	uint32_t times = 0;

	for (uint32_t i = 0; i < TRIES_MAX && times < 2; i++) {
		times = preemptions();
	}
	CHECK(times >= 2);
}

/* relay calls hello, which is preempted: so is relay, which we run again. */
static void preempts_chain(void)
{
	struct ffa_regs r;

	r = FFA_WITH_TICK(SHORT_US, FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, relay), 0, COMMAND_RELAY, hello,
			  COMMAND_BUSY, LONG_US, 0);
	/* relay takes FFA_INTERRUPT itself and runs hello on; its own interrupts action is to queue. */
	for (uint32_t i = 0; i < 100 && ffa_is(&r, FFA_INTERRUPT); i++) {
		r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	}
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_CODE(r.x[3], FFA_OK);
	CHECK(WAIT_UNTIL(ticks == 1, 100));
}

static void queued(void)
{
	struct ffa_regs r;

	r = busy(relay, LONG_US, 0);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK(WAIT_UNTIL(ticks == 1, 100));
}

static void managed_exit(void)
{
	uint64_t before, start;
	struct ffa_regs r;

	/* That of before is forgotten, if there was one. */
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_BUSY, 0, 0), FFA_OK);
	before = COMMAND(irq, COMMAND_STATE).w[4] >> 32;
	start = timer_now();
	r = busy(irq, 100 * LONG_US, 0);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_CODE(r.x[3], FFA_OK);
	CHECK_EQ(r.x[4], BUSY_MANAGED_EXIT);
	CHECK(timer_now() - start < timer_ticks(50 * (uint64_t)LONG_US));
	CHECK(WAIT_UNTIL(ticks == 1, 100));
	CHECK_EQ(COMMAND(irq, COMMAND_STATE).w[4] >> 32, before + 1);
}

/* ---- Secure interrupts ---- */

static uint64_t handled(uint16_t sp, uint32_t intid)
{
	return COMMAND(sp, COMMAND_INTERRUPTS, intid).w[1];
}

/* A level that goes down only when its handler says so may be seen once more. */
static void own_device(void)
{
	struct words w = COMMAND(irq, COMMAND_TRIGGER, 100000);

	CHECK_CODE(w.w[0], FFA_OK);
	CHECK(w.w[1] == 1 || w.w[1] == 2);
}

/* Its match register is set to the time that it is; again if the second was over just then. */
static void trigger(void)
{
	uint32_t now;

	do {
		now = mmio_read32(RTC_BASE + PL031_DR);
		mmio_write32(RTC_BASE + PL031_MR, now);
	} while (mmio_read32(RTC_BASE + PL031_DR) != now);
}

/* We make the device interrupt: we are interrupted, and irq handles it while it waits for nothing. */
static void device_interrupts_us(void)
{
	uint64_t before = handled(irq, RTC_INTID);

	trigger();
	CHECK(WAIT_UNTIL(mmio_read32(RTC_BASE + PL031_RIS) == 0, 100));
	CHECK(handled(irq, RTC_INTID) > before);
}

/* While another partition computes: it goes on, and answers. */
static void device_interrupts_other(void)
{
	uint64_t before = handled(irq, RTC_INTID);
	uint64_t timer = handled(irq, FFA_INTID_VTIMER);

	CHECK_CODE(COMMAND_CODE(irq, COMMAND_TIMER, SHORT_US), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_BUSY, LONG_US, 0), FFA_OK);
	CHECK_EQ(handled(irq, FFA_INTID_VTIMER), timer + 1);
	CHECK_EQ(handled(irq, RTC_INTID), before);
}

static void own_timer(void)
{
	uint64_t before = handled(hello, FFA_INTID_VTIMER);

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TIMER, SHORT_US), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_BUSY, LONG_US, 0), FFA_OK);
	CHECK(WAIT_UNTIL(handled(hello, FFA_INTID_VTIMER) == before + 1, HANDLED_MS));
	/* While it waits and we compute. */
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TIMER, SHORT_US), FFA_OK);
	delay_us(LONG_US);
	CHECK(WAIT_UNTIL(handled(hello, FFA_INTID_VTIMER) == before + 2, HANDLED_MS));
}

/* Masked interrupts of a partition are its own affair: ours preempt it nevertheless. */
static void masked(void)
{
	struct ffa_regs r = preempted(hello, BUSY_MASKED);

	CHECK_EQ(r.x[0], FFA_INTERRUPT);
	r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
}

static void hf_checks(void)
{
	CHECK_CODE(COMMAND(hello, COMMAND_HF, HF_INTERRUPT_ENABLE, RTC_INTID, 1).w[1], -1);
	CHECK_CODE(COMMAND(hello, COMMAND_HF, HF_INTERRUPT_ENABLE, 5000, 1).w[1], -1);
	CHECK_CODE(COMMAND(hello, COMMAND_HF, HF_INTERRUPT_ENABLE, UINT64_MAX, 1).w[1], -1);
	CHECK_CODE(COMMAND(hello, COMMAND_HF, HF_INTERRUPT_GET).w[1], -1);
	CHECK_CODE(COMMAND(hello, COMMAND_HF, HF_INTERRUPT_RECONFIGURE, RTC_INTID, 2, 1).w[1], -1);
	CHECK_CODE(COMMAND(hello, COMMAND_HF, HF_INTERRUPT_SEND_IPI, 64).w[1], -1);
	CHECK_CODE(COMMAND(irq, COMMAND_HF, HF_INTERRUPT_RECONFIGURE, RTC_INTID, 9, 1).w[1], -1);
	CHECK_CODE(COMMAND(irq, COMMAND_HF, HF_INTERRUPT_RECONFIGURE, RTC_INTID, 0, 99).w[1], -1);
	CHECK_CODE(COMMAND(irq, COMMAND_HF, HF_INTERRUPT_RECONFIGURE, RTC_INTID, 2, 1).w[1], 0);
}

/* ---- registers of both worlds ---- */

static void registers_of_both(void)
{
	struct words w;

	fp_fill(SEED);
	write_sysreg(tpidr_el0, SEED + 1);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_KEEP, SEED + 0x100), FFA_OK);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_KEEP, SEED + 0x200), FFA_OK);
	tick_in(SHORT_US);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_BUSY, LONG_US, 0), FFA_OK);
	w = COMMAND(irq, COMMAND_HOLD, SEED + 0x200);
	CHECK_EQ(w.w[1], 1);
	w = COMMAND(hello, COMMAND_HOLD, SEED + 0x100);
	CHECK_EQ(w.w[1], 1);
	CHECK(fp_holds(SEED));
	CHECK_EQ(read_sysreg(tpidr_el0), SEED + 1);
}

/* What belongs to a VM of ours: we run at EL2 and do not use it, a hypervisor does. */
static void vm_registers(void)
{
	/* clang-format off */
#define VM_REGISTERS(X) \
	X(S3_5_C2_C0_0, 0x40001000) /* TTBR0_EL12 */ X(S3_5_C2_C0_1, 0x40002000) /* TTBR1_EL12 */ \
	X(S3_5_C10_C2_0, 0x44ff) /* MAIR_EL12 */ X(S3_5_C12_C0_0, 0x40003800) /* VBAR_EL12 */ \
	X(S3_5_C4_C0_1, 0x40004000) /* ELR_EL12 */ X(S3_5_C6_C0_0, 0x1234567) /* FAR_EL12 */ \
	X(S3_5_C13_C0_1, 0x77) /* CONTEXTIDR_EL12 */ X(S3_5_C5_C2_0, 0x96000004) /* ESR_EL12 */ \
	X(sp_el1, 0x40005550) X(tpidrro_el0, 0x99) X(sp_el0, 0x40006660) X(par_el1, 0x40007000)
	/* clang-format on */
#define SET(name, value) write_sysreg(name, value);
#define SAME(name, value) CHECK_EQ(read_sysreg(name), value);
	VM_REGISTERS(SET)
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TOUCH, 0, 0), FFA_OK);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_LOG, 1), FFA_OK);
	VM_REGISTERS(SAME)
#undef SET
#undef SAME
}

void test_interrupts(void)
{
	static const struct test tests[] = {
		{ "interrupt_preempts", preempts },
		{ "interrupt_preempts_again_and_again", preempts_again_and_again },
		{ "interrupt_preempts_chain", preempts_chain },
		{ "interrupt_queued", queued },
		{ "interrupt_managed_exit", managed_exit },
		{ "interrupt_masked", masked },
		{ "secure_interrupt_own_device", own_device },
		{ "secure_interrupt_interrupts_us", device_interrupts_us },
		{ "secure_interrupt_interrupts_other", device_interrupts_other },
		{ "secure_interrupt_own_timer", own_timer },
		{ "secure_interrupt_hf_checks", hf_checks },
		{ "registers_of_both", registers_of_both },
		{ "registers_of_vm", vm_registers },
	};

	handler_begin();
	RUN_TESTS(tests);
	handler_end();
}
