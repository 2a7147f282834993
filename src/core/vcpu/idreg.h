/* SPDX-License-Identifier: MIT */
/*
 * What a guest sees of the CPU, and the EL2 controls that make it true: whatever an ID register shows is enabled and
 * switched with the vCPU, and whatever is not shown traps or does nothing. Both sides stand in idreg.c, so they are
 * changed together.
 */
#ifndef CORE_VCPU_IDREG_H
#define CORE_VCPU_IDREG_H

#include "arch/sysreg.h"
#include "lib/base.h"

/* The AArch64 feature registers: op0 3, op1 0, CRn 0, CRm 0..7, op2 0..7, by CRm * 8 + op2. */
#define IDREG_COUNT 64
#define IDREG_INDEX(name) ((((SYSREG_ENC_##name >> 1) & 0x7u) << 3) | ((SYSREG_ENC_##name >> 17) & 0x7u))

struct cpu_features {
	uint64_t raw[IDREG_COUNT];   /* as the CPU has them */
	uint64_t shown[IDREG_COUNT]; /* as a guest reads them, but for PARange */
	uint8_t pmu_counters;        /* PMCR_EL0.N */
};

/* Of the CPU that booted; all others are taken to be like it. Written once, before any vCPU runs. */
extern struct cpu_features cpu_features;

/* Reads this CPU's ID registers and computes what is shown. */
void cpu_features_read(struct cpu_features *f);

/* A role may show less: an unsigned field's largest value. */
struct idreg_limit {
	uint8_t index;
	uint8_t shift;
	uint8_t most;
};
/* Lowers what is shown. Before the controls below are asked for: those of a feature that is not shown are off. */
void cpu_features_limit(struct cpu_features *f, const struct idreg_limit *limits, size_t count);

/*
 * What a guest with 'ipa_bits' of address space reads in register 'index' (below IDREG_COUNT). PARange covers the
 * guest's address space as far as the CPU's own reaches; registers without a field to show read zero.
 */
uint64_t idreg_value(const struct cpu_features *f, unsigned index, unsigned ipa_bits);

/* Whether the CPU has a feature, shown or not. */
bool cpu_features_has_pan(const struct cpu_features *f);
bool cpu_features_has_ecv(const struct cpu_features *f);
bool cpu_features_has_ssbs(const struct cpu_features *f);
bool cpu_features_has_mte(const struct cpu_features *f); /* FEAT_MTE2 */
bool cpu_features_has_nmi(const struct cpu_features *f);
bool cpu_features_has_fgt(const struct cpu_features *f);
bool cpu_features_has_hcx(const struct cpu_features *f);
bool cpu_features_has_ras(const struct cpu_features *f);
bool cpu_features_has_sve(const struct cpu_features *f);
bool cpu_features_has_sme(const struct cpu_features *f);
/* How many breakpoints and watchpoints there are: 2..16 each. */
unsigned cpu_features_breakpoints(const struct cpu_features *f);
unsigned cpu_features_watchpoints(const struct cpu_features *f);

/* Values of EL2 registers while a vCPU is loaded. 'owns_cpu': no other vCPU lives on its physical CPU. */
uint64_t vcpu_hcr(const struct cpu_features *f, bool owns_cpu);
/*
 * For a vCPU of a partition, whose stage 2 is made for HCR_EL2.FWB and which leaves the CPU for its caller. 'migrates':
 * it moves between CPUs. 'waits': WFE traps too, not only WFI.
 */
uint64_t vcpu_partition_hcr(const struct cpu_features *f, bool migrates, bool waits);
/* 'fp': the FP registers in the CPU are the vCPU's. */
uint64_t vcpu_cptr(const struct cpu_features *f, bool fp);
/* Nothing traps: EL2 itself is at the FP, SVE and SME registers. */
uint64_t vcpu_cptr_open(const struct cpu_features *f);
/* The following are the same for every vCPU. */
uint64_t vcpu_hcrx(const struct cpu_features *f);
uint64_t vcpu_mdcr(const struct cpu_features *f);
uint64_t vcpu_cnthctl(void);
/* The same, but the virtual timer traps too where the CPU can do that (FEAT_ECV). */
uint64_t vcpu_partition_cnthctl(const struct cpu_features *f);

/*
 * Once on each CPU: writes the trap registers that stay the same (HCRX, MDCR, HSTR, CNTHCTL and the fine-grained
 * ones) and clears the breakpoints.
 */
void cpu_traps_init(const struct cpu_features *f);

#endif
