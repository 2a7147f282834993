/* SPDX-License-Identifier: MIT */
#include "ffa/memory.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "ffa/answer.h"
#include "ffa/below.h"
#include "ffa/endpoint.h"
#include "ffa/mailbox.h"
#include "ffa/memory_priv.h"
#include "lib/panic.h"

/* For all transactions and, with the tables' own locks, for what pages are to whom. */
static struct spinlock lock;

/*
 * The endpoint whose descriptor or fragment is named in w4[31:16]; a partition is the caller itself and names nobody.
 */
#define FRAGMENT_ENDPOINT_SHIFT 16

static uint32_t fragment_endpoint(const struct ffa_endpoint *caller, uint16_t id)
{
	return ffa_is_local(caller) ? 0 : (uint32_t)id << FRAGMENT_ENDPOINT_SHIFT;
}

/*
 * What announces a descriptor: w1 all its bytes, w2 those that are in the TX buffer. A buffer elsewhere, in x3 and w4,
 * is not supported.
 */
static bool lengths_ok(const struct ffa_endpoint *caller, const uint64_t *x)
{
	uint64_t address = (x[0] & FFA_64) != 0 ? x[3] : (uint32_t)x[3];
	uint32_t total = (uint32_t)x[1], length = (uint32_t)x[2];

	return address == 0 && (uint32_t)x[4] == 0 && length <= total && length <= ffa_mailbox_size(caller);
}

static bool is_owner(const struct ffa_endpoint *caller, const struct ffa_transaction *t)
{
	return ffa_is_local(caller) ? t->owner == caller && !t->orphan : !ffa_is_local(t->owner);
}

static void zero_if(struct ffa_transaction *t, bool wanted)
{
	if (wanted) {
		ffa_pages_zero(t);
	}
}

/* ---- sending ---- */

/*
 * A guest sends to SPs: the SPMC below gets the description with its ranges up to number 'ranges', as far as it has not
 * yet. It makes the handle, so it hears of the first fragment at once; the last range it gets when the pages are taken,
 * and zeroes them if that is wanted.
 */
static enum ffa_code tell_below(struct ffa_transaction *t, uint32_t ranges)
{
	enum ffa_code code = FFA_OK;

	if (!t->told_below) {
		code = ffa_below->mem_send(t, ranges);
		if (code == FFA_OK) {
			ffa_transaction_set_below(t);
		}
	}
	return code == FFA_OK && t->ranges_below < ranges ? ffa_below->mem_frag(t, ranges) : code;
}

/* All ranges are there: the pages change hands. */
static enum ffa_code complete(struct ffa_transaction *t)
{
	enum ffa_code code;

	if (t->pages_in != t->page_count) {
		return FFA_INVALID_PARAMETERS;
	}
	code = ffa_pages_take(t);
	if (code == FFA_OK && t->below) {
		code = tell_below(t, t->range_count);
		if (code != FFA_OK) {
			ffa_pages_return(t);
		}
	} else if (code == FFA_OK) {
		zero_if(t, (t->flags & FFA_MEM_ZERO) != 0);
	}
	t->sent = code == FFA_OK;
	return code;
}

/* One that is not complete: its pages were never touched. What the SPMC below was told so far, it forgets. */
static void give_up(struct ffa_transaction *t)
{
	if (t->told_below) {
		(void)ffa_below->mem_reclaim(t, 0);
	}
	ffa_transaction_free(t);
}

/* Takes ranges that a fragment of 'length' bytes ends with, from 'at' on, and answers. The record goes if it fails. */
static void take_fragment(struct ffa_endpoint *caller, struct ffa_transaction *t, uint32_t at, uint32_t length,
			  uint64_t *x)
{
	enum ffa_code code = ffa_transaction_append(t, caller, at,
						    (length - at) / (uint32_t)sizeof(struct ffa_constituent));

	t->received += length;
	if (code == FFA_OK && t->ranges_in < t->range_count && t->below && !t->told_below) {
		code = tell_below(t, t->ranges_in);
	}
	if (code == FFA_OK && t->ranges_in < t->range_count) {
		ffa_answer(x, FFA_MEM_FRAG_RX);
		ffa_put_pair(x, 1, t->handle);
		x[3] = t->received;
		x[4] = fragment_endpoint(caller, t->sender);
		return;
	}
	if (code == FFA_OK) {
		code = complete(t);
	}
	ffa_answer_code(x, code);
	if (code == FFA_OK) {
		ffa_put_pair(x, 2, t->handle);
	} else {
		give_up(t);
	}
}

