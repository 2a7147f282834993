/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance. Every function completes (DSB, ISB) before it returns, on all CPUs of the inner shareable domain.
 * Table writes before the call are made visible to the walkers first. A range may be invalidated as a larger one.
 */
#ifndef ARCH_TLB_H
#define ARCH_TLB_H

#include "lib/addr.h"

/* EL2 stage 1, all levels of the walk. 'base' and 'size' are multiples of PAGE_SIZE, here and below. */
void tlb_el2_range(va_t base, uint64_t size);
/*
 * Stage 2 by IPA, all levels of the walk, and then all of stage 1 of that VMID, since TLBs may keep both stages in one
 * entry. 'vttbr' names the VMID; it need not be the one that is loaded. 'ns' is for the Secure state alone: the range
 * is one of its Non-secure IPA space (VTTBR_EL2) and not of the Secure one (VSTTBR_EL2).
 */
void tlb_stage2_range(uint64_t vttbr, ipa_t base, uint64_t size, bool ns);
/* Everything of that VMID, both stages. */
void tlb_stage2_all(uint64_t vttbr);

#endif
