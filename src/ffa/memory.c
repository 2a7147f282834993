/* SPDX-License-Identifier: MIT */
/* Giving back: borrowers relinquish, owners reclaim, and endpoints end. */
#include "ffa/memory.h"

#include "ffa/answer.h"
#include "ffa/below.h"
#include "ffa/endpoint.h"
#include "ffa/mailbox.h"
#include "ffa/memory_priv.h"

bool ffa_mem_is_owner(const struct ffa_endpoint *caller, const struct ffa_transaction *t)
{
	return ffa_is_local(caller) ? t->owner == caller && !t->orphan : !ffa_is_local(t->owner);
}

void ffa_mem_give_up(struct ffa_transaction *t)
{
	if (t->told_below) {
		t->leaving = true;
		ffa_work_begin(t);
		(void)ffa_below->mem_reclaim(t, 0);
		ffa_work_end(t);
	}
	ffa_transaction_free(t);
}

/*
 * The pages are their owner's again, or if that was a guest and has ended, nobody's; nobody holds them, or the SPMC
 * below says who does. What a guest left with SPs when it ended is zeroed here, whatever they did.
 */
static enum ffa_code take_back(struct ffa_transaction *t, bool zero)
{
	enum ffa_code code = FFA_OK;

	t->leaving = t->below;
	ffa_work_begin(t);
	if (t->below) {
		code = ffa_below->mem_reclaim(t, zero && !t->orphan ? FFA_MEM_ZERO : 0);
		zero = t->orphan;
	}
	if (code == FFA_OK && zero) {
		ffa_pages_zero(t);
	}
	if (code == FFA_OK && t->orphan && t->owner->kind == FFA_KIND_GUEST) {
		ffa_pages_leave(t);
	} else if (code == FFA_OK) {
		ffa_pages_return(t);
	}
	ffa_work_end(t);
	t->leaving = false;
	if (code == FFA_OK) {
		ffa_transaction_free(t);
	}
	return code;
}

/*
 * A borrower lets go. The zeroes that it wants are written when nobody else holds the memory; so are those that a dead
 * owner cannot ask for any more, since what it left in there is nobody's to read.
 */
static void let_go(struct ffa_transaction *t, struct ffa_borrower *b, struct ffa_endpoint *e, bool zero)
{
	bool last = t->held_count == 1;

	t->zero_last |= zero || b->zero_after;
	ffa_work_begin(t);
	if (ffa_is_local(e)) {
		ffa_pages_unmap(t, e);
	}
	if (last && (t->zero_last || (t->orphan && (t->owner_attrs & STAGE2_DEVICE) == 0))) {
		ffa_pages_zero(t);
	}
	ffa_work_end(t);
	b->held = false;
	b->zero_after = false;
	t->held_count--;
	if (last) {
		t->zero_last = false;
		if (t->orphan) {
			(void)take_back(t, false);
		}
	}
}

static enum ffa_code relinquish(struct ffa_endpoint *caller, const struct ffa_relinquish *r, uint16_t endpoint)
{
	struct ffa_transaction *t = ffa_mem_find(caller, r->handle);
	bool zero = (r->flags & FFA_MEM_ZERO) != 0;
	struct ffa_borrower *b;

	if (t == NULL || !t->sent || t->given || t->below) {
		return FFA_INVALID_PARAMETERS;
	}
	b = ffa_transaction_borrower(t, endpoint);
	if (b == NULL || !b->held || b->returned != t->range_count || (zero && t->type == FFA_MEMORY_SHARE)) {
		return FFA_INVALID_PARAMETERS;
	}
	if (zero && (FIELD_GET(FFA_PERMISSION_DATA, b->granted) != FFA_DATA_RW || !ffa_may_zero(t->owner_attrs))) {
		return FFA_DENIED;
	}
	let_go(t, b, caller, zero);
	return FFA_OK;
}

