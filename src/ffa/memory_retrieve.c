/* SPDX-License-Identifier: MIT */
/* Retrieving: a borrower gets the pages, and is told of them, at once or in fragments. */
#include "ffa/answer.h"
#include "ffa/endpoint.h"
#include "ffa/mailbox.h"
#include "ffa/memory.h"
#include "ffa/memory_priv.h"

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

static uint64_t given_bytes(const struct ffa_transaction *t)
{
	return t->type == FFA_MEMORY_DONATE ? (uint64_t)t->page_count * PAGE_SIZE : 0;
}

/* It may be given so much for good. */
static bool may_have(const struct ffa_space *space, uint64_t given)
{
	return space->given_bytes_max == 0 || given <= space->given_bytes_max - space->given_bytes;
}

/* Maps the pages for the caller, once. The bytes that it was given are counted before, so that none are over. */
static enum ffa_code map_once(struct ffa_transaction *t, struct ffa_endpoint *caller, uint8_t permissions)
{
	uint64_t given = given_bytes(t);
	struct ffa_space *space = caller->space;
	enum ffa_code code;

	if (!may_have(space, given)) {
		return FFA_NO_MEMORY;
	}
	space->given_bytes += given;
	space->mapping++;
	ffa_work_begin(t);
	code = ffa_pages_map(t, caller, permissions);
	ffa_work_end(t);
	space->mapping--;
	space->given_bytes -= code == FFA_OK ? 0 : given;
	return code;
}

static enum ffa_code map(struct ffa_transaction *t, struct ffa_endpoint *caller, uint8_t permissions)
{
	enum ffa_code code = map_once(t, caller, permissions);

	if (code == FFA_NO_MEMORY && may_have(caller->space, given_bytes(t))) {
		ffa_spaces_compact();
		code = map_once(t, caller, permissions);
	}
	return code;
}

static void unmap(struct ffa_transaction *t, struct ffa_endpoint *caller)
{
	caller->space->mapping++;
	ffa_work_begin(t);
	ffa_pages_unmap(t, caller);
	ffa_work_end(t);
	caller->space->mapping--;
	caller->space->given_bytes -= given_bytes(t);
}

/* The borrower gets the pages. What VMs have is the hypervisor's business. */
static enum ffa_code hand_over(struct ffa_endpoint *caller, struct ffa_transaction *t, struct ffa_borrower *b,
			       const struct ffa_descriptor *d, uint8_t *granted)
{
	enum ffa_code code;

	if (t->orphan || b->barred) {
		return FFA_DENIED;
	}
	code = ffa_retrieve_check(t, b, d, granted);
	if (code == FFA_OK && b->held) {
		code = FFA_DENIED;
	}
	return code == FFA_OK && ffa_is_local(caller) ? map(t, caller, *granted) : code;
}

/* A donation is over when the receiver has it and knows what it has. */
static void end_donation(struct ffa_transaction *t, const struct ffa_borrower *b)
{
	if (t->given && b->returned == t->range_count) {
		ffa_transaction_free(t);
	}
}

/* The caller has the pages: it is told, if its RX buffer can be had. */
static enum ffa_code tell(struct ffa_endpoint *caller, struct ffa_transaction *t, struct ffa_borrower *b,
			  const struct ffa_descriptor *d, uint64_t *x)
{
	struct ffa_memory_region region = response_region(t, ffa_response_attributes(t, b), 1);
	struct ffa_memory_access_1_2 access;
	uint32_t size;
	uint8_t *rx;
	enum ffa_code code = ffa_rx_begin(caller, &rx, &size);

	if (code == FFA_OK) {
		b->held = true;
		b->zero_after = (d->region.flags & FFA_RETRIEVE_ZERO_AFTER) != 0;
		t->held_count++;
		access = response_access(b, b->granted);
		respond(caller, t, &region, &access, rx, size, &b->returned, x);
		ffa_rx_end(caller, true);
	}
	return code;
}

static enum ffa_code retrieve(struct ffa_endpoint *caller, const struct ffa_descriptor *d, uint64_t *x)
{
	struct ffa_transaction *t = ffa_mem_find(caller, d->region.handle);
	struct ffa_borrower *b;
	enum ffa_code code;
	uint8_t granted;

