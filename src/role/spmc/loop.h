/* SPDX-License-Identifier: MIT */
/* The loop of a physical CPU at S-EL2: the normal world runs, calls, is answered, runs again. */
#ifndef ROLE_SPMC_LOOP_H
#define ROLE_SPMC_LOOP_H

#include "core/vcpu/cpu.h"

/* Ends this CPU's boot with FFA_MSG_WAIT, then answers calls for good. Own CPU. */
noreturn void spmc_loop(struct cpu *cpu);

#endif
