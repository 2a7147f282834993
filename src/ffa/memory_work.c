/* SPDX-License-Identifier: MIT */
#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "ffa/endpoint.h"
#include "ffa/memory.h"
#include "ffa/memory_priv.h"

/* What is done at once, under the lock: some ten microseconds. */
#define SHORT_PAGES 64
#define SHORT_RANGES 64

struct spinlock ffa_mem_lock;
static uint32_t works_done; /* a count that wraps; written under the lock */

/* ---- work on pages ---- */

/* A guest's devices and an SPMC below may take their time, however few the pages. */
static bool is_long(const struct ffa_transaction *t)
{
	return t->page_count > SHORT_PAGES || t->range_count > SHORT_RANGES || t->owner->kind == FFA_KIND_GUEST;
}

void ffa_work_begin(struct ffa_transaction *t)
{
	if (is_long(t)) {
		t->busy = true;
		spin_unlock(&ffa_mem_lock);
	}
}

void ffa_work_end(struct ffa_transaction *t)
{
	if (t->busy) {
		spin_lock(&ffa_mem_lock);
		t->busy = false;
		atomic_store(&works_done, works_done + 1);
	}
}

void ffa_work_lock(const struct ffa_transaction *t)
{
	if (t->busy) {
		spin_lock(&ffa_mem_lock);
	}
}

void ffa_work_unlock(const struct ffa_transaction *t)
{
	if (t->busy) {
		spin_unlock(&ffa_mem_lock);
	}
}

void ffa_work_wait(void)
{
	uint32_t seen = works_done;

	spin_unlock(&ffa_mem_lock);
	while (atomic_load(&works_done) == seen) {
		cpu_relax();
	}
	spin_lock(&ffa_mem_lock);
}

/* ---- finding transactions ---- */

bool ffa_mem_concerns(struct ffa_transaction *t, const struct ffa_endpoint *e)
{
	return !ffa_is_local(e) || t->owner == e || ffa_transaction_borrower(t, e->id) != NULL;
}

struct ffa_transaction *ffa_mem_find(const struct ffa_endpoint *caller, uint64_t handle)
{
	for (;;) {
		struct ffa_transaction *t = ffa_transaction_find(handle);

		if (t == NULL || !t->busy || !ffa_mem_concerns(t, caller)) {
			return t;
		}
		ffa_work_wait();
	}
}

/* ---- when memory is short ---- */

void ffa_mem_compact(void)
{
	spin_lock(&ffa_mem_lock);
	ffa_spaces_compact();
	spin_unlock(&ffa_mem_lock);
}

void *ffa_mem_alloc_object(size_t size)
{
	void *object = pool_alloc_object(size);

	if (object == NULL) {
		ffa_mem_compact();
		object = pool_alloc_object(size);
	}
	return object;
}

/* ---- for logs and tests ---- */

unsigned ffa_mem_count(void)
{
	unsigned count = 0;

	spin_lock(&ffa_mem_lock);
	list_for_each (node, ffa_transactions()) {
		/* One without an owner is the place of somebody who walks there. */
		count += list_entry(node, struct ffa_transaction, node)->owner != NULL ? 1 : 0;
	}
	spin_unlock(&ffa_mem_lock);
	return count;
}

void ffa_mem_reset(void)
{
	ffa_mem_lock = (struct spinlock){ 0 };
	ffa_transactions_reset();
}
