/* SPDX-License-Identifier: MIT */
/* Calls by HVC or SMC. The conduit of psci_call() is the device tree's. */
#ifndef PAYLOAD_LIB_PSCI_H
#define PAYLOAD_LIB_PSCI_H

#include "abi/psci.h"
#include "abi/smccc.h"
#include "payload/lib/arch.h"

enum conduit {
	CONDUIT_HVC,
	CONDUIT_SMC,
};

/* What the device tree's /psci says; HVC before psci_init() and when it says nothing. */
extern enum conduit psci_conduit;
void psci_init(void);

/* True if the other conduit, or this one, reaches something at all: the instruction is not UNDEFINED here. */
bool smccc_has(enum conduit conduit);

/* x0-x30 of the caller: all loaded before, all stored after the call. */
struct smccc_regs {
	uint64_t x[31];
};
void smccc_hvc_regs(struct smccc_regs *regs);
void smccc_smc_regs(struct smccc_regs *regs);

/* One call with three arguments; gives x0. */
int64_t smccc_call(enum conduit conduit, uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);
int64_t psci_call(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);

/*
 * Bare QEMU's PSCI has no SMCCC_VERSION and is less strict in places: tests that ask more of others tell them
 * by this.
 */
bool psci_has_smccc(void);

noreturn void psci_system_off(void);

#endif
