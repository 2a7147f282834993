/* SPDX-License-Identifier: MIT */
/*
 * PSCI 1.1 (DEN0022) and SMCCC (DEN0028) as a guest meets them: versions, features, turning CPUs on and off
 * with every refusal, suspend, unknown functions by both conduits, registers that a call must leave alone.
 * SYSTEM_RESET is left to the Linux scenario, as a payload has nowhere to remember that it happened; SYSTEM_OFF
 * ends every payload.
 *
 * Bare QEMU's PSCI checks less: where it may, a test asks 'strict' first (bare QEMU has no SMCCC_VERSION).
 *
 * Wants: 4 CPUs.
 */
#include "payload/lib/boot.h"
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/mmu.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

#define NO_SUCH_CPU UINT64_C(0x00ffff00)
#define PATTERN UINT64_C(0x0123456789abcd00)
#define DIRTY UINT64_C(0xdeadbeef00000000)

/* What entry.S writes. */
struct look {
	uint64_t conduit;
	uint64_t x0;
	uint64_t current_el;
	uint64_t daif;
	uint64_t sctlr;
	uint64_t spsel;
} __attribute__((aligned(64)));

void first_look(struct look *look);

static bool strict;
static struct look look;

static int32_t call(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	return (int32_t)psci_call(function, x1, x2, x3);
}

static void version(void)
{
	int32_t version = call(PSCI_VERSION, 0, 0, 0);

	CHECK(version >= PSCI_VERSION_1_1);
	CHECK_EQ(version >> 16, 1);
}

static void features_mandatory(void)
{
	static const uint32_t functions[] = {
		PSCI_VERSION,      PSCI_CPU_SUSPEND_32,   PSCI_CPU_SUSPEND_64, PSCI_CPU_OFF,
		PSCI_CPU_ON_32,    PSCI_CPU_ON_64,        PSCI_SYSTEM_OFF,     PSCI_AFFINITY_INFO_32,
		PSCI_SYSTEM_RESET, PSCI_AFFINITY_INFO_64, PSCI_FEATURES,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(functions); i++) {
		int32_t features = call(PSCI_FEATURES, functions[i], 0, 0);

		if (features < 0) {
			test_fail("FEATURES of 0x%x is %d", functions[i], features);
		}
	}
	/* Original power_state format, no OS-initiated mode. */
	CHECK_EQ(call(PSCI_FEATURES, PSCI_CPU_SUSPEND_64, 0, 0), 0);
}

/* What FEATURES denies must also be denied when it is called. */
static void features_truthful(void)
{
	for (uint32_t number = 0; number < 0x40; number++) {
		for (uint32_t is_64 = 0; is_64 < 2; is_64++) {
			uint32_t function = 0x84000000u | is_64 << 30 | number;
			int32_t features = call(PSCI_FEATURES, function, 0, 0);

			if (features >= 0) {
				continue;
			}
			CHECK_EQ(features, PSCI_NOT_SUPPORTED);
			if (call(function, 0, 0, 0) != PSCI_NOT_SUPPORTED && (strict || number != 6)) {
				test_fail("0x%x is denied by FEATURES and yet answers", function);
			}
		}
	}
	CHECK_EQ(call(PSCI_FEATURES, 0x12345678, 0, 0), PSCI_NOT_SUPPORTED);
}

static void migrate_info_type(void)
{
	CHECK_EQ(call(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0), PSCI_TOS_NOT_PRESENT);
	CHECK_EQ(call(PSCI_MIGRATE_64, cpus[0].affinity, 0, 0), PSCI_NOT_SUPPORTED);
	CHECK_EQ(call(PSCI_MIGRATE_INFO_UP_CPU_64, 0, 0, 0), PSCI_NOT_SUPPORTED);
}

static void smccc_discovery(void)
{
	if (!strict) {
		test_skip("no SMCCC_VERSION here");
		return;
	}
	CHECK(call(SMCCC_VERSION, 0, 0, 0) >= SMCCC_VERSION_1_1);
	CHECK(call(SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0) >= 0);
	CHECK(call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0) >= 0);
	CHECK_EQ(call(SMCCC_ARCH_FEATURES, 0x80007000, 0, 0), SMCCC_NOT_SUPPORTED);
	CHECK_EQ(call(SMCCC_ARCH_FEATURES, 0xffffffff, 0, 0), SMCCC_NOT_SUPPORTED);
}

