/* SPDX-License-Identifier: MIT */
/*
 * The firmware below a hypervisor: PSCI (DEN0022), and other calls by its conduit, which the device tree names.
 * Implemented in drivers/psci.c.
 */
#ifndef CORE_PORT_FIRMWARE_H
#define CORE_PORT_FIRMWARE_H

#include "lib/addr.h"

struct smc_regs;

/* PSCI version, or a negative PSCI error. */
int32_t firmware_psci_version(void);
/* Starts a CPU at 'entry', with nothing to tell it; PSCI_SUCCESS or a negative PSCI error. */
int32_t firmware_cpu_on(uint64_t mpidr, pa_t entry);
/* Do not return, unless the firmware refuses. */
void firmware_system_off(void);
void firmware_system_reset(void);

/*
 * True if calls other than PSCI's can be made: the firmware has SMCCC 1.2 or later, with x0..x17 as arguments and
 * results. Asked by calls that every firmware answers, at boot; later it costs nothing.
 */
bool firmware_has_smccc_1_2(void);
/* Such a call. Whoever answers may take as long as it likes; interrupts wait. Any CPU. */
void firmware_call(struct smc_regs *regs);

#endif
