/* SPDX-License-Identifier: MIT */
/*
 * Translation tables of any stage: one walk for mapping, protecting and unmapping. It allocates nothing. A change is
 * planned first, which finds every error and counts the tables that it needs; then the caller gets those, and
 * committing the change cannot fail. The caller serializes all calls on one table.
 */
#ifndef CORE_MM_PGTABLE_H
#define CORE_MM_PGTABLE_H

#include "core/mm/pte.h"
#include "lib/err.h"

struct pgtable;

/* How a stage differs from the other. */
struct pgtable_ops {
	pte_t permissions; /* bits that may change in a valid entry without a break */
	pte_t software;    /* bits that no TLB keeps */
	bool merges;       /* whether a table that has become uniform is replaced by a block */
	bool keeps;        /* whether a table stays when it has become empty or uniform, until pgtable_compact() */
	/* Makes earlier stores to the tables visible, then invalidates what TLBs hold for the range, and waits. */
	void (*invalidate)(const struct pgtable *table, uint64_t base, uint64_t size);
};

struct pgtable {
	const struct pgtable_ops *ops;
	pa_t root;            /* concatenated tables where address_bits needs them */
	uint64_t pages;       /* tables in use, root included */
	uint8_t address_bits; /* up to 48 */
	uint8_t start_level;
};

/* A stack of pages, linked through their first words. Those are page addresses, which as descriptors are invalid. */
struct pgtable_pages {
	pa_t top;
};

enum pgtable_action {
	PGTABLE_MAP,     /* ERR_EXISTS if any page is mapped */
	PGTABLE_PROTECT, /* ERR_NOT_FOUND if any page is not mapped */
	PGTABLE_TURN,    /* PROTECT, but ERR_DENIED if any page has other attributes than 'from' */
	PGTABLE_UNMAP,   /* holes are fine */
};

struct pgtable_change {
	enum pgtable_action action;
	unsigned level;                 /* plan's own, as the last three: on which level the walk begins, */
	uint64_t base, size;        /* multiples of PAGE_SIZE, inside the address space, not empty */
	pa_t to;      /* MAP: where 'base' leads */
	pte_t attrs;                /* MAP, PROTECT, TURN: of the leaves */
	pte_t from;                 /* TURN: theirs before */
	struct pgtable_pages spare; /* in: as many zeroed pages as planned; all are used */
	struct pgtable_pages dead;  /* out: tables that fell out of use; no TLB refers to them any more */
	uint64_t stale_base, stale_end; /* commit's own: what remains to be invalidated */
	pte_t *entries;                 /* where; */
	pte_t *leaf;                    /* the one entry that changes, and to what; NULL: there are more */
	pte_t leaf_after;
};

void pgtable_push(struct pgtable_pages *pages, pa_t page);
/* False if there is none. The page's first word is zero again. */
bool pgtable_pop(struct pgtable_pages *pages, pa_t *out);

/* OK if 'base' and 'size' are whole pages (else ERR_INVALID) within the address space (else ERR_RANGE). */
enum err pgtable_check_range(const struct pgtable *table, uint64_t base, uint64_t size);
/* OK and the number of tables that the change needs, or why it cannot be. Changes nothing. */
enum err pgtable_plan(const struct pgtable *table, struct pgtable_change *change, uint64_t *tables);
/* Makes the change that was planned last. When it returns, walkers see it and TLBs hold nothing of what was. */
void pgtable_commit(struct pgtable *table, struct pgtable_change *change);

/*
 * For a table that keeps its tables: frees those that are empty, and makes blocks of those whose pages lie in a row and
 * have the same attributes, none of them among ops->software. Needs no memory; the tables go to change->dead.
 */
void pgtable_compact(struct pgtable *table, struct pgtable_change *change);

/*
 * True, and the attributes that all pages of the range have in common; false if one is not mapped, or differs, or if
 * the range does not lead to 'to', in one piece.
 */
bool pgtable_uniform(const struct pgtable *table, uint64_t base, pa_t to, uint64_t size, pte_t *attrs);

/*
 * The leaf that translates 'address', and the bytes it spans. False if there is none: 'size' is what the hole spans, if
 * the address is inside the address space.
 */
bool pgtable_lookup(const struct pgtable *table, uint64_t address, pte_t *leaf, uint64_t *size);

#endif