static void unknown_by(enum conduit conduit)
{
	static const uint32_t functions[] = {
		0x8400003f, 0xc4000000, 0xc400003f, 0x84001000, 0xc4001000, 0x80001000, 0xc0001000, 0x81000000,
		0xc1000000, 0x82000000, 0xc2000000, 0x83000000, 0xc3000000, 0x85001000, 0xc5001000, 0x87001000,
		0xb0000000, 0xf0000000, 0xb2000000, 0xf2000000, 0xbf001000, 0xff001000, 0x00000000, 0x04000000,
		0x30000000, 0x44000000, 0x7fffffff, 0x8400ffff, 0x8401003f, 0xffffffff,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(functions); i++) {
		int32_t answer = (int32_t)smccc_call(conduit, functions[i], ~0ul, ~0ul, ~0ul);

		if (answer != SMCCC_NOT_SUPPORTED) {
			test_fail("0x%x answers %d", functions[i], answer);
		}
	}
}

static void unknown_hvc(void)
{
	unknown_by(CONDUIT_HVC);
}

static void unknown_smc(void)
{
	if (!smccc_has(CONDUIT_SMC)) {
		test_skip("SMC is UNDEFINED here");
		return;
	}
	unknown_by(CONDUIT_SMC);
}

static void both_conduits(void)
{
	if (!smccc_has(CONDUIT_SMC)) {
		test_skip("SMC is UNDEFINED here");
		return;
	}
	CHECK_EQ(smccc_call(CONDUIT_SMC, PSCI_VERSION, 0, 0, 0), smccc_call(CONDUIT_HVC, PSCI_VERSION, 0, 0, 0));
	CHECK_EQ(smccc_call(CONDUIT_SMC, PSCI_AFFINITY_INFO_64, cpus[0].affinity, 0, 0), PSCI_AFFINITY_ON);
}

/* A 32-bit call's arguments are W registers: what stands in the upper halves is not looked at. */
static void dirty_upper_halves(void)
{
	if (!strict) {
		test_skip("bare QEMU looks at them");
		return;
	}
	CHECK_EQ(call(PSCI_AFFINITY_INFO_32, DIRTY | (uint32_t)cpus[0].affinity, DIRTY, DIRTY), PSCI_AFFINITY_ON);
	CHECK_EQ(call(PSCI_FEATURES, DIRTY | PSCI_CPU_OFF, DIRTY, 0), 0);
	CHECK_EQ(call(PSCI_CPU_ON_32, DIRTY | (uint32_t)cpus[0].affinity, DIRTY | (uint64_t)cpu_entry, 0),
		 PSCI_ALREADY_ON);
	/* The function identifier is W0 in every call. */
	CHECK(call(DIRTY | PSCI_VERSION, 0, 0, 0) >= PSCI_VERSION_1_1);
}

static void preserved_by(void (*do_call)(struct smccc_regs *), uint64_t function)
{
	struct smccc_regs regs;

	for (uint32_t i = 0; i < 31; i++) {
		regs.x[i] = PATTERN + i;
	}
	regs.x[0] = function;
	do_call(&regs);
	for (uint32_t i = 4; i < 31; i++) {
		if (regs.x[i] != PATTERN + i) {
			test_fail("0x%lx changed x%u to 0x%lx", function, i, regs.x[i]);
		}
	}
}

static void registers_preserved(void)
{
	static const uint32_t functions[] = { PSCI_VERSION, PSCI_FEATURES, 0x84001000, SMCCC_VERSION, 0xc6001234 };
	bool smc = smccc_has(CONDUIT_SMC);

	for (uint32_t i = 0; i < ARRAY_SIZE(functions); i++) {
		preserved_by(smccc_hvc_regs, functions[i]);
		if (smc) {
			preserved_by(smccc_smc_regs, functions[i]);
		}
	}
}