void ffa_mem_relinquish(struct ffa_endpoint *caller, uint64_t *x)
{
	struct ffa_relinquish r;
	uint16_t endpoint;
	bool own;

	if (ffa_tx_read(caller, 0, &r, sizeof(r)) != FFA_OK ||
	    ffa_tx_read(caller, sizeof(r), &endpoint, sizeof(endpoint)) != FFA_OK) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	own = ffa_is_local(caller) ? endpoint == caller->id : !ffa_id_is_secure(endpoint);
	if (r.endpoint_count != 1 || !own || (r.flags & ~(FFA_MEM_ZERO | FFA_MEM_TIME_SLICE)) != 0) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	spin_lock(&ffa_mem_lock);
	ffa_answer_code(x, relinquish(caller, &r, endpoint));
	spin_unlock(&ffa_mem_lock);
}

static enum ffa_code reclaim(struct ffa_endpoint *caller, uint64_t handle, bool zero)
{
	struct ffa_transaction *t = ffa_mem_find(caller, handle);

	if (t == NULL || t->given || !ffa_mem_is_owner(caller, t)) {
		return FFA_INVALID_PARAMETERS;
	}
	/* Fragments are missing. */
	if (!t->sent) {
		ffa_mem_give_up(t);
		return FFA_OK;
	}
	return t->held_count != 0 || (zero && !ffa_may_zero(t->owner_attrs)) ? FFA_DENIED : take_back(t, zero);
}

void ffa_mem_reclaim(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t flags = (uint32_t)x[3];

	if ((flags & ~(FFA_MEM_ZERO | FFA_MEM_TIME_SLICE)) != 0) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	spin_lock(&ffa_mem_lock);
	ffa_answer_code(x, reclaim(caller, ffa_arg_pair(x, 1), (flags & FFA_MEM_ZERO) != 0));
	spin_unlock(&ffa_mem_lock);
}

/* ---- all transactions, some at a time ---- */

#define WALK_STEPS 1024 /* some ten microseconds */
#define WALK_WORK 16 /* of them: those that something is done with */
#define WALK_PAGES 64 /* that cost as much as a transaction */

/* What is left after that one. */
static unsigned walk_work(unsigned work, const struct ffa_transaction *t)
{
	return work - MIN(work, 1 + t->page_count / WALK_PAGES);
}

static void walk_begin(struct ffa_mem_walk *walk)
{
	if (!walk->begun) {
		walk->begun = true;
		walk->left = 0;
		list_insert(ffa_transactions(), &walk->place->node);
	}
}

static void walk_end(struct ffa_mem_walk *walk)
{
	if (walk->begun) {
		walk->begun = false;
		list_remove(&walk->place->node);
	}
}

static bool walk_goes_on(struct ffa_mem_walk *walk)
{
	if (ffa_transaction_after(walk->place) == NULL) {
		walk_end(walk);
	}
	return walk->begun;
}

void ffa_mem_walk_stop(struct ffa_mem_walk *walk)
{
	spin_lock(&ffa_mem_lock);
	walk_end(walk);
	spin_unlock(&ffa_mem_lock);
}

/* ---- the end of an endpoint ---- */

/* What the dead one wrote for itself alone in memory that goes back to its owner is nobody's to read. */
static bool holds_secrets(const struct ffa_transaction *t, const struct ffa_borrower *b)
{
	return t->type == FFA_MEMORY_LEND && t->borrower_count == 1 &&
	       FIELD_GET(FFA_PERMISSION_DATA, b->granted) == FFA_DATA_RW && ffa_may_zero(t->owner_attrs);
}

static void drop_borrower(struct ffa_transaction *t, struct ffa_endpoint *e)
{
	struct ffa_borrower *b = ffa_transaction_borrower(t, e->id);

	if (b == NULL) {
		return;
	}
	b->barred = true;
	if (t->given) {
		ffa_transaction_free(t);
	} else if (b->held) {
		let_go(t, b, e, holds_secrets(t, b));
	}
}

