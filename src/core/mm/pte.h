/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of VMSAv8-64 with the 4 KiB granule and addresses of up to 48 bits (Arm ARM, D8.3). What stage 1 and
 * stage 2 have in common stands here; the attributes of each are encoded in stage1.c and stage2.c.
 */
#ifndef CORE_MM_PTE_H
#define CORE_MM_PTE_H

#include "arch/atomic.h"
#include "lib/addr.h"

typedef uint64_t pte_t;

#define PTE_VALID BIT(0)
#define PTE_TABLE_OR_PAGE BIT(1) /* a table at levels 0..2, a page at level 3; clear for a block */
#define PTE_ADDRESS GENMASK(47, 12)
#define PTE_AF BIT(10)
#define PTE_SH_SHIFT 8
#define PTE_SH_WIDTH 2
#define PTE_SH_INNER 3

#define PTE_LEVEL_BITS 9
#define PTE_PER_TABLE (UINT64_C(1) << PTE_LEVEL_BITS)
#define PTE_LAST_LEVEL 3U
#define PTE_ADDRESS_BITS 48

/* Stage 1. A regime with one range (E2H = 0) has XN in bit 54 alone; one with two has UXN there and PXN below. */
#define S1_ATTR_INDEX_SHIFT 2
#define S1_ATTR_INDEX_WIDTH 3
#define S1_NS BIT(5) /* of the Secure state: the output address is Non-secure */
#define S1_AP_EL0 BIT(6) /* RES1 where the regime has no EL0 */
#define S1_AP_READ_ONLY BIT(7)
#define S1_GUARDED BIT(50)
#define S1_PXN BIT(53)
#define S1_XN BIT(54)

/* Stage 2. */
#define S2_MEMATTR_SHIFT 2
#define S2_MEMATTR_WIDTH 4
#define S2_MEMATTR_DEVICE_NGNRE 0x1
#define S2_MEMATTR_NORMAL_WB 0xf
#define S2_MEMATTR_FWB_NORMAL_WB 0x6 /* HCR_EL2.FWB = 1: whatever stage 1 says */
#define S2_AP_READ BIT(6)
#define S2_AP_WRITE BIT(7)
#define S2_XN BIT(54)
#define S2_NS BIT(55) /* hardware reads it in Realm stage 2 only (FEAT_RME); elsewhere it is software's */
#define S2_STATE_SHIFT 56
#define S2_STATE_WIDTH 2

/* The walker of another CPU may read an entry at any time, so each access is one 64-bit access (Arm ARM, B2.2.1). */
static inline pte_t pte_load(const pte_t *entry) { return atomic_load(entry); }
static inline void pte_store(pte_t *entry, pte_t value) { atomic_store(entry, value); }

/* Address bits below one entry of that level, and the bytes it spans. */
static inline unsigned level_shift(unsigned level) { return PAGE_SHIFT + PTE_LEVEL_BITS * (PTE_LAST_LEVEL - level); }
static inline uint64_t level_size(unsigned level) { return UINT64_C(1) << level_shift(level); }

static inline bool pte_is_valid(pte_t pte) { return (pte & PTE_VALID) != 0; }
static inline bool pte_is_table(pte_t pte, unsigned level)
{
	return level < PTE_LAST_LEVEL && (pte & (PTE_VALID | PTE_TABLE_OR_PAGE)) == (PTE_VALID | PTE_TABLE_OR_PAGE);
}

static inline pa_t pte_address(pte_t pte) { return pa(pte & PTE_ADDRESS); }
/* The attributes of a leaf: all but its address and type. */
static inline pte_t pte_attrs(pte_t pte) { return pte & ~(PTE_ADDRESS | PTE_VALID | PTE_TABLE_OR_PAGE); }

static inline pte_t pte_table(pa_t table) { return table.v | PTE_VALID | PTE_TABLE_OR_PAGE; }
/* A block at levels 1 and 2, a page at level 3. 'to' is aligned to level_size(level). */
static inline pte_t pte_leaf(unsigned level, pa_t to, pte_t attrs)
{
	return to.v | attrs | PTE_VALID | (level == PTE_LAST_LEVEL ? PTE_TABLE_OR_PAGE : 0);
}

/* What entry 'index' of a table one level below must hold to translate as 'parent' does: a leaf, or invalid. */
static inline pte_t pte_child(pte_t parent, unsigned child_level, uint64_t index)
{
	if (!pte_is_valid(parent)) {
		return 0;
	}
	return pte_leaf(child_level, pa(pte_address(parent).v + index * level_size(child_level)), pte_attrs(parent));
}

#endif