static enum ffa_memory_type type_of_call(uint64_t id)
{
	switch (id & ~(uint64_t)FFA_64) {
	case FFA_MEM_DONATE:
		return FFA_MEMORY_DONATE;
	case FFA_MEM_LEND:
		return FFA_MEMORY_LEND;
	default:
		return FFA_MEMORY_SHARE;
	}
}

static enum ffa_code new_record(struct ffa_endpoint *caller, enum ffa_memory_type type, const struct ffa_descriptor *d,
				struct ffa_composite composite, struct ffa_transaction **out)
{
	struct ffa_transaction *t;
	enum ffa_code code = ffa_transaction_new(ffa_is_local(caller) ? caller : &ffa_nwd, d, composite, &t);

	if (code == FFA_OK) {
		t->sender = d->region.sender;
		t->type = type;
		t->wide = d->wide;
		t->attributes = d->region.attributes;
		t->flags = d->region.flags;
		t->tag = d->region.tag;
		t->below = caller->kind == FFA_KIND_GUEST && ffa_id_is_secure(d->access[0].endpoint);
		*out = t;
	}
	return code;
}

void ffa_mem_send(struct ffa_endpoint *caller, uint64_t *x)
{
	enum ffa_memory_type type = type_of_call(x[0]);
	uint32_t total = (uint32_t)x[1], length = (uint32_t)x[2], at;
	struct ffa_transaction *t;
	struct ffa_composite composite;
	struct ffa_descriptor d;
	enum ffa_code code = lengths_ok(caller, x) ? ffa_descriptor_read(caller, length, &d) : FFA_INVALID_PARAMETERS;

	if (code == FFA_OK) {
		code = ffa_send_check(caller, type, &d);
	}
	if (code == FFA_OK) {
		code = ffa_descriptor_read_composite(caller, &d, total, length, &composite, &at);
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
		return;
	}
	spin_lock(&lock);
	code = new_record(caller, type, &d, composite, &t);
	if (code == FFA_OK) {
		take_fragment(caller, t, at, length, x);
	} else {
		ffa_answer_error(x, code);
	}
	spin_unlock(&lock);
}

void ffa_mem_frag_tx(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t length = (uint32_t)x[3];
	struct ffa_transaction *t;

	if (length == 0 || !IS_ALIGNED(length, sizeof(struct ffa_constituent)) || length > ffa_mailbox_size(caller)) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	spin_lock(&lock);
	t = ffa_transaction_find(ffa_arg_pair(x, 1));
	if (t == NULL || t->sent || !is_owner(caller, t) || (uint32_t)x[4] != fragment_endpoint(caller, t->sender)) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
	} else {
		take_fragment(caller, t, 0, length, x);
	}
	spin_unlock(&lock);
}

/* ---- telling what was sent ---- */

/* Writes as many ranges as fit, where the caller sees them, from number *told on; counts them there. Their bytes. */
static uint32_t write_ranges(const struct ffa_endpoint *caller, struct ffa_transaction *t, uint8_t *to, uint32_t room,
			     uint32_t *told)
{
	uint64_t offset = caller->space->borrowed_offset;
	struct ffa_constituent *out = (struct ffa_constituent *)(void *)to;
	uint32_t count = MIN(room / (uint32_t)sizeof(*out), t->range_count - *told);

	for (uint32_t i = 0; i < count; i++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, *told + i);

		out[i] = (struct ffa_constituent){ .address = range->address + offset,
						   .page_count = range->page_count };
	}
	*told += count;
	return count * (uint32_t)sizeof(*out);
}

/* Answers FFA_MEM_RETRIEVE_RESP with the RX buffer at 'rx'. */
static void respond(struct ffa_endpoint *caller, struct ffa_transaction *t, const struct ffa_memory_region *region,
		    const struct ffa_memory_access_1_2 *access, uint8_t *rx, uint32_t size, uint32_t *told, uint64_t *x)
{
	uint32_t fixed = ffa_descriptor_size(caller->version, region->access_count);

	ffa_descriptor_write(rx, caller->version, region, access,
			     (struct ffa_composite){ .page_count = t->page_count, .range_count = t->range_count });
	*told = 0;
	ffa_answer(x, FFA_MEM_RETRIEVE_RESP);
	x[1] = fixed + t->range_count * (uint32_t)sizeof(struct ffa_constituent);
	x[2] = fixed + write_ranges(caller, t, rx + fixed, size - fixed, told);
}

