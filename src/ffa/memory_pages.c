/* SPDX-License-Identifier: MIT */
/*
 * The states of pages. Every change is made range by range; when one fails, those before it are undone, which needs
 * no memory: tables stay when they become empty or uniform, and only ffa_spaces_compact() makes a block of pages again,
 * of owned ones alone. That is called between attempts and never within one.
 */
#include "ffa/memory_priv.h"

#include "arch/cache.h"
#include "arch/zero.h"
#include "ffa/endpoint.h"
#include "lib/panic.h"

#define ACCESS (STAGE2_R | STAGE2_W | STAGE2_X)

/* Where the owner has the range, and where a borrower. */
static ipa_t own_base(const struct ffa_transaction *t, const struct ffa_constituent *range)
{
	return ipa(range->address - t->space->own_offset);
}

static ipa_t borrowed_base(const struct ffa_space *space, const struct ffa_constituent *range)
{
	return ipa(range->address + space->borrowed_offset);
}

static uint64_t range_size(const struct ffa_constituent *range)
{
	return (uint64_t)range->page_count * PAGE_SIZE;
}

static struct stage2 *table_of(const struct ffa_transaction *t, struct ffa_space *space)
{
	return t->ns ? ffa_space_ns(space) : &space->secure;
}

static enum ffa_code code_of(enum err e)
{
	switch (e) {
	case OK:
		return FFA_OK;
	case ERR_NO_MEMORY:
		return FFA_NO_MEMORY;
	default:
		return FFA_DENIED;
	}
}

/* What the pages are to their owner while others may have them. */
static unsigned taken_attrs(const struct ffa_transaction *t)
{
	return t->type == FFA_MEMORY_SHARE ? (t->owner_attrs | STAGE2_SHARED_OWNED)
					   : ((t->owner_attrs & ~(unsigned)ACCESS) | STAGE2_LENT);
}

/* ---- ranges of one table, all or none ---- */

static void turn_back(struct ffa_transaction *t, struct stage2 *table, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);

		CHECK(stage2_turn(table, own_base(t, range), range_size(range), taken_attrs(t), t->owner_attrs) == OK);
	}
}

static enum err turn_all(struct ffa_transaction *t, struct stage2 *table)
{
	for (uint32_t i = 0; i < t->range_count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);
		enum err e = ERR_RANGE;

		/* All that may be given has the address that look_first() has found for the first page. */
		if (ffa_space_may_give(t->space, own_base(t, range), range_size(range))) {
			e = stage2_turn(table, own_base(t, range), range_size(range), t->owner_attrs, taken_attrs(t));
		}

		if (e != OK) {
			turn_back(t, table, i);
			return e;
		}
	}
	return OK;
}

static void unmap(struct ffa_transaction *t, struct ffa_space *space, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);

		CHECK(stage2_unmap(table_of(t, space), borrowed_base(space, range), range_size(range)) == OK);
	}
}

static enum err map_all(struct ffa_transaction *t, struct ffa_space *space, unsigned attrs)
{
	for (uint32_t i = 0; i < t->range_count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);
		enum err e = stage2_map(table_of(t, space), borrowed_base(space, range), pa(range->address),
					range_size(range), attrs);

		if (e != OK) {
			unmap(t, space, i);
			return e;
		}
	}
	return OK;
}

/* ---- a transaction's pages ---- */

/* What the first page is to its owner, and in which table. False if it is none that he could give. */
static bool look_first(struct ffa_transaction *t)
{
	const struct ffa_constituent *range = ffa_transaction_range(t, 0);
	struct ffa_space *space = t->space;
	struct stage2 *table = space->is_nwd ? &space->ns : ffa_space_table(space, own_base(t, range).v);

	if (table == NULL) {
		return false;
	}
	t->ns = table == ffa_space_ns(space);
	return stage2_uniform(table, own_base(t, range), pa(range->address), PAGE_SIZE, &t->owner_attrs) &&
	       (t->owner_attrs & STAGE2_STATE_MASK) == STAGE2_OWNED;
}

