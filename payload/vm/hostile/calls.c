/* SPDX-License-Identifier: MIT */
#include "payload/lib/psci.h"
#include "payload/vm/hostile/hostile.h"

#define RESETS 24

#define HVC(imm) (0xd4000002u | (uint32_t)(imm) << 5)
#define SMC(imm) (0xd4000003u | (uint32_t)(imm) << 5)

/* What would end the VM, or the CPU that counts. SYSTEM_RESET is reset_round()'s. */
static bool is_an_end(uint32_t function)
{
	switch (function) {
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_SYSTEM_RESET2_32:
	case PSCI_SYSTEM_RESET2_64:
		return true;
	case PSCI_CPU_OFF:
		return this_cpu()->index == 0;
	default:
		return false;
	}
}

static bool may_sleep(uint32_t function)
{
	switch (function & ~BIT32(30)) {
	case PSCI_CPU_SUSPEND_32:
	case PSCI_CPU_DEFAULT_SUSPEND_32:
	case PSCI_SYSTEM_SUSPEND_32:
		return true;
	default:
		return false;
	}
}

static uint32_t random_function(void)
{
	uint32_t any = (uint32_t)random_next();

	switch (random_below(6)) {
	case 0: /* PSCI and what is near */
		return PSCI_VERSION | (any & BIT32(30)) | (any & 0x1f);
	case 1: /* one of the standard services */
		return PSCI_VERSION | (any & BIT32(30)) | (any & 0xff);
	case 2: /* any service's low numbers, reserved bits too */
		return any & 0xffff000f;
	case 3: /* any service's queries */
		return BIT32(31) | (any & 0x7f000003) | 0xff00;
	case 4: /* the architecture's */
		return SMCCC_VERSION | (any & 0x4000ffff);
	default:
		return any;
	}
}

/* The calls that race: other CPUs are started and asked for, this one ends or sleeps. */
static void power_call(struct attempt *attempt)
{
	static const uint32_t functions[] = { PSCI_CPU_ON_32,       PSCI_CPU_ON_64,      PSCI_CPU_ON_64,
					      PSCI_CPU_OFF,         PSCI_CPU_SUSPEND_32, PSCI_CPU_SUSPEND_64,
					      PSCI_AFFINITY_INFO_64 };

	attempt->x[0] = functions[random_below(ARRAY_SIZE(functions))];
	attempt->x[2] = random_once_in(16) ? random_value() & ~ram_base : (uint64_t)hostile_entry;
	if (may_sleep((uint32_t)attempt->x[0])) {
		attempt->x[1] = random_once_in(8) ? random_value() : random_below(4) << 15;
		return;
	}
	if (!random_once_in(8)) {
		attempt->x[1] = cpus[random_below(cpu_count)].affinity;
	}
	/* A CPU that starts somewhere else does not come back: no more than one may be lost that way. */
	if (cpu_count > 2 && attempt->x[1] == cpus[cpu_count - 1].affinity && random_once_in(16)) {
		attempt->x[2] = random_scratch();
	}
}

void calls_round(void)
{
	struct attempt attempt;
	uint32_t immediate = random_once_in(4) ? (uint32_t)random_below(0x10000) : 0;

	attempt_begin(&attempt);
	if (random_once_in(3)) {
		power_call(&attempt);
	} else {
		attempt.x[0] = random_function() | (random_once_in(4) ? random_next() << 32 : 0);
		attempt.x[2] &= ~ram_base; /* no entry point by chance */
	}
	if (is_an_end((uint32_t)attempt.x[0])) {
		return;
	}
	/* What may sleep has something to wake up for; a power down before has turned the interrupts off. */
	if (may_sleep((uint32_t)attempt.x[0]) || random_once_in(16)) {
		calm();
		alarm_set((uint32_t)random_below(500));
	}
	attempt_add(&attempt, random_once_in(4) ? SMC(immediate) : HVC(immediate));
	attempt_run(&attempt);
}

void reset_round(void)
{
	if (kept->resets < RESETS && random_once_in(400)) {
		kept->resets++;
		dsb();
		psci_call(random_once_in(2) ? PSCI_SYSTEM_RESET : PSCI_SYSTEM_RESET2_64, 0, 0, 0);
	}
	calls_round();
}
