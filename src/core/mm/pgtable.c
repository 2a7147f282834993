/* SPDX-License-Identifier: MIT */
#include "core/mm/pgtable.h"

#include "arch/barrier.h"
#include "lib/panic.h"

void pgtable_push(struct pgtable_pages *pages, pa_t page)
{
	pte_store(pa_ptr(page), pages->top.v);
	pages->top = page;
}

bool pgtable_pop(struct pgtable_pages *pages, pa_t *out)
{
	pte_t *link = pa_ptr(pages->top);

	if (link == NULL) {
		return false;
	}
	*out = pages->top;
	pages->top = pa(pte_load(link));
	pte_store(link, 0);
	return true;
}

enum err pgtable_check_range(const struct pgtable *table, uint64_t base, uint64_t size)
{
	if (size == 0 || !IS_ALIGNED(base, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE)) {
		return ERR_INVALID;
	}
	return range_in(base, size, 0, BIT(table->address_bits)) ? OK : ERR_RANGE;
}

/* The root may be several tables in a row, so an index into it takes all the address bits that are left. */
static uint64_t entry_index(const struct pgtable *table, unsigned level, uint64_t address)
{
	uint64_t index = address >> level_shift(level);

	return level == table->start_level ? index : index & (PTE_PER_TABLE - 1);
}

/* Where the slice of [at, end) that one entry of 'level' covers ends. */
static uint64_t slice_end(unsigned level, uint64_t at, uint64_t end)
{
	return MIN(end, ALIGN_DOWN(at, level_size(level)) + level_size(level));
}

/*
 * What an entry that holds no table becomes when the change touches [at, next) of it. False if that takes a table below
 * it: the slice is a part of the entry, or the entry cannot be a leaf.
 */
static bool leaf_suffices(const struct pgtable_change *change, pte_t old, unsigned level, uint64_t at, uint64_t next,
			  pte_t *out)
{
	bool whole = next - at == level_size(level);
	pa_t to;

	switch (change->action) {
	case PGTABLE_MAP:
		to = pa(change->to.v + (at - change->base));
		*out = pte_leaf(level, to, change->attrs);
		return whole && level > 0 && IS_ALIGNED(to.v, level_size(level));
	case PGTABLE_PROTECT:
	case PGTABLE_TURN:
		*out = pte_leaf(level, pte_address(old), change->attrs);
		return whole || *out == old;
	case PGTABLE_UNMAP:
	default:
		*out = 0;
		return whole || !pte_is_valid(old);
	}
}

/*
 * How many entries from 'index' on a mapping of [at, end) just fills in: each whole, aligned at both ends and empty.
 * 'entries' NULL is an empty table. Most of what is ever done to tables is this.
 */
static uint64_t fillable(const struct pgtable_change *change, const pte_t *entries, unsigned level, uint64_t index,
			 uint64_t at, uint64_t end)
{
	uint64_t to = change->to.v + (at - change->base);
	uint64_t count = (end - at) >> level_shift(level);
	uint64_t n = 0;

	if (change->action != PGTABLE_MAP || level == 0 || !IS_ALIGNED(at | to, level_size(level))) {
		return 0;
	}
	if (entries == NULL) {
		return count;
	}
	while (n < count && !pte_is_valid(pte_load(&entries[index + n]))) {
		n++;
	}
	return n;
}

/* Whether the change may find an entry that holds no table. */
static inline enum err may_find(const struct pgtable_change *change, pte_t old)
{
	switch (change->action) {
	case PGTABLE_MAP:
		return pte_is_valid(old) ? ERR_EXISTS : OK;
	case PGTABLE_PROTECT:
		return pte_is_valid(old) ? OK : ERR_NOT_FOUND;
	case PGTABLE_TURN:
		return !pte_is_valid(old) ? ERR_NOT_FOUND : pte_attrs(old) == change->from ? OK : ERR_DENIED;
	case PGTABLE_UNMAP:
		break;
	}
	return OK;
}

