/* SPDX-License-Identifier: MIT */
/*
 * What a CPU's registers hold beside the general ones, and whose it is (docs/spmc-context.md). What the role calls is
 * in sp.h; this is between context.c, fp.c, trap.c and sysreg.c.
 */
#ifndef ROLE_SPMC_CONTEXT_H
#define ROLE_SPMC_CONTEXT_H

#include "core/vcpu/trap.h"
#include "role/spmc/sp.h"

/* The normal world's FP/SIMD, SVE and streaming registers while partitions use them. */
struct nwd_fp {
	bool away;          /* it is here, and not in the CPU */
	uint64_t svcr;      /* FEAT_SME; ZA and ZT0 stay in the CPU, where no partition reaches them */
	struct fp_state fp; /* if there are no scalable registers to save */
	void *scalable;     /* for sve_save(), of the longest vectors; NULL without FEAT_SVE and FEAT_SME */
};

/* Of one CPU; that CPU alone touches it. struct cpu.fp_owner says whose FP registers are there if 'fp.away'. */
struct sp_context {
	struct sp_vcpu
		*loaded; /* whose EL1 registers are in the CPU; NULL: the normal world's, or nobody's if 'away' */
	struct sp_vcpu *resident; /* whose stage 2, VMPIDR and keys are; they stay when the normal world goes on */
	bool away;      /* the normal world's EL1 registers are in memory */
	bool fp_open;   /* FP/SIMD does not trap now */
	bool cntv_open; /* the virtual timer never traps: no FEAT_ECV */
	uint64_t hcr;   /* HCR_EL2 now */
	struct el1_state nwd; /* if 'away': el1_save_world() */
	struct nwd_fp fp;
};

/* vcpu.exit, beside enum sp_exit: sp_enter() answers the exit itself, now that all registers are saved. */
#define SP_EXIT_RETRY 255u

/* Of the calling CPU. */
struct sp_context *sp_context_of(const struct cpu *cpu);

/* HCR_EL2 follows what sp_interrupt_hcr() says. v is loaded. */
void sp_context_update_hcr(struct sp_context *c, const struct sp_vcpu *v);

/* ---- fp.c ---- */

/* Prepares 'fp' of a CPU: ERR_NO_MEMORY. */
enum err nwd_fp_init(struct nwd_fp *fp);
/* v used FP/SIMD: its registers come in, and do not trap. */
void sp_fp_trap(struct sp_context *c, struct sp_vcpu *v);
/* Whether FP/SIMD traps: not if what is in the CPU is that of the vCPU that is loaded. */
void sp_fp_open(struct sp_context *c, bool open);
/* v's registers, if they are in the CPU, go to memory, or are forgotten. */
void sp_fp_put(struct sp_context *c, struct cpu *cpu, struct sp_vcpu *v);
void sp_fp_forget(struct sp_context *c, struct cpu *cpu, const struct sp_vcpu *v);
/* The normal world has its registers again. */
void sp_fp_give_back(struct sp_context *c, struct cpu *cpu);

/* ---- sysreg.c ---- */

/* A trapped MSR, MRS or SYS, as in core/vcpu/trap_priv.h. */
enum trap_result sp_trap_sysreg(struct sp_vcpu *v, uint64_t esr, enum trap_saved saved);

/* ---- sp_timer.c: the EL1 physical timer, emulated ---- */

/* Off, as after reset. The vCPU is nowhere. */
void sp_ptimer_reset(struct sp_vcpu *v);
/* It is in another CPU's queue: the vCPU has moved here. */
void sp_ptimer_bring(struct sp_vcpu *v);
uint64_t sp_ptimer_read_ctl(const struct sp_vcpu *v);
uint64_t sp_ptimer_read_tval(const struct sp_vcpu *v);
/* The vCPU is loaded. Its interrupt may be pending afterwards. */
void sp_ptimer_write_ctl(struct sp_vcpu *v, uint64_t value);
void sp_ptimer_write_cval(struct sp_vcpu *v, uint64_t value);
void sp_ptimer_write_tval(struct sp_vcpu *v, uint64_t value);

#endif
