/* SPDX-License-Identifier: MIT */
/* Calls to the firmware below us, by the SMC Calling Convention. */
#ifndef ARCH_SMC_H
#define ARCH_SMC_H

#include "lib/base.h"

struct smc_regs {
	uint64_t x[18];
};

/* Passes x0..x17 and takes them back (SMCCC 1.2; a callee of 1.1 leaves x4..x17 alone). */
void arch_smc(struct smc_regs *regs);
void arch_hvc(struct smc_regs *regs);

#endif
