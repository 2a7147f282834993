/* SPDX-License-Identifier: MIT */
/*
 * Partitions at S-EL0. Such a partition has a stage 2 of its own like every other and runs at EL0 of the Secure EL1&0
 * regime. Above it, at EL1, is nothing but a page of vectors of ours (arch/el0_vectors.h): each is one HVC that brings
 * what happened to EL2, and EL2 goes back straight to EL0.
 *
 * Stage 1 is one read-only table for all of them: the memory and devices of the SPMC manifest at their own addresses,
 * with NS = 1 where they are Non-secure, and everything permitted to EL0. So stage 2 alone decides what a partition has
 * and may do, and FFA_MEM_PERM_SET works on stage 2.
 */
#ifndef ROLE_SPMC_EL0_H
#define ROLE_SPMC_EL0_H

#include "arch/el0_vectors.h"
#include "core/mm/stage2.h"
#include "core/vcpu/vcpu.h"
#include "role/spmc/manifest.h"

/* Builds the table, at boot, before the first of the partitions is made. ERR_NO_MEMORY, ERR_RANGE. */
enum err el0_init(const struct spmc_manifest *m);
/*
 * Maps into a partition's Secure stage 2 what it needs to run and does not own: the vectors and the table, as borrowed
 * pages, so that no call of the partition can share, lend or change them. Errors as stage2_map().
 */
enum err el0_map(struct stage2 *secure);
/* After sp_vcpu_reset(), while the vCPU is loaded nowhere: its EL1 registers and PSTATE, so that it starts at EL0. */
void el0_reset(struct vcpu *v);

/*
 * The loaded vCPU executed HVC at EL1 with one of the immediates of arch/el0_vectors.h. NULL: EL0 executed SVC, its
 * registers are in v->regs with the PC past it, and vcpu_enter() goes on at EL0. Else why the partition cannot go on.
 */
const char *el0_trap(struct vcpu *v, unsigned immediate);

#endif