static void affinity_info(void)
{
	CHECK_EQ(call(PSCI_AFFINITY_INFO_64, cpus[0].affinity, 0, 0), PSCI_AFFINITY_ON);
	for (uint32_t i = 1; i < cpu_count; i++) {
		CHECK_EQ(call(PSCI_AFFINITY_INFO_64, cpus[i].affinity, 0, 0), PSCI_AFFINITY_OFF);
	}
	CHECK_EQ(call(PSCI_AFFINITY_INFO_64, NO_SUCH_CPU, 0, 0), PSCI_INVALID_PARAMETERS);
	CHECK_EQ(call(PSCI_AFFINITY_INFO_32, NO_SUCH_CPU, 0, 0), PSCI_INVALID_PARAMETERS);
	if (strict) {
		CHECK_EQ(call(PSCI_AFFINITY_INFO_64, cpus[0].affinity, 4, 0), PSCI_INVALID_PARAMETERS);
		CHECK_EQ(call(PSCI_AFFINITY_INFO_64, cpus[0].affinity, ~0ul, 0), PSCI_INVALID_PARAMETERS);
	}
}

static void cpu_on_refusals(void)
{
	uint64_t entry = (uint64_t)cpu_entry;

	CHECK_EQ(call(PSCI_CPU_ON_64, cpus[0].affinity, entry, 0), PSCI_ALREADY_ON);
	CHECK_EQ(call(PSCI_CPU_ON_64, NO_SUCH_CPU, entry, 0), PSCI_INVALID_PARAMETERS);
	CHECK_EQ(call(PSCI_CPU_ON_64, ~0ul, entry, 0), PSCI_INVALID_PARAMETERS);
	if (strict && cpu_count > 1) {
		CHECK_EQ(call(PSCI_CPU_ON_64, cpus[1].affinity | BIT(31), entry, 0), PSCI_INVALID_PARAMETERS);
	}
}

/* Refused, and the CPU is as off as it was. */
static void check_bad_entry(uint64_t entry)
{
	int32_t answer = call(PSCI_CPU_ON_64, cpus[1].affinity, entry, 0);

	if (answer != PSCI_INVALID_ADDRESS && answer != PSCI_INVALID_PARAMETERS) {
		test_fail("CPU_ON at 0x%lx answers %d", entry, answer);
	}
	CHECK_EQ(call(PSCI_AFFINITY_INFO_64, cpus[1].affinity, 0, 0), PSCI_AFFINITY_OFF);
}

static void cpu_on_bad_entry(void)
{
	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	check_bad_entry((uint64_t)cpu_entry + 1);
	check_bad_entry((uint64_t)cpu_entry + 2);
	if (!strict) {
		return;
	}
	check_bad_entry(0);
	check_bad_entry(UART_BASE);
	check_bad_entry(ram_base - 4);
	check_bad_entry(ram_base + ram_size);
	check_bad_entry(UINT64_C(0xfffffffffffffffc));
}

/* That CPU writes with its caches off. */
static bool has_looked(void)
{
	cache_clean(&look, sizeof(look));
	return ((volatile struct look *)&look)->x0 != 0;
}

/* The state that section 6.4 of the specification gives a started CPU. */
static void cpu_on_first_look(void)
{
	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	look = (struct look){ .conduit = psci_conduit };
	cache_clean(&look, sizeof(look));
	CHECK_EQ(call(PSCI_CPU_ON_64, cpus[1].affinity, (uint64_t)first_look, (uint64_t)&look), PSCI_SUCCESS);
	REQUIRE(WAIT_UNTIL(has_looked(), 5000));
	CHECK(WAIT_UNTIL(call(PSCI_AFFINITY_INFO_64, cpus[1].affinity, 0, 0) == PSCI_AFFINITY_OFF, 5000));
	cache_clean(&look, sizeof(look));
	CHECK_EQ(look.x0, (uint64_t)&look);
	CHECK_EQ(look.current_el, 4);
	CHECK_EQ(look.daif, 0x3c0);
	CHECK_EQ(look.spsel, 1);
	CHECK_EQ(look.sctlr & (BIT(0) | BIT(2) | BIT(12) | BIT(25)), 0); /* M, C, I, EE */
}