static struct ffa_memory_region response_region(const struct ffa_transaction *t, uint16_t attributes, uint32_t count)
{
	return (struct ffa_memory_region){ .sender = t->sender,
					   .attributes = attributes,
					   .flags = t->flags | (uint32_t)FIELD_PUT(FFA_RETRIEVE_TYPE, t->type),
					   .handle = t->handle,
					   .access_count = count };
}

/* ---- retrieving ---- */

static struct ffa_memory_access_1_2 response_access(const struct ffa_borrower *b, uint8_t permissions)
{
	return (struct ffa_memory_access_1_2){ .endpoint = b->id,
					       .permissions = permissions,
					       .implementation = { b->implementation[0], b->implementation[1] } };
}

/*
 * The receiver for which the caller asks: a partition itself. The normal world's hypervisor asks for the one VM among
 * the receivers; it cannot say for which of several, so that is not supported.
 */
static enum ffa_code find_borrower(const struct ffa_endpoint *caller, struct ffa_transaction *t,
				   struct ffa_borrower **out)
{
	*out = NULL;
	if (ffa_is_local(caller)) {
		*out = ffa_transaction_borrower(t, caller->id);
		return *out != NULL ? FFA_OK : FFA_INVALID_PARAMETERS;
	}
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		if ((t->borrowers[i].id & FFA_ID_SECURE) == 0) {
			if (*out != NULL) {
				return FFA_NOT_SUPPORTED;
			}
			*out = &t->borrowers[i];
		}
	}
	return *out != NULL ? FFA_OK : FFA_INVALID_PARAMETERS;
}

/* The borrower gets the pages. What VMs have is the hypervisor's business. */
static enum ffa_code hand_over(struct ffa_endpoint *caller, struct ffa_transaction *t, struct ffa_borrower *b,
			       const struct ffa_descriptor *d)
{
	enum ffa_code code;
	uint8_t granted;

	if (t->orphan || b->barred) {
		return FFA_DENIED;
	}
	code = ffa_retrieve_check(t, b, d, &granted);
	if (code == FFA_OK && b->held) {
		code = FFA_DENIED;
	}
	if (code == FFA_OK && ffa_is_local(caller)) {
		code = ffa_pages_map(t, caller, granted);
	}
	if (code == FFA_OK) {
		b->granted = granted;
		b->held = true;
		b->zero_after = (d->region.flags & FFA_RETRIEVE_ZERO_AFTER) != 0;
		t->held_count++;
	}
	return code;
}

/* A donation is over when the receiver has it and knows what it has. */
static void end_donation(struct ffa_transaction *t, const struct ffa_borrower *b)
{
	if (t->given && b->returned == t->range_count) {
		ffa_transaction_free(t);
	}
}

static enum ffa_code retrieve(struct ffa_endpoint *caller, const struct ffa_descriptor *d, uint8_t *rx, uint32_t size,
			      uint64_t *x)
{
	struct ffa_transaction *t = ffa_transaction_find(d->region.handle);
	struct ffa_memory_region region;
	struct ffa_memory_access_1_2 access;
	struct ffa_borrower *b;
	enum ffa_code code;

	if (t == NULL || !t->sent || t->given || t->below) {
		return FFA_INVALID_PARAMETERS;
	}
	code = find_borrower(caller, t, &b);
	if (code == FFA_OK) {
		code = hand_over(caller, t, b, d);
	}
	if (code != FFA_OK) {
		return code;
	}
	if (t->type == FFA_MEMORY_DONATE) {
		ffa_pages_forget(t);
		t->given = true;
	}
	region = response_region(t, ffa_response_attributes(t, b), 1);
	access = response_access(b, b->granted);
	respond(caller, t, &region, &access, rx, size, &b->returned, x);
	end_donation(t, b);
	return FFA_OK;
}

/*
 * The hypervisor asks what a handle means, before it takes the memory back ("hypervisor retrieve request"): the
 * description as it was sent. It may ask again at any time, and then begins anew.
 */
static enum ffa_code inspect(struct ffa_endpoint *caller, const struct ffa_descriptor *d, uint8_t *rx, uint32_t size,
			     uint64_t *x)
{
	struct ffa_transaction *t = ffa_transaction_find(d->region.handle);
	struct ffa_memory_access_1_2 access[FFA_RECEIVERS_MAX];
	struct ffa_memory_region region;

	if (ffa_is_local(caller) || t == NULL || !t->sent || t->given || ffa_is_local(t->owner) ||
	    d->region.sender != 0 || d->region.attributes != 0 || d->region.flags != 0 || d->region.tag != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		access[i] = response_access(&t->borrowers[i], t->borrowers[i].permissions);
	}
	region = response_region(t, (uint16_t)(t->attributes | FFA_ATTRIBUTE_NS), t->borrower_count);
	respond(caller, t, &region, access, rx, size, &t->inspected_ranges, x);
	t->inspected = t->inspected_ranges < t->range_count;
	return FFA_OK;
}

