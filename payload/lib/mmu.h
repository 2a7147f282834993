/* SPDX-License-Identifier: MIT */
/* Identity map: everything below RAM is Device-nGnRE, RAM is Normal write-back; 39-bit addresses, 4 KiB granule. */
#ifndef PAYLOAD_LIB_MMU_H
#define PAYLOAD_LIB_MMU_H

#include "payload/lib/base.h"

enum mmu_type {
	MMU_NORMAL,
	MMU_DEVICE,
	MMU_NORMAL_NC,
};

/* The RAM that the device tree gave. */
extern uint64_t ram_base;
extern uint64_t ram_size;

/* Builds the tables and turns the MMU on. Called once by the boot CPU with the MMU off. */
void mmu_init(void);

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