static void cpu_on_and_again(void)
{
	int32_t again;
	int32_t info;

	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	cpu_prepare(1);
	CHECK_EQ(call(PSCI_CPU_ON_64, cpus[1].affinity, (uint64_t)cpu_entry, (uint64_t)&cpus[1]), PSCI_SUCCESS);
	again = call(PSCI_CPU_ON_64, cpus[1].affinity, (uint64_t)cpu_entry, (uint64_t)&cpus[1]);
	info = call(PSCI_AFFINITY_INFO_64, cpus[1].affinity, 0, 0);
	/* Bare QEMU knows of a started CPU only when that CPU has run. */
	CHECK(again == PSCI_ON_PENDING || again == PSCI_ALREADY_ON || (!strict && again == PSCI_SUCCESS));
	CHECK(info == PSCI_AFFINITY_ON_PENDING || info == PSCI_AFFINITY_ON || !strict);
	REQUIRE(WAIT_UNTIL(atomic_load(&cpus[1].online), 5000));
	CHECK_EQ(call(PSCI_CPU_ON_64, cpus[1].affinity, (uint64_t)cpu_entry, 0), PSCI_ALREADY_ON);
	CHECK_EQ(call(PSCI_AFFINITY_INFO_64, cpus[1].affinity, 0, 0), PSCI_AFFINITY_ON);
	CHECK(cpu_stop(1));
}

static void cpu_on_32(void)
{
	uint64_t context = (uint64_t)&cpus[1];
	uint64_t upper = strict ? DIRTY : 0;

	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	REQUIRE(context <= UINT32_MAX);
	cpu_prepare(1);
	CHECK_EQ(call(PSCI_CPU_ON_32, upper | cpus[1].affinity, upper | (uint64_t)cpu_entry, upper | context),
		 PSCI_SUCCESS);
	REQUIRE(WAIT_UNTIL(atomic_load(&cpus[1].online), 5000));
	CHECK(cpu_stop(1));
}

static void on_off_100_times(void)
{
	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t n = 1 + i % (cpu_count - 1);

		REQUIRE(cpu_start(n));
		REQUIRE(cpu_stop(n));
	}
}

/* Several CPUs try to start the same one: exactly one wins. */
static uint32_t race_won;
static uint32_t race_odd;
static struct barrier race_barrier;

static void race_for_last(uint64_t racers)
{
	uint32_t last = cpu_count - 1;
	int32_t answer;

	barrier_wait(&race_barrier, (uint32_t)racers);
	answer = call(PSCI_CPU_ON_64, cpus[last].affinity, (uint64_t)cpu_entry, (uint64_t)&cpus[last]);
	if (answer == PSCI_SUCCESS) {
		atomic_add(&race_won, 1);
	} else if (answer != PSCI_ON_PENDING && answer != PSCI_ALREADY_ON) {
		atomic_add(&race_odd, 1);
	}
}

static void cpu_on_race(void)
{
	uint32_t last = cpu_count - 1;

	if (cpu_count < 3) {
		test_skip("fewer than three CPUs");
		return;
	}
	for (uint32_t i = 1; i < last; i++) {
		REQUIRE(cpu_start(i));
	}
	for (uint32_t round = 0; round < 20; round++) {
		race_won = 0;
		cpu_prepare(last);
		REQUIRE(cpu_run_all(last, race_for_last, last));
		CHECK(race_won == 1 || (!strict && race_won > 1));
		REQUIRE(WAIT_UNTIL(atomic_load(&cpus[last].online), 5000));
		REQUIRE(cpu_stop(last));
	}
	CHECK_EQ(race_odd, 0);
	for (uint32_t i = 1; i < last; i++) {
		CHECK(cpu_stop(i));
	}
}

/* Stops the physical timer that woke us; the watchdog has the virtual one. */
static void timer_handler(void)
{
	uint32_t intid = gic_ack();

	if (intid == PPI_PTIMER) {
		timer_set_ctl(TIMER_PHYSICAL, 0);
	} else if (intid < 1020 && !watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
	}
	if (intid < 1020) {
		gic_eoi(intid);
	}
}

static void arm_wakeup(void)
{
	gic_enable(this_cpu()->index, PPI_PTIMER);
	timer_set_cval(TIMER_PHYSICAL, timer_count(TIMER_PHYSICAL) + timer_ticks(2000));
	timer_set_ctl(TIMER_PHYSICAL, TIMER_CTL_ENABLE);
}

