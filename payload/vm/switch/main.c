/* SPDX-License-Identifier: MIT */
/*
 * What a CPU holds in registers stays its own, whoever else uses the hardware meanwhile: on one physical CPU all the
 * vCPUs take turns, sleep, wake, go off and come back.
 *
 * Wants: 4 CPUs.
 */
#include "payload/lib/exception.h"
#include "payload/lib/fp.h"
#include "payload/lib/gic.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

#define ROUNDS 150
#define POWER_ROUNDS 40
#define SLEEP_US 300
#define SPIN_US 40

/* Bits that differ between CPUs in every kind of register: low flags, FPCR.RMode, an address, high words. */
static uint64_t seed_of(uint32_t cpu)
{
	return UINT64_C(0x0000123456000020) * (cpu + 1) + (uint64_t)cpu * 0x400000 + cpu;
}

/* ---- registers ---- */

/* clang-format off */
#define PAUTH_KEYS(X) \
	X(S3_0_C2_C1_0) X(S3_0_C2_C1_1) X(S3_0_C2_C1_2) X(S3_0_C2_C1_3) X(S3_0_C2_C2_0) X(S3_0_C2_C2_1) \
	X(S3_0_C2_C2_2) X(S3_0_C2_C2_3) X(S3_0_C2_C3_0) X(S3_0_C2_C3_1)
/* clang-format on */
/* Of 64 bits, and nothing in this program depends on them. */
#define PLAIN(X) X(tpidr_el0) X(tpidrro_el0) X(sp_el0) X(far_el1)
/* Bits 1..0 are RES0, high ones copy the top of the address. */
#define DEBUG_VALUES(X) X(dbgbvr0_el1) X(dbgbvr1_el1) X(dbgwvr0_el1) X(dbgwvr1_el1)

static bool has_pauth(void)
{
	uint64_t isar1 = read_sysreg(id_aa64isar1_el1);

	return BITS(isar1, 11, 4) != 0 || BITS(read_sysreg(S3_0_C0_C6_2), 15, 12) != 0;
}

static uint64_t debug_value(uint64_t seed)
{
	return seed & 0xfffffffffffc;
}

static void set_registers(uint64_t seed)
{
	uint64_t value = seed;

#define SET(name) write_sysreg(name, value += 0x1001);
	PLAIN(SET)
	if (has_pauth()) {
		PAUTH_KEYS(SET)
	}
#undef SET
#define SET(name) write_sysreg(name, debug_value(value += 0x1000));
	DEBUG_VALUES(SET)
#undef SET
	write_sysreg(contextidr_el1, (uint32_t)value);
	write_sysreg(mdscr_el1, (seed & 1) << 15);
	isb();
}

static void check_registers(uint64_t seed)
{
	uint64_t value = seed;

#define SAME(name) CHECK_EQ(read_sysreg(name), value += 0x1001);
	PLAIN(SAME)
	if (has_pauth()) {
		PAUTH_KEYS(SAME)
	}
#undef SAME
#define SAME(name) CHECK_EQ(read_sysreg(name), debug_value(value += 0x1000));
	DEBUG_VALUES(SAME)
#undef SAME
	CHECK_EQ(read_sysreg(contextidr_el1), (uint32_t)value);
	CHECK_EQ(read_sysreg(mdscr_el1), (seed & 1) << 15);
}

/* Sleeps until this CPU's physical timer fires; the interrupt is not taken. */
static void sleep_us(uint64_t us)
{
	irq_off();
	gic_enable(this_cpu()->index, timer_intid(TIMER_PHYSICAL));
	timer_set_tval(TIMER_PHYSICAL, (int32_t)timer_ticks(us));
	timer_set_ctl(TIMER_PHYSICAL, TIMER_CTL_ENABLE);
	wfi();
	timer_set_ctl(TIMER_PHYSICAL, 0);
	gic_disable(this_cpu()->index, timer_intid(TIMER_PHYSICAL));
	irq_on();
}

static void keep_registers(uint64_t arg)
{
	uint32_t self = this_cpu()->index;
	uint64_t seed = seed_of(self);

	(void)arg;
	set_registers(seed);
	fp_fill(seed);
	for (uint32_t i = 0; i < ROUNDS && !test_failed(); i++) {
		switch ((i + self) % 3) {
		case 0:
			sleep_us(SLEEP_US);
			break;
		case 1:
			delay_us(SPIN_US * (self + 1));
			break;
		default:
			wfe();
			break;
		}
		check_registers(seed);
		/* Not in every round, so that the registers are also left to somebody else for a while. */
		if (i % 4 == self) {
			CHECK(fp_holds(seed));
			fp_fill(seed);
		}
		sev();
	}
	CHECK(fp_holds(seed));
	write_sysreg(mdscr_el1, 0);
}

static void registers_kept(void)
{
	REQUIRE(cpu_run_all(cpu_count, keep_registers, 0));
}

/* ---- power ---- */

static void use_fp(uint64_t seed)
{
	fp_fill(seed);
}

/*
 * A CPU that comes back from off has lost its FP registers; nobody else's are touched by that, and nobody sees what
 * they were.
 */
static void fp_of_a_cpu_that_was_off(void)
{
	for (uint32_t n = 1; n < cpu_count; n++) {
		fp_fill(seed_of(0));
		REQUIRE(cpu_run(n, use_fp, seed_of(n)));
		REQUIRE(cpu_stop(n));
		cpu_prepare(n);
		CHECK_EQ(psci_call(PSCI_CPU_ON_64, cpus[n].affinity, (uint64_t)cpu_entry, (uint64_t)&cpus[n]),
			 PSCI_SUCCESS);
		CHECK(fp_holds(seed_of(0)));
		REQUIRE(WAIT_UNTIL(atomic_load(&cpus[n].online), 5000));
		CHECK(fp_holds(seed_of(0)));
	}
}

/* CPUs 1.. keep their registers while the last one goes off and on. */
static void registers_beside_power(void)
{
	uint32_t last = cpu_count - 1;

	REQUIRE(cpu_count >= 3);
	for (uint32_t i = 1; i < last; i++) {
		cpu_post(i, keep_registers, 0);
	}
	for (uint32_t i = 0; i < POWER_ROUNDS && !test_failed(); i++) {
		REQUIRE(cpu_run(last, use_fp, seed_of(last) + i));
		REQUIRE(cpu_stop(last));
		REQUIRE(cpu_start(last));
	}
	for (uint32_t i = 1; i < last; i++) {
		CHECK(cpu_wait(i, 20000));
	}
}

static const struct test tests[] = {
	{ "registers-kept", registers_kept },
	{ "fp-of-a-cpu-that-was-off", fp_of_a_cpu_that_was_off },
	{ "registers-beside-power", registers_beside_power },
};

void payload_main(void)
{
	watchdog_start(TIMER_VIRTUAL, 60);
	if (cpu_start_all() != cpu_count) {
		report_fatal("not all of %u CPUs start", cpu_count);
	}
	report_run(tests, ARRAY_SIZE(tests));
}
