/* SPDX-License-Identifier: MIT */
/*
 * A VM's or partition's stage-2 tables: 4 KiB granule, 2 MiB and 1 GiB blocks where alignment allows, split and merged
 * as needed. A call changes only what it names; all or nothing: tables are allocated before the first entry changes.
 * Break-before-make and TLB invalidation happen in pgtable.c. While an entry is replaced its range faults for a moment:
 * the handler of a stage-2 abort looks up under the lock, and lets the guest go on if the access is permitted there.
 */
#ifndef CORE_MM_STAGE2_H
#define CORE_MM_STAGE2_H

#include "arch/spinlock.h"
#include "core/mm/pgtable.h"
#include "lib/addr.h"
#include "lib/err.h"

/* What a mapping permits and is; an OR of these. */
enum {
	STAGE2_R = 1 << 0,
	STAGE2_W = 1 << 1,
	STAGE2_X = 1 << 2,      /* execute at EL1 and EL0; not with STAGE2_DEVICE */
	STAGE2_DEVICE = 1 << 3, /* Device-nGnRE; else Normal write-back, inner shareable */
	STAGE2_NS = 1 << 4,     /* Secure stage 2 only: the output address is Non-secure */

	/* Ownership: two bits of page state among those that software may use, as is the custom of this field. */
	STAGE2_STATE_SHIFT = 8,
	STAGE2_OWNED = 0 << 8,
	STAGE2_SHARED_OWNED = 1 << 8,
	STAGE2_SHARED_BORROWED = 2 << 8,
	STAGE2_LENT = 3 << 8, /* the owner gave it away for a while and has no access: none of R, W and X */
	STAGE2_STATE_MASK = 3 << 8,
};

/*
 * What a set of tables is for. Those of who takes part in FF-A stay when they become empty or could be a block, so that
 * a call neither frees nor builds what the next one wants again, and can be undone without memory; stage2_compact()
 * does it when memory is short.
 */
enum stage2_kind {
	STAGE2_VM,        /* a VM in the normal world: merged and freed at once */
	STAGE2_ENDPOINT,  /* a VM that takes part in FF-A */
	STAGE2_SECURE,    /* a partition's Secure IPA space: VSTTBR_EL2, VSTCR_EL2. HCR_EL2.FWB = 1, here and below */
	STAGE2_SECURE_NS, /* its Non-secure IPA space: VTTBR_EL2, VTCR_EL2 */
	STAGE2_FACTS,     /* no hardware reads it: it tells what belongs to whom */
};

struct stage2 {
	struct spinlock lock; /* for 'table'; the pool's lock nests inside it */
	uint64_t vttbr;       /* root and VMID, ready for VTTBR_EL2; STAGE2_SECURE: the root, ready for VSTTBR_EL2 */
	uint64_t vtcr;        /* ready for VTCR_EL2; STAGE2_SECURE: for VSTCR_EL2 */
	uint64_t tlb_vttbr;   /* what VTTBR_EL2 holds during TLB maintenance */
	enum stage2_kind kind;
	struct pgtable table; /* root, address_bits (32..48), start_level (0..2), pages */
	uint8_t root_pages;   /* 1, 2, 4, 8 or 16 */
};

/* An IPA size that this CPU can do and that covers 'needed' bytes of IPA space, 32..48 bits; 0 if impossible. */
unsigned stage2_ipa_bits(uint64_t id_aa64mmfr0, uint64_t needed);
/*
 * Makes empty tables. 'vmid' fits the CPU's VMID size, which the caller knows. ERR_RANGE if the CPU cannot do
 * 'ipa_bits', ERR_NO_MEMORY. Invalidates what TLBs hold of an earlier user of the VMID. A partition's two have the same
 * VMID and are made together: ffa_space_init().
 */
enum err stage2_init(struct stage2 *s2, enum stage2_kind kind, unsigned ipa_bits, uint16_t vmid, uint64_t id_aa64mmfr0,
		     uint64_t id_aa64mmfr1);
/* Frees all tables and invalidates the VMID's TLB entries; nothing may run on them any more. */
void stage2_destroy(struct stage2 *s2);

/*
 * The ranges below are whole pages inside the IPA space: ERR_INVALID if not aligned or empty, ERR_RANGE if outside.
 * ERR_INVALID for attributes that make no sense, ERR_NO_MEMORY if a table cannot be had. Each takes s2->lock.
 */

/* Maps a range that is unmapped so far (ERR_EXISTS if any of it is mapped). 'to' is page-aligned and below 2^48. */
enum err stage2_map(struct stage2 *s2, ipa_t base, pa_t to, uint64_t size, unsigned attrs);
/* Changes permission, type and state of a mapped range (ERR_NOT_FOUND if any page of it is not mapped). */
enum err stage2_protect(struct stage2 *s2, ipa_t base, uint64_t size, unsigned attrs);
/*
 * The same, but ERR_DENIED unless every page has just the attributes 'from' so far. Where this divided blocks, turning
 * the range back needs no memory if the tables are kept.
 */
enum err stage2_turn(struct stage2 *s2, ipa_t base, uint64_t size, unsigned from, unsigned attrs);
/* Unmaps what is mapped in the range; holes are fine. Frees tables that became empty, unless they are kept. */
enum err stage2_unmap(struct stage2 *s2, ipa_t base, uint64_t size);

/*
 * True if all of the range is mapped, in one piece to 'to' and with the same attributes: 'attrs'. False for ranges that
 * are no such, too.
 */
bool stage2_uniform(struct stage2 *s2, ipa_t base, pa_t to, uint64_t size, unsigned *attrs);
/* Frees empty tables, and those that a block of owned memory can stand for. Takes as long as there are tables. */
void stage2_compact(struct stage2 *s2);

/*
 * Where 'base' (any byte) leads, and how many bytes from there are contiguous with the same attributes inside one
 * entry. False if unmapped. Takes s2->lock, so a change on another CPU is seen as a whole or not at all.
 */
bool stage2_lookup(struct stage2 *s2, ipa_t base, pa_t *to, unsigned *attrs, uint64_t *run);
/*
 * The first bytes at 'at' (a page) or above that are mapped: moves 'at' there, and tells how many one entry maps from
 * there on. False if there are none. Takes s2->lock.
 */
bool stage2_next(struct stage2 *s2, ipa_t *at, uint64_t *run, unsigned *attrs);

#endif
