/* SPDX-License-Identifier: MIT */
/*
 * The firmware below a hypervisor: PSCI (DEN0022) by the conduit that the device tree names. Implemented in
 * drivers/psci.c.
 */
#ifndef CORE_PORT_FIRMWARE_H
#define CORE_PORT_FIRMWARE_H

#include "lib/addr.h"

/* PSCI version, or a negative PSCI error. */
int32_t firmware_psci_version(void);
/* Starts a CPU at 'entry', with nothing to tell it; PSCI_SUCCESS or a negative PSCI error. */
int32_t firmware_cpu_on(uint64_t mpidr, pa_t entry);
/* Do not return, unless the firmware refuses. */
void firmware_system_off(void);
void firmware_system_reset(void);

#endif