/* 'entries' is the table, or NULL for one that is not there yet and will translate as 'parent' does. */
static enum err plan(const struct pgtable *table, const struct pgtable_change *change, const pte_t *entries,
		     pte_t parent, unsigned level, uint64_t at, uint64_t end, uint64_t *tables)
{
	for (uint64_t next; at < end; at = next) {
		uint64_t index = entry_index(table, level, at);
		pte_t *below = NULL;
		pte_t old, unused;
		enum err e;

		next = at + fillable(change, entries, level, index, at, end) * level_size(level);
		if (next != at) {
			continue;
		}
		old = entries != NULL ? pte_load(&entries[index]) : pte_child(parent, level, index);
		next = slice_end(level, at, end);
		if (pte_is_table(old, level)) {
			if (change->action == PGTABLE_UNMAP && next - at == level_size(level)) {
				continue; /* a whole table is emptied with no new one */
			}
			below = pa_ptr(pte_address(old));
		} else {
			e = may_find(change, old);
			if (e != OK) {
				return e;
			}
			if (leaf_suffices(change, old, level, at, next, &unused)) {
				continue;
			}
			++*tables;
			if (level + 1 == PTE_LAST_LEVEL) {
				continue; /* a new table of pages holds no surprise */
			}
		}
		e = plan(table, change, below, old, level + 1, at, next, tables);
		if (e != OK) {
			return e;
		}
	}
	return OK;
}

/* The lowest table that has all of the range, where a walk may begin if nothing above it is of interest. */
static pte_t *innermost(const struct pgtable *table, const struct pgtable_change *change, unsigned *level)
{
	uint64_t last = change->base + change->size - 1;
	pte_t *entries = pa_ptr(table->root);

	*level = table->start_level;
	for (;;) {
		pte_t pte = pte_load(&entries[entry_index(table, *level, change->base)]);

		if (!pte_is_table(pte, *level) || (change->base ^ last) >> level_shift(*level) != 0) {
			return entries;
		}
		entries = pa_ptr(pte_address(pte));
		++*level;
	}
}

enum err pgtable_plan(const struct pgtable *table, struct pgtable_change *change, uint64_t *tables)
{
	uint64_t end = change->base + change->size;
	pte_t *entry, old;

	change->entries = innermost(table, change, &change->level);
	change->leaf = NULL;
	*tables = 0;
	/* One entry: most of what sharing and lending memory needs. */
	entry = &change->entries[entry_index(table, change->level, change->base)];
	old = pte_load(entry);
	if (change->size == level_size(change->level) && IS_ALIGNED(change->base, change->size) &&
	    !pte_is_table(old, change->level) &&
	    leaf_suffices(change, old, change->level, change->base, end, &change->leaf_after)) {
		change->leaf = entry;
		return may_find(change, old);
	}
	return plan(table, change, change->entries, 0, change->level, change->base, end, tables);
}

static void mark_stale(struct pgtable_change *change, uint64_t base, uint64_t end)
{
	if (change->stale_base == change->stale_end) {
		change->stale_base = base;
		change->stale_end = end;
	} else {
		change->stale_base = MIN(change->stale_base, base);
		change->stale_end = MAX(change->stale_end, end);
	}
}

/*
 * Break-before-make, the only place for it (Arm ARM, D8.16.1): what translates [base, base + size) by another size,
 * address or type than before must be seen by nobody beside the old entry. The range faults for a moment; whoever
 * handles the fault looks again under the lock.
 */
static void replace(const struct pgtable *table, pte_t *entry, pte_t value, uint64_t base, uint64_t size)
{
	pte_store(entry, 0);
	table->ops->invalidate(table, base, size);
	pte_store(entry, value);
}

/* Stores a leaf, or its absence, in place of a leaf or nothing. 'live' says whether walkers can reach the entry. */
static inline void set_leaf(const struct pgtable *table, struct pgtable_change *change, pte_t *entry, pte_t value,
			    uint64_t at, uint64_t next, bool live)
{
	pte_t old = pte_load(entry);
	pte_t differs = (old ^ value) & ~table->ops->software;

	if (!live || !pte_is_valid(old) || differs == 0) {
		pte_store(entry, value);
	} else if (pte_is_valid(value) && (differs & ~table->ops->permissions) != 0) {
		replace(table, entry, value, at, next - at);
	} else {
		pte_store(entry, value);
		mark_stale(change, at, next);
	}
}

/* Gives up a table, and those below it, that no valid entry leads to any more. */
static void retire(struct pgtable *table, struct pgtable_change *change, pa_t page, unsigned level)
{
	const pte_t *entries = pa_ptr(page);

	for (uint64_t i = 0; level < PTE_LAST_LEVEL && i < PTE_PER_TABLE; i++) {
		pte_t pte = pte_load(&entries[i]);

		if (pte_is_table(pte, level)) {
			retire(table, change, pte_address(pte), level + 1);
		}
	}
	pgtable_push(&change->dead, page);
	table->pages--;
}

