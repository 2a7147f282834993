/* SPDX-License-Identifier: MIT */
/* Power management messages to partitions (FF-A 1.2, 18.2). */
#ifndef ROLE_SPMC_POWER_H
#define ROLE_SPMC_POWER_H

#include "core/vcpu/cpu.h"

/*
 * This CPU is about to be turned off: asks the partitions that want to know, in boot order, and then turns off the
 * contexts that wait here; they start afresh with the CPU (sps_start_on_cpu). Those that have a request unfinished
 * stay, and FFA_RUN finds them when the CPU is back. PSCI_SUCCESS, or PSCI_DENIED if a partition refuses: then none is
 * turned off.
 */
int32_t power_cpu_off(struct cpu *cpu);

#endif