static void suspend_standby(void)
{
	int32_t answer;

	irq_set_handler(timer_handler);
	irq_off();
	arm_wakeup();
	answer = call(PSCI_CPU_SUSPEND_64, 0, 0, 0);
	CHECK_EQ(answer, PSCI_SUCCESS);
	CHECK((timer_ctl(TIMER_PHYSICAL) & TIMER_CTL_ISTATUS) != 0);
	irq_on();
	CHECK(WAIT_UNTIL(timer_ctl(TIMER_PHYSICAL) == 0, 1000));
	gic_disable(0, PPI_PTIMER);
	irq_set_handler(NULL);
}

static void suspend_refusals(void)
{
	CHECK_EQ(call(PSCI_CPU_SUSPEND_64, 0x80000000, 0, 0), PSCI_INVALID_PARAMETERS);
	CHECK_EQ(call(PSCI_CPU_SUSPEND_32, 0x00fe0000, 0, 0), PSCI_INVALID_PARAMETERS);
	if (strict) {
		int32_t answer = call(PSCI_CPU_SUSPEND_64, 1 << PSCI_POWER_STATE_TYPE_SHIFT, UART_BASE, 0);

		CHECK(answer == PSCI_INVALID_ADDRESS || answer == PSCI_INVALID_PARAMETERS);
	}
}

enum {
	SUSPEND_START,
	SUSPEND_ASLEEP,
	SUSPEND_RESUMED,
	SUSPEND_RETURNED,
	SUSPEND_REFUSED,
};
static uint32_t suspend_stage;

/*
 * Powers CPU 1 down with its own start code as the entry point. A real power-down forgets the call: the CPU comes up
 * anew, finds its mailbox unfinished and is here again. A shallow one returns, as the specification allows.
 */
static void power_down(uint64_t arg)
{
	int32_t answer;

	(void)arg;
	if (suspend_stage == SUSPEND_ASLEEP) {
		atomic_store(&suspend_stage, SUSPEND_RESUMED);
		return;
	}
	irq_off();
	arm_wakeup();
	suspend_stage = SUSPEND_ASLEEP;
	cache_clean(this_cpu(), sizeof(struct cpu));
	answer = call(PSCI_CPU_SUSPEND_64, 1 << PSCI_POWER_STATE_TYPE_SHIFT, (uint64_t)cpu_entry, (uint64_t)this_cpu());
	atomic_store(&suspend_stage, answer == PSCI_SUCCESS ? SUSPEND_RETURNED : SUSPEND_REFUSED);
	irq_on();
}

static void suspend_power_down(void)
{
	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	irq_set_handler(timer_handler);
	REQUIRE(cpu_start(1));
	for (uint32_t i = 0; i < 10; i++) {
		suspend_stage = SUSPEND_START;
		REQUIRE(cpu_run(1, power_down, 0));
		CHECK(suspend_stage == SUSPEND_RESUMED || suspend_stage == SUSPEND_RETURNED);
	}
	CHECK(cpu_stop(1));
	irq_set_handler(NULL);
}

static const struct test tests[] = {
	{ "version", version },
	{ "features-mandatory", features_mandatory },
	{ "features-truthful", features_truthful },
	{ "migrate-info-type", migrate_info_type },
	{ "smccc-discovery", smccc_discovery },
	{ "unknown-functions-hvc", unknown_hvc },
	{ "unknown-functions-smc", unknown_smc },
	{ "both-conduits", both_conduits },
	{ "dirty-upper-halves", dirty_upper_halves },
	{ "registers-preserved", registers_preserved },
	{ "affinity-info", affinity_info },
	{ "cpu-on-refusals", cpu_on_refusals },
	{ "cpu-on-bad-entry", cpu_on_bad_entry },
	{ "cpu-on-first-look", cpu_on_first_look },
	{ "cpu-on-and-again", cpu_on_and_again },
	{ "cpu-on-32", cpu_on_32 },
	{ "on-off-100-times", on_off_100_times },
	{ "cpu-on-race", cpu_on_race },
	{ "suspend-standby", suspend_standby },
	{ "suspend-refusals", suspend_refusals },
	{ "suspend-power-down", suspend_power_down },
};

void payload_main(void)
{
	watchdog_start(TIMER_VIRTUAL, 60);
	strict = psci_has_smccc();
	report_run(tests, ARRAY_SIZE(tests));
}