/* It is one of the receivers and has nothing of it: whatever is done with the pages meanwhile is not its business. */
static bool is_idle_receiver(struct ffa_transaction *t, const struct ffa_endpoint *e)
{
	return t->owner != e && !t->given && !ffa_transaction_borrower(t, e->id)->held;
}

/* True if the memory stays out. What was given is the receiver's already. */
static bool drop_owner(struct ffa_transaction *t)
{
	if (!t->sent) {
		ffa_mem_give_up(t);
	} else if (!t->given && (t->held_count != 0 || take_back(t, false) != FFA_OK)) {
		t->orphan = true;
		return true;
	}
	return false;
}

bool ffa_mem_drop_some(struct ffa_endpoint *e, struct ffa_mem_walk *walk)
{
	unsigned steps = WALK_STEPS, work = WALK_WORK;
	struct ffa_transaction *t;
	bool more;

	spin_lock(&ffa_mem_lock);
	walk_begin(walk);
	while (steps-- != 0 && work != 0 && (t = ffa_transaction_after(walk->place)) != NULL) {
		bool concerned = ffa_mem_concerns(t, e);

		if (t->busy && concerned && !is_idle_receiver(t, e)) {
			break; /* who calls again waits for the end of that */
		}
		ffa_transaction_pass(walk->place, t);
		work = concerned ? walk_work(work, t) : work;
		if (t->owner == e) {
			walk->left += t->orphan || drop_owner(t) ? 1 : 0;
		} else {
			drop_borrower(t, e);
		}
	}
	more = walk_goes_on(walk);
	spin_unlock(&ffa_mem_lock);
	return more;
}

bool ffa_mem_drop(struct ffa_endpoint *e)
{
	struct ffa_transaction place = { 0 };
	struct ffa_mem_walk walk = { .place = &place };

	while (ffa_mem_drop_some(e, &walk)) {
		cpu_relax();
	}
	return walk.left != 0;
}

/* ---- guests ---- */

void ffa_mem_set_space(struct ffa_endpoint *e, struct ffa_space *space)
{
	spin_lock(&ffa_mem_lock);
	e->space = space;
	spin_unlock(&ffa_mem_lock);
}

bool ffa_mem_retry_some(struct ffa_mem_walk *walk)
{
	unsigned steps = WALK_STEPS, work = WALK_WORK;
	struct ffa_transaction *t;
	bool more;

	spin_lock(&ffa_mem_lock);
	walk_begin(walk);
	while (steps-- != 0 && work != 0 && (t = ffa_transaction_after(walk->place)) != NULL) {
		ffa_transaction_pass(walk->place, t);
		if (t->orphan && t->below) {
			work = walk_work(work, t);
			walk->left += t->busy || take_back(t, true) != FFA_OK ? 1 : 0;
		}
	}
	more = walk_goes_on(walk);
	spin_unlock(&ffa_mem_lock);
	return more;
}

uint64_t ffa_mem_held_pages(const struct ffa_endpoint *guest)
{
	uint64_t pages = 0;

	spin_lock(&ffa_mem_lock);
	list_for_each (node, ffa_transactions()) {
		const struct ffa_transaction *t = list_entry(node, struct ffa_transaction, node);

		pages += t->owner == guest && t->orphan ? t->page_count : 0;
	}
	spin_unlock(&ffa_mem_lock);
	return pages;
}

/* One of those who hold it; of SPs below we know only who may. */
static uint16_t holder(const struct ffa_transaction *t)
{
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		if (t->borrowers[i].held) {
			return t->borrowers[i].id;
		}
	}
	return t->borrowers[0].id;
}

void ffa_mem_each_held(struct ffa_endpoint *guest)
{
	spin_lock(&ffa_mem_lock);
	list_for_each (node, ffa_transactions()) {
		struct ffa_transaction *t = list_entry(node, struct ffa_transaction, node);

		if (t->owner == guest && t->orphan) {
			t->space->guest_ops->held(guest, holder(t), pa(ffa_transaction_range(t, 0)->address),
						  t->page_count);
		}
	}
	spin_unlock(&ffa_mem_lock);
}