/* The last entry is looked at first: tables are mostly filled and emptied in ascending or descending order. */
static bool table_is_empty(const pte_t *entries)
{
	if (pte_is_valid(pte_load(&entries[PTE_PER_TABLE - 1]))) {
		return false;
	}
	for (uint64_t i = 0; i < PTE_PER_TABLE - 1; i++) {
		if (pte_is_valid(pte_load(&entries[i]))) {
			return false;
		}
	}
	return true;
}

/* True, and the block that says the same, if the table of 'level' is one aligned run with one set of attributes. */
static bool table_is_uniform(const pte_t *entries, unsigned level, pte_t *block)
{
	pte_t first = pte_load(&entries[0]);

	if (level < 2 || !pte_is_valid(first) || pte_is_table(first, level) ||
	    !IS_ALIGNED(pte_address(first).v, level_size(level - 1))) {
		return false;
	}
	*block = pte_leaf(level - 1, pte_address(first), pte_attrs(first));
	for (uint64_t i = PTE_PER_TABLE - 1; i > 0; i--) {
		if (pte_load(&entries[i]) != pte_child(*block, level, i)) {
			return false;
		}
	}
	return true;
}

static void commit(struct pgtable *table, struct pgtable_change *change, pte_t *entries, unsigned level, uint64_t at,
		   uint64_t end, bool live);

/* The slice [at, next) of an entry that leads to a table. Such an entry is always live: new tables hold leaves only. */
static void commit_below(struct pgtable *table, struct pgtable_change *change, pte_t *entry, unsigned level,
			 uint64_t at, uint64_t next)
{
	pa_t page = pte_address(pte_load(entry));
	pte_t *entries = pa_ptr(page);
	uint64_t size = level_size(level);
	uint64_t stale_base = change->stale_base, stale_end = change->stale_end;
	pte_t block;

	if (table->ops->keeps) {
		commit(table, change, entries, level + 1, at, next, true);
		return;
	}
	if (change->action == PGTABLE_UNMAP && next - at == size) {
		pte_store(entry, 0);
		mark_stale(change, at, next);
		retire(table, change, page, level + 1);
		return;
	}
	commit(table, change, entries, level + 1, at, next, true);
	if (change->action == PGTABLE_UNMAP && table_is_empty(entries)) {
		pte_store(entry, 0);
		retire(table, change, page, level + 1);
	} else if (table->ops->merges && table_is_uniform(entries, level + 1, &block)) {
		/* This invalidates all that the call made stale below the entry. */
		replace(table, entry, block, ALIGN_DOWN(at, size), size);
		retire(table, change, page, level + 1);
		change->stale_base = stale_base;
		change->stale_end = stale_end;
	}
}

/* The slice [at, next) of a leaf or invalid entry that becomes a table: it is filled before a walker can see it. */
static void commit_new_table(struct pgtable *table, struct pgtable_change *change, pte_t *entry, unsigned level,
			     uint64_t at, uint64_t next, bool live)
{
	pte_t old = pte_load(entry);
	pte_t *entries;
	pa_t page;

	CHECK(pgtable_pop(&change->spare, &page));
	table->pages++;
	entries = pa_ptr(page);
	for (uint64_t i = 0; pte_is_valid(old) && i < PTE_PER_TABLE; i++) {
		pte_store(&entries[i], pte_child(old, level + 1, i));
	}
	commit(table, change, entries, level + 1, at, next, false);
	if (live && pte_is_valid(old)) {
		replace(table, entry, pte_table(page), ALIGN_DOWN(at, level_size(level)), level_size(level));
	} else {
		dsb_ishst(); /* the walkers: the table's entries before the entry that leads to them */
		pte_store(entry, pte_table(page));
	}
}

static void fill(const struct pgtable_change *change, pte_t *entry, unsigned level, uint64_t at, uint64_t count)
{
	pte_t value = pte_leaf(level, pa(change->to.v + (at - change->base)), change->attrs);

	for (; count > 0; count--, value += level_size(level)) {
		pte_store(entry++, value);
	}
}