void ffa_mem_retrieve(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t length = (uint32_t)x[2], size;
	struct ffa_descriptor d;
	enum ffa_code code = FFA_INVALID_PARAMETERS;
	uint8_t *rx;

	if (lengths_ok(caller, x) && (uint32_t)x[1] == length) {
		code = ffa_descriptor_read(caller, length, &d);
	}
	if (code == FFA_OK && length != d.access_end && d.region.access_count != 0) {
		code = FFA_INVALID_PARAMETERS;
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
		return;
	}
	spin_lock(&lock);
	code = ffa_rx_begin(caller, &rx, &size);
	if (code == FFA_OK) {
		code = d.region.access_count == 0 ? inspect(caller, &d, rx, size, x)
						  : retrieve(caller, &d, rx, size, x);
		ffa_rx_end(caller, code == FFA_OK);
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
	}
	spin_unlock(&lock);
}

/* Who has been told a part of the ranges: where the count of them is; NULL if nothing more is to be told. */
static uint32_t *told_to(const struct ffa_endpoint *caller, struct ffa_transaction *t, struct ffa_borrower **b)
{
	*b = NULL;
	if (!ffa_is_local(caller) && t->inspected) {
		return &t->inspected_ranges;
	}
	if (find_borrower(caller, t, b) != FFA_OK || !(*b)->held || (*b)->returned == t->range_count) {
		return NULL;
	}
	return &(*b)->returned;
}

static enum ffa_code next_fragment(struct ffa_endpoint *caller, uint8_t *rx, uint32_t size, uint64_t *x)
{
	struct ffa_transaction *t = ffa_transaction_find(ffa_arg_pair(x, 1));
	uint32_t offset, *told, length;
	struct ffa_borrower *b;

	if (t == NULL || (uint32_t)x[4] != fragment_endpoint(caller, t->sender)) {
		return FFA_INVALID_PARAMETERS;
	}
	told = told_to(caller, t, &b);
	if (told == NULL) {
		return FFA_INVALID_PARAMETERS;
	}
	offset = ffa_descriptor_size(caller->version, b != NULL ? 1 : t->borrower_count) +
		 *told * (uint32_t)sizeof(struct ffa_constituent);
	if ((uint32_t)x[3] != offset) {
		return FFA_INVALID_PARAMETERS;
	}
	length = write_ranges(caller, t, rx, size, told);
	ffa_answer(x, FFA_MEM_FRAG_TX);
	ffa_put_pair(x, 1, t->handle);
	x[3] = length;
	x[4] = fragment_endpoint(caller, t->sender);
	if (b != NULL) {
		end_donation(t, b);
	} else {
		t->inspected = *told < t->range_count;
	}
	return FFA_OK;
}

void ffa_mem_frag_rx(struct ffa_endpoint *caller, uint64_t *x)
{
	enum ffa_code code;
	uint32_t size;
	uint8_t *rx;

	spin_lock(&lock);
	code = ffa_rx_begin(caller, &rx, &size);
	if (code == FFA_OK) {
		code = next_fragment(caller, rx, size, x);
		ffa_rx_end(caller, code == FFA_OK);
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
	}
	spin_unlock(&lock);
}

/* ---- giving back ---- */

/* The pages are their owner's again, or if that was a guest and has ended, nobody's. */
static void take_back(struct ffa_transaction *t, bool zero)
{
	zero_if(t, zero);
	if (t->orphan && t->owner->kind == FFA_KIND_GUEST) {
		ffa_pages_leave(t);
	} else {
		ffa_pages_return(t);
	}
	ffa_transaction_free(t);
}

/*
 * A borrower lets go. The zeroes that it wants are written when nobody else holds the memory; so are those that a dead
 * owner cannot ask for any more, since what it left in there is nobody's to read.
 */
static void let_go(struct ffa_transaction *t, struct ffa_borrower *b, struct ffa_endpoint *e, bool zero)
{
	if (ffa_is_local(e)) {
		ffa_pages_unmap(t, e);
	}
	t->zero_last |= zero || b->zero_after;
	b->held = false;
	b->zero_after = false;
	t->held_count--;
	if (t->held_count == 0) {
		zero_if(t, t->zero_last || (t->orphan && (t->owner_attrs & STAGE2_DEVICE) == 0));
		t->zero_last = false;
		if (t->orphan) {
			take_back(t, false);
		}
	}
}

