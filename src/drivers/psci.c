/* SPDX-License-Identifier: MIT */
#include "core/port/firmware.h"

#include "abi/psci.h"
#include "abi/smccc.h"
#include "arch/smc.h"
#include "core/port/host.h"

void firmware_call(struct smc_regs *regs)
{
	if (host.psci_hvc) {
		arch_hvc(regs);
	} else {
		arch_smc(regs);
	}
}

static int32_t call(uint32_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct smc_regs regs = { .x = { function, a1, a2, a3 } };

	firmware_call(&regs);
	return (int32_t)regs.x[0];
}

int32_t firmware_psci_version(void)
{
	return call(PSCI_VERSION, 0, 0, 0);
}

int32_t firmware_cpu_on(uint64_t mpidr, pa_t entry)
{
	return call(PSCI_CPU_ON_64, mpidr, entry.v, 0);
}

void firmware_system_off(void)
{
	call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void firmware_system_reset(void)
{
	call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

/* SMCCC_VERSION itself came with 1.1, which PSCI_FEATURES tells (DEN0028, 7.1). */
bool firmware_has_smccc_1_2(void)
{
	static enum { UNKNOWN, NO, YES } known;

	if (known == UNKNOWN) {
		known = call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) == PSCI_SUCCESS &&
					call(SMCCC_VERSION, 0, 0, 0) >= SMCCC_VERSION_1_2
				? YES
				: NO;
	}
	return known == YES;
}