	if (t == NULL || !t->sent || t->given || t->below) {
		return FFA_INVALID_PARAMETERS;
	}
	code = find_borrower(caller, t, &b);
	if (code == FFA_OK) {
		code = hand_over(caller, t, b, d, &granted);
	}
	if (code != FFA_OK) {
		return code;
	}
	b->granted = granted;
	code = tell(caller, t, b, d, x);
	if (code != FFA_OK && ffa_is_local(caller)) {
		unmap(t, caller);
	} else if (code == FFA_OK && t->type == FFA_MEMORY_DONATE) {
		t->given = true;
		ffa_work_begin(t);
		ffa_pages_forget(t);
		ffa_work_end(t);
		end_donation(t, b);
	}
	return code;
}

/*
 * The hypervisor asks what a handle means, before it takes the memory back ("hypervisor retrieve request"): the
 * description as it was sent. It may ask again at any time, and then begins anew.
 */
static enum ffa_code inspect(struct ffa_endpoint *caller, const struct ffa_descriptor *d, uint64_t *x)
{
	struct ffa_transaction *t = ffa_transaction_find(d->region.handle);
	struct ffa_memory_access_1_2 access[FFA_RECEIVERS_MAX];
	struct ffa_memory_region region;
	enum ffa_code code;
	uint32_t size;
	uint8_t *rx;

	if (ffa_is_local(caller) || t == NULL || !t->sent || t->given || ffa_is_local(t->owner) ||
	    d->region.sender != 0 || d->region.attributes != 0 || d->region.flags != 0 || d->region.tag != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	code = ffa_rx_begin(caller, &rx, &size);
	if (code != FFA_OK) {
		return code;
	}
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		access[i] = response_access(&t->borrowers[i], t->borrowers[i].permissions);
	}
	region = response_region(t, (uint16_t)(t->attributes | FFA_ATTRIBUTE_NS), t->borrower_count);
	respond(caller, t, &region, access, rx, size, &t->inspected_ranges, x);
	t->inspected = t->inspected_ranges < t->range_count;
	ffa_rx_end(caller, true);
	return FFA_OK;
}

void ffa_mem_retrieve(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t length = (uint32_t)x[2];
	struct ffa_descriptor d;
	enum ffa_code code = FFA_INVALID_PARAMETERS;

	if (ffa_lengths_ok(caller, x) && (uint32_t)x[1] == length) {
		code = ffa_descriptor_read(caller, length, &d);
	}
	if (code == FFA_OK && length != d.access_end && d.region.access_count != 0) {
		code = FFA_INVALID_PARAMETERS;
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
		return;
	}
	spin_lock(&ffa_mem_lock);
	code = d.region.access_count == 0 ? inspect(caller, &d, x) : retrieve(caller, &d, x);
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
	}
	spin_unlock(&ffa_mem_lock);
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

static enum ffa_code next_fragment(struct ffa_endpoint *caller, struct ffa_transaction *t, uint8_t *rx, uint32_t size,
				   uint64_t *x)
{
	uint32_t offset, *told, length;
	struct ffa_borrower *b;

	if (t == NULL || (uint32_t)x[4] != ffa_fragment_endpoint(caller, t->sender)) {
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
	x[4] = ffa_fragment_endpoint(caller, t->sender);
	if (b != NULL) {
		end_donation(t, b);
	} else {
		t->inspected = *told < t->range_count;
	}
	return FFA_OK;
}

void ffa_mem_frag_rx(struct ffa_endpoint *caller, uint64_t *x)
{
	struct ffa_transaction *t;
	enum ffa_code code;
	uint32_t size;
	uint8_t *rx;

	spin_lock(&ffa_mem_lock);
	/* Before the mailbox is locked: it may have to wait, without the lock, for one that wants the mailbox. */
	t = ffa_mem_find(caller, ffa_arg_pair(x, 1));
	code = ffa_rx_begin(caller, &rx, &size);
	if (code == FFA_OK) {
		code = next_fragment(caller, t, rx, size, x);
		ffa_rx_end(caller, code == FFA_OK);
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
	}
	spin_unlock(&ffa_mem_lock);
}