static enum ffa_code relinquish(struct ffa_endpoint *caller, const struct ffa_relinquish *r, uint16_t endpoint)
{
	struct ffa_transaction *t = ffa_transaction_find(r->handle);
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
	spin_lock(&lock);
	ffa_answer_code(x, relinquish(caller, &r, endpoint));
	spin_unlock(&lock);
}

static enum ffa_code reclaim(struct ffa_endpoint *caller, uint64_t handle, bool zero)
{
	struct ffa_transaction *t = ffa_transaction_find(handle);

	if (t == NULL || t->given || !is_owner(caller, t)) {
		return FFA_INVALID_PARAMETERS;
	}
	/* Fragments are missing. */
	if (!t->sent) {
		give_up(t);
		return FFA_OK;
	}
	if (t->below) {
		enum ffa_code code = ffa_below->mem_reclaim(t, zero ? FFA_MEM_ZERO : 0);

		if (code == FFA_OK) {
			take_back(t, false);
		}
		return code;
	}
	if (t->held_count != 0 || (zero && !ffa_may_zero(t->owner_attrs))) {
		return FFA_DENIED;
	}
	take_back(t, zero);
	return FFA_OK;
}

void ffa_mem_reclaim(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t flags = (uint32_t)x[3];

	if ((flags & ~(FFA_MEM_ZERO | FFA_MEM_TIME_SLICE)) != 0) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	spin_lock(&lock);
	ffa_answer_code(x, reclaim(caller, ffa_arg_pair(x, 1), (flags & FFA_MEM_ZERO) != 0));
	spin_unlock(&lock);
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

/* True if the memory stays out. */
static bool drop_owner(struct ffa_transaction *t)
{
	if (!t->sent) {
		give_up(t);
	} else if (t->below) {
		t->orphan = ffa_below->mem_reclaim(t, 0) != FFA_OK;
		if (t->orphan) {
			return true;
		}
		take_back(t, false);
	} else if (t->held_count != 0 && !t->given) {
		t->orphan = true;
		return true;
	} else if (!t->given) { /* else it is the receiver's already */
		take_back(t, false);
	}
	return false;
}

bool ffa_mem_drop(struct ffa_endpoint *e)
{
	struct list *all, *next;
	bool out = false;

	spin_lock(&lock);
	all = ffa_transactions();
	for (struct list *node = all->next; node != all; node = next) {
		struct ffa_transaction *t = list_entry(node, struct ffa_transaction, node);

		next = node->next;
		if (t->owner == e) {
			out |= t->orphan || drop_owner(t);
		} else {
			drop_borrower(t, e);
		}
	}
	spin_unlock(&lock);
	return out;
}

/* ---- guests ---- */

void ffa_mem_set_space(struct ffa_endpoint *e, struct ffa_space *space)
{
	spin_lock(&lock);
	e->space = space;
	spin_unlock(&lock);
}

unsigned ffa_mem_retry(void)
{
	struct list *all, *next;
	unsigned left = 0;

	spin_lock(&lock);
	all = ffa_transactions();
	for (struct list *node = all->next; node != all; node = next) {
		struct ffa_transaction *t = list_entry(node, struct ffa_transaction, node);

		next = node->next;
		if (!t->orphan || !t->below) {
			continue;
		}
		if (ffa_below->mem_reclaim(t, 0) == FFA_OK) {
			take_back(t, true);
		} else {
			left++;
		}
	}
	spin_unlock(&lock);
	return left;
}

void ffa_mem_each_held(struct ffa_endpoint *guest)
{
	spin_lock(&lock);
	list_for_each (node, ffa_transactions()) {
		struct ffa_transaction *t = list_entry(node, struct ffa_transaction, node);

		for (uint32_t i = 0; t->owner == guest && t->orphan && i < t->range_count; i++) {
			const struct ffa_constituent *range = ffa_transaction_range(t, i);

			t->space->guest_ops->held(guest, t->borrowers[0].id, pa(range->address), range->page_count);
		}
	}
	spin_unlock(&lock);
}

/* ---- when memory is short ---- */

void ffa_mem_compact(void)
{
	spin_lock(&lock);
	ffa_spaces_compact();
	spin_unlock(&lock);
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

unsigned ffa_mem_count(void)
{
	unsigned count = 0;

	spin_lock(&lock);
	list_for_each (node, ffa_transactions()) {
		count++;
	}
	spin_unlock(&lock);
	return count;
}

void ffa_mem_reset(void)
{
	lock = (struct spinlock){ 0 };
	ffa_transactions_reset();
}
