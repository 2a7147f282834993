/* SPDX-License-Identifier: MIT */
/* One stage-1 table: 39-bit addresses, 4 KiB granule. */
#ifndef PAYLOAD_LIB_MMU_H
#define PAYLOAD_LIB_MMU_H

#include "payload/lib/base.h"

enum mmu_type {
	MMU_NORMAL,
	MMU_DEVICE,
	MMU_NORMAL_NC,
	/* At S-EL1: Non-secure memory. The value is that of a leaf's NS bit above the attribute index. */
	MMU_NORMAL_NS = 8,
};

/* What turns the MMU on, on every CPU. */
struct mmu_regs {
	uint64_t ttbr0;
	uint64_t tcr;
	uint64_t mair;
	uint64_t sctlr;
};
extern struct mmu_regs mmu_regs;

/* Called once by the boot CPU with the MMU off: an empty table; then, when it is filled, mmu_regs and the MMU on. */
void mmu_begin(void);
void mmu_start(void);

/*
 * Maps whole pages, with blocks where they fit; replaces nothing that is mapped otherwise, so unmap first.
 * Addresses below 512 GiB, all multiples of 4 KiB. Returns false when the tables of the pool are used up.
 */
bool mmu_map(uint64_t va, uint64_t pa, uint64_t size, enum mmu_type type, bool exec);
/* Unmaps what mmu_map() mapped with the same va and size, on all CPUs. */
void mmu_unmap(uint64_t va, uint64_t size);

/* The level-1 descriptor over va, for tests that break a walk; mmu_flush() makes the change seen by all CPUs. */
uint64_t *mmu_level1(uint64_t va);
void mmu_flush(void);

#endif
