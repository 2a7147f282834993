/* SPDX-License-Identifier: MIT */
/* Sending: a transaction begins, with all of its ranges at once or in fragments. */
#include "ffa/answer.h"
#include "ffa/below.h"
#include "ffa/endpoint.h"
#include "ffa/mailbox.h"
#include "ffa/memory.h"
#include "ffa/memory_priv.h"

/*
 * A guest sends to SPs: the SPMC below gets the description with its ranges up to number 'ranges', as far as it has not
 * yet. It hears of fragments as they come, so that no call takes long; the last range it gets when the pages are taken,
 * and zeroes them if that is wanted.
 */
static enum ffa_code tell_below(struct ffa_transaction *t, uint32_t ranges)
{
	enum ffa_code code = FFA_OK;

	if (!t->told_below) {
		t->below_handle = FFA_HANDLE_INVALID;
		code = ffa_below->mem_send(t, ranges);
		ffa_work_lock(t);
		if (!ffa_transaction_set_below(t) && code == FFA_OK) {
			code = FFA_ABORTED;
		}
		ffa_work_unlock(t);
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
	} else if (code == FFA_OK && (t->flags & FFA_MEM_ZERO) != 0) {
		ffa_pages_zero(t);
	}
	return code;
}

/* Takes ranges that a fragment of 'length' bytes ends with, from 'at' on, and answers. The record goes if it fails. */
static void take_fragment(struct ffa_endpoint *caller, struct ffa_transaction *t, uint32_t at, uint32_t length,
			  uint64_t *x)
{
	enum ffa_code code = ffa_transaction_append(t, caller, at,
						    (length - at) / (uint32_t)sizeof(struct ffa_constituent));
	bool last = t->ranges_in == t->range_count;

	t->received += length;
	if (code == FFA_OK && (last || t->below)) {
		ffa_work_begin(t);
		code = last ? complete(t) : tell_below(t, t->ranges_in);
		ffa_work_end(t);
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
		ffa_mem_give_up(t);
	} else if (last) {
		t->sent = true;
		ffa_answer_success(x);
		ffa_put_pair(x, 2, t->handle);
	} else {
		ffa_answer(x, FFA_MEM_FRAG_RX);
		ffa_put_pair(x, 1, t->handle);
		x[3] = t->received;
		x[4] = ffa_fragment_endpoint(caller, t->sender);
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
	enum ffa_code code = ffa_lengths_ok(caller, x) ? ffa_descriptor_read(caller, length, &d)
						       : FFA_INVALID_PARAMETERS;

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
	spin_lock(&ffa_mem_lock);
	code = new_record(caller, type, &d, composite, &t);
	if (code == FFA_OK) {
		take_fragment(caller, t, at, length, x);
	} else {
		ffa_answer_error(x, code);
	}
	spin_unlock(&ffa_mem_lock);
}

void ffa_mem_frag_tx(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t length = (uint32_t)x[3];
	struct ffa_transaction *t;

	if (length == 0 || !IS_ALIGNED(length, sizeof(struct ffa_constituent)) || length > ffa_mailbox_size(caller)) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	spin_lock(&ffa_mem_lock);
	t = ffa_mem_find(caller, ffa_arg_pair(x, 1));
	if (t == NULL || t->sent || !ffa_mem_is_owner(caller, t) ||
	    (uint32_t)x[4] != ffa_fragment_endpoint(caller, t->sender)) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
	} else {
		take_fragment(caller, t, 0, length, x);
	}
	spin_unlock(&ffa_mem_lock);
}
