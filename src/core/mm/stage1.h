/* SPDX-License-Identifier: MIT */
/*
 * EL2's own map. Everything is mapped at its physical address (lib/addr.h) with W^X: code RX, rodata R, the rest RW and
 * never executable; devices are Device-nGnRE. Built with the MMU off from boot pages, extended later from the pool.
 *
 * EL2 stands on this map, so a live block is never broken into pages: for the moment of break-before-make the code, its
 * stack and the tables themselves may be gone. A hole (guard page) is made by not mapping it.
 * The caller serializes all calls on one map.
 */
#ifndef CORE_MM_STAGE1_H
#define CORE_MM_STAGE1_H

#include "core/mm/pgtable.h"
#include "lib/addr.h"
#include "lib/err.h"

enum stage1_kind {
	STAGE1_CODE,    /* read, execute; guarded for BTI (GP) where the CPU has it */
	STAGE1_RODATA,  /* read */
	STAGE1_DATA,    /* read, write, write-back cacheable */
	STAGE1_DATA_NS, /* the same of the normal world, for S-EL2; a physical address is in one of the worlds only */
	STAGE1_DEVICE,  /* read, write, nGnRE */
};

/* Where the tables' pages come from: boot code gives a static array first, then pool_alloc_page. Zeroed pages. */
struct stage1_pages {
	enum err (*alloc)(pa_t *out);
};

struct stage1 {
	const struct stage1_pages *pages;
	struct pgtable table;       /* table.root is for TTBR0_EL2 */
	struct pgtable_pages spare; /* tables that fell out of use, for the next that is needed */
	bool e2h;
	bool bti;
};

/*
 * A fresh empty map of 48-bit addresses (four levels, T0SZ 16). 'e2h' is HCR_EL2.E2H, which alters the descriptors;
 * ID_AA64PFR1_EL1 says whether the CPU has BTI.
 */
enum err stage1_init(struct stage1 *s1, const struct stage1_pages *pages, uint64_t id_aa64pfr1, bool e2h);
/*
 * Maps [base, base + size), whole pages, at its physical address with the largest blocks that fit. ERR_EXISTS if any of
 * it is mapped, ERR_INVALID if not aligned or empty, ERR_RANGE beyond 48 bits, ERR_NO_MEMORY.
 */
enum err stage1_map(struct stage1 *s1, pa_t base, uint64_t size, enum stage1_kind kind);
/*
 * Makes whole pages unreachable; holes are fine. Blocks are split only before the map is live: afterwards a part of a
 * block is ERR_DENIED.
 */
enum err stage1_unmap(struct stage1 *s1, pa_t base, uint64_t size);
/* True and the kind if the byte is mapped. */
bool stage1_lookup(const struct stage1 *s1, va_t address, enum stage1_kind *kind);

/* Register values that go with the encodings above. TCR for E2H = 0 and, in its other layout, E2H = 1. */
uint64_t stage1_mair(void);
uint64_t stage1_tcr(uint64_t id_aa64mmfr0, bool e2h);

#endif