/* Whether all pages are what the first one was found to be. */
static bool all_alike(struct ffa_transaction *t)
{
	struct stage2 *table = table_of(t, t->space);
	unsigned attrs;

	for (uint32_t i = 0; i < t->range_count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);

		if (!stage2_uniform(table, own_base(t, range), pa(range->address), range_size(range), &attrs) ||
		    attrs != t->owner_attrs) {
			return false;
		}
	}
	return true;
}

/* For a guest that gives pages away: its devices are told. NULL: nobody is. */
static const struct ffa_guest_ops *devices_of(const struct ffa_transaction *t)
{
	return t->type != FFA_MEMORY_SHARE ? t->space->guest_ops : NULL;
}

static enum err take(struct ffa_transaction *t)
{
	struct stage2 *table = table_of(t, t->space);
	enum err e = turn_all(t, table);

	if (e == ERR_NO_MEMORY) {
		ffa_work_lock(t);
		ffa_spaces_compact();
		ffa_work_unlock(t);
		e = turn_all(t, table);
	}
	return e;
}

enum ffa_code ffa_pages_take(struct ffa_transaction *t)
{
	const struct ffa_guest_ops *devices = devices_of(t);
	enum ffa_code code;
	enum err e;

	if (!look_first(t)) {
		return FFA_DENIED;
	}
	code = ffa_send_check_pages(t, t->owner_attrs);
	if (code != FFA_OK) {
		return code;
	}
	if (devices != NULL) {
		devices->giving(t->owner);
	}
	e = take(t);
	if (devices != NULL) {
		(e == OK ? devices->given : devices->back)(t->owner);
	}
	/* If all are as they must be, a range before had turned the page that was not so. */
	return e == ERR_DENIED && all_alike(t) ? FFA_INVALID_PARAMETERS : code_of(e);
}

void ffa_pages_return(struct ffa_transaction *t)
{
	const struct ffa_guest_ops *devices = devices_of(t);

	turn_back(t, table_of(t, t->space), t->range_count);
	if (devices != NULL) {
		devices->back(t->owner);
	}
}

static unsigned borrowed_attrs(const struct ffa_transaction *t, uint8_t permissions)
{
	return STAGE2_R | (FIELD_GET(FFA_PERMISSION_DATA, permissions) == FFA_DATA_RW ? STAGE2_W : 0U) |
	       (FIELD_GET(FFA_PERMISSION_EXEC, permissions) == FFA_EXEC_X ? STAGE2_X : 0U) |
	       (t->owner_attrs & (unsigned)(STAGE2_DEVICE | STAGE2_NS)) |
	       (t->type == FFA_MEMORY_DONATE ? (unsigned)STAGE2_OWNED : (unsigned)STAGE2_SHARED_BORROWED);
}

enum ffa_code ffa_pages_map(struct ffa_transaction *t, struct ffa_endpoint *borrower, uint8_t permissions)
{
	return code_of(map_all(t, borrower->space, borrowed_attrs(t, permissions)));
}

void ffa_pages_unmap(struct ffa_transaction *t, struct ffa_endpoint *borrower)
{
	unmap(t, borrower->space, t->range_count);
}

void ffa_pages_forget(struct ffa_transaction *t)
{
	struct stage2 *table = table_of(t, t->space);

	for (uint32_t i = 0; i < t->range_count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);

		CHECK(stage2_unmap(table, own_base(t, range), range_size(range)) == OK);
	}
}

void ffa_pages_leave(struct ffa_transaction *t)
{
	for (uint32_t i = 0; i < t->range_count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);

		t->space->guest_ops->pages_back(t->owner, pa(range->address), range->page_count);
	}
}

void ffa_pages_zero(struct ffa_transaction *t)
{
	for (uint32_t i = 0; i < t->range_count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, i);
		void *base = pa_ptr(pa(range->address));

		zero_pages(base, range_size(range));
		/* Who has his caches off in the normal world would read what was there before. */
		if (t->ns) {
			cache_clean_invalidate(base, range_size(range));
		}
	}
}