static void commit(struct pgtable *table, struct pgtable_change *change, pte_t *entries, unsigned level, uint64_t at,
		   uint64_t end, bool live)
{
	for (uint64_t next; at < end; at = next) {
		uint64_t index = entry_index(table, level, at);
		/* plan() found nothing mapped, so only a table that has tables below it need be looked at. */
		const pte_t *seen = live && level < PTE_LAST_LEVEL ? entries : NULL;
		uint64_t count = fillable(change, seen, level, index, at, end);
		pte_t *entry = &entries[index];
		pte_t old = pte_load(entry);
		pte_t value;

		next = slice_end(level, at, end);
		if (count > 0) {
			fill(change, entry, level, at, count);
			next = at + count * level_size(level);
		} else if (pte_is_table(old, level)) {
			commit_below(table, change, entry, level, at, next);
		} else if (leaf_suffices(change, old, level, at, next, &value)) {
			set_leaf(table, change, entry, value, at, next, live);
		} else {
			commit_new_table(table, change, entry, level, at, next, live);
		}
	}
}

void pgtable_commit(struct pgtable *table, struct pgtable_change *change)
{
	uint64_t end = change->base + change->size;

	change->stale_base = change->stale_end = 0;
	if (!table->ops->keeps) { /* tables above may go or become a block */
		commit(table, change, pa_ptr(table->root), table->start_level, change->base, end, true);
	} else if (change->leaf != NULL) {
		set_leaf(table, change, change->leaf, change->leaf_after, change->base, end, true);
	} else {
		commit(table, change, change->entries, change->level, change->base, end, true);
	}
	CHECK(change->spare.top.v == 0);
	if (change->stale_base != change->stale_end) {
		table->ops->invalidate(table, change->stale_base, change->stale_end - change->stale_base);
	} else {
		dsb_ishst(); /* the walkers: entries that were invalid are in no TLB, but must be seen from here on */
	}
}

/* What can be done about one entry of 'level' that leads to a table, when those below are done. */
static void compact_entry(struct pgtable *table, struct pgtable_change *change, pte_t *entry, unsigned level,
			  uint64_t at)
{
	pa_t page = pte_address(pte_load(entry));
	const pte_t *entries = pa_ptr(page);
	pte_t block;

	if (table_is_empty(entries)) {
		pte_store(entry, 0);
		mark_stale(change, at, at + level_size(level));
		retire(table, change, page, level + 1);
	} else if (table_is_uniform(entries, level + 1, &block) && (block & table->ops->software) == 0) {
		replace(table, entry, block, at, level_size(level));
		retire(table, change, page, level + 1);
	}
}

static void compact(struct pgtable *table, struct pgtable_change *change, pte_t *entries, uint64_t count,
		    unsigned level, uint64_t base)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = base + i * level_size(level);

		if (pte_is_table(pte_load(&entries[i]), level)) {
			compact(table, change, pa_ptr(pte_address(pte_load(&entries[i]))), PTE_PER_TABLE, level + 1,
				at);
			compact_entry(table, change, &entries[i], level, at);
		}
	}
}

void pgtable_compact(struct pgtable *table, struct pgtable_change *change)
{
	uint64_t entries = BIT(table->address_bits) >> level_shift(table->start_level);

	change->stale_base = change->stale_end = 0;
	compact(table, change, pa_ptr(table->root), entries, table->start_level, 0);
	if (change->stale_base != change->stale_end) {
		table->ops->invalidate(table, change->stale_base, change->stale_end - change->stale_base);
	}
}

bool pgtable_uniform(const struct pgtable *table, uint64_t base, pa_t to, uint64_t size, pte_t *attrs)
{
	uint64_t end = base + size, span;
	pte_t leaf;

	for (uint64_t at = base; at < end; at = ALIGN_DOWN(at, span) + span) {
		if (!pgtable_lookup(table, at, &leaf, &span) ||
		    pte_address(leaf).v + (at & (span - 1)) != to.v + (at - base) ||
		    (at != base && pte_attrs(leaf) != *attrs)) {
			return false;
		}
		*attrs = pte_attrs(leaf);
	}
	return true;
}

bool pgtable_lookup(const struct pgtable *table, uint64_t address, pte_t *leaf, uint64_t *size)
{
	const pte_t *entries = pa_ptr(table->root);
	unsigned level = table->start_level;
	pte_t pte;

	if (address >= BIT(table->address_bits)) {
		return false;
	}
	for (;;) {
		pte = pte_load(&entries[entry_index(table, level, address)]);
		if (!pte_is_table(pte, level)) {
			break;
		}
		entries = pa_ptr(pte_address(pte));
		level++;
	}
	*leaf = pte;
	*size = level_size(level);
	return pte_is_valid(pte);
}
