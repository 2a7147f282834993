/* SPDX-License-Identifier: MIT */
/* Calls and registers without plan: nothing that a guest can name may disturb anything but the guest. */
#include "payload/lib/boot.h"
#include "payload/lib/gic.h"
#include "payload/lib/mmu.h"
#include "payload/lib/psci.h"
#include "payload/lib/timer.h"
#include "payload/vm/wild/tests.h"

#define CALL_COUNT 2000
#define WRITE_COUNT 5000
#define SGI 6

/* An immediate is no part of the calling convention: refused, undefined or ignored, and x4 and up are left alone. */
void call_immediates(void)
{
	bool has_smc = smccc_has(CONDUIT_SMC);

#define CALL(instruction)                                                                       \
	do {                                                                                    \
		register uint64_t x0 __asm__("x0") = PSCI_VERSION;                              \
		register uint64_t x4 __asm__("x4") = 0x4444;                                    \
		fault_expect();                                                                 \
		x0 = PSCI_VERSION;                                                              \
		x4 = 0x4444;                                                                    \
		__asm__ volatile(instruction : "+r"(x0), "+r"(x4)::"x1", "x2", "x3", "memory"); \
		uint64_t kept = x4;                                                             \
		fault_taken();                                                                  \
		CHECK_EQ(kept, 0x4444);                                                         \
	} while (0)
	CALL("hvc #1");
	CALL("hvc #0x7fff");
	CALL("hvc #0xea1"); /* Xen's */
	CALL("hvc #0xffff");
	if (has_smc) {
		CALL("smc #1");
		CALL("smc #0x8000");
		CALL("smc #0xffff");
	}
#undef CALL
	CHECK(psci_call(PSCI_VERSION, 0, 0, 0) > 0);
}

/*
 * Functions that exist somewhere: the general ones, PSCI and what shares its range, hypervisors' own
 * identification.
 */
static bool may_exist(uint32_t function)
{
	uint32_t owner = (uint32_t)BITS(function, 29, 24);
	uint32_t number = function & 0xffff;

	if ((function & BIT32(31)) == 0) {
		return owner >= 0x30; /* Trusted OS yielding calls */
	}
	return (owner == SMCCC_OWNER_STD && number < 0x200) || owner >= 0x30 ||
	       (owner == SMCCC_OWNER_ARCH && (number < 0x10 || number >= 0x3ff0)) ||
	       (owner <= SMCCC_OWNER_VENDOR_HYP && number >= 0xff00) || owner == SMCCC_OWNER_VENDOR_HYP;
}

static void random_calls_by(enum conduit conduit)
{
	for (uint32_t i = 0; i < CALL_COUNT; i++) {
		uint32_t function = (uint32_t)random_next() & ~0x00fe0000u;
		int32_t answer;

		if (may_exist(function)) {
			continue;
		}
		answer = (int32_t)smccc_call(conduit, (uint64_t)function, random_next(), random_next(), random_next());
		if (answer != SMCCC_NOT_SUPPORTED) {
			test_fail("conduit %u: 0x%x answers %d", conduit, function, answer);
		}
	}
}

void random_calls(void)
{
	random_calls_by(CONDUIT_HVC);
	if (smccc_has(CONDUIT_SMC)) {
		random_calls_by(CONDUIT_SMC);
	}
}

/*
 * Every encoding there is. Reading has side effects for the interrupt acknowledge registers only, and those
 * have nothing to give while interrupts are masked and disabled.
 */
void all_reads(void)
{
	uint32_t readable = 0;

	irq_off();
	gic_disable(0, PPI_VTIMER);
	cpacr_open();
	for (uint32_t i = 0; i < 2u << 14; i++) {
		struct encoding e = { (uint8_t)(2 + (i >> 14)), i >> 11 & 7, i >> 7 & 15, i >> 3 & 15, i & 7 };
		uint64_t value;
		struct fault fault = sysreg_read(e, &value);

		readable += !fault.taken;
		/* QEMU's TRNG and friends aside, a refusal is UNDEFINED or the guest's own trap. */
		if (fault.taken && ESR_EC(fault.esr) != EC_UNKNOWN && ESR_EC(fault.esr) != EC_SYSREG) {
			test_fail("S%u_%u_C%u_C%u_%u: ESR 0x%lx", e.op0, e.op1, e.crn, e.crm, e.op2, fault.esr);
		}
	}
	cpacr_usual();
	gic_enable(0, PPI_VTIMER);
	irq_on();
	print("# %u of 32768 encodings can be read\n", readable);
	CHECK(readable > 100);
}

/*
 * What the test itself stands on: MMU, vectors, stack, interrupts, timers, debug exceptions. CPACR_EL1 is put back.
 * Registers that only EL2 and EL3 have stay in.
 */
static bool is_ours(struct encoding e)
{
	if (e.op0 == 2) {
		return e.op1 == 0;
	}
	if (e.op1 == 0) {
		return (e.crn == 1 && e.crm == 0 && e.op2 != 1) || e.crn == 2 || e.crn == 4 || e.crn == 10 ||
		       e.crn == 12 || (e.crn == 13 && e.crm == 0 && e.op2 == 4);
	}
	return e.op1 == 3 && (e.crn == 4 || e.crn == 14);
}

void random_writes(void)
{
	uint64_t tpidr = read_sysreg(tpidr_el1);
	uint32_t done = 0;

	for (uint32_t i = 0; i < WRITE_COUNT; i++) {
		uint64_t bits = random_next();
		struct encoding e = { 2 + (bits & 1), bits >> 1 & 7, bits >> 4 & 15, bits >> 8 & 15, bits >> 12 & 7 };

		/* Half of them where registers are dense. */
		if ((bits & BIT(20)) != 0) {
			e.op0 = 3;
			e.op1 = (bits & BIT(21)) != 0 ? 0 : 3;
		}
		if (is_ours(e)) {
			continue;
		}
		done++;
		sysreg_write(e, random_next());
		cpacr_usual();
	}
	print("# %u writes\n", done);
	CHECK_EQ(read_sysreg(tpidr_el1), tpidr);
	CHECK(done > WRITE_COUNT / 2);
}

static uint32_t sgi_count;

static void sgi_handler(void)
{
	uint32_t intid = gic_ack();

	if (intid < 1020) {
		if (!watchdog_irq(intid)) {
			sgi_count += intid == SGI;
		}
		gic_eoi(intid);
	}
}

void still_sane(void)
{
	uint64_t now = timer_now();
	volatile uint64_t *word = (volatile uint64_t *)(ram_base + ram_size - 16);

	CHECK_EQ(read_sysreg(mpidr_el1) & UINT64_C(0xff00ffffff), cpus[0].affinity);
	CHECK_EQ(read_sysreg(currentel), 4);
	CHECK(psci_call(PSCI_VERSION, 0, 0, 0) >= PSCI_VERSION_1_1);
	*word = now;
	CHECK_EQ(*word, now);
	delay_us(100);
	CHECK(timer_now() > now);
	sgi_count = 0;
	irq_set_handler(sgi_handler);
	gic_enable(0, SGI);
	gic_send_sgi(0, SGI);
	CHECK(WAIT_UNTIL(*(volatile uint32_t *)&sgi_count == 1, 1000));
	gic_disable(0, SGI);
	irq_set_handler(NULL);
}
