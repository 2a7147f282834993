/* SPDX-License-Identifier: MIT */
/*
 * The record of a memory transaction. The lock of memory.c is held over all of this.
 *
 * A record is found by its handle: the number of a slot, and above it a count that never repeats; or, if the SPMC below
 * made the handle, by a hash of that. Ranges lie in the record if they are few, else in pages of their own, which
 * come as fragments fill them. What a sender's records may take is bounded (FFA_RECORDS_SHARE), so that nobody can
 * take all memory.
 */
#ifndef FFA_TRANSACTION_H
#define FFA_TRANSACTION_H

#include "abi/ffa.h"
#include "ffa/descriptor.h"
#include "lib/base.h"
#include "lib/list.h"

struct ffa_endpoint;

/* 2 MiB of ranges: what a descriptor can be at most. */
#define FFA_RANGES_MAX 131072
#define FFA_RANGES_IN_RECORD 4
#define FFA_RANGES_PER_PAGE (PAGE_SIZE / sizeof(struct ffa_constituent))
/* The part (1 / this) of the pool that the records of one sender, or of all the normal world, may take. */
#define FFA_RECORDS_SHARE 4

/* A receiver. It holds the memory from its retrieve request until it relinquishes. */
struct ffa_borrower {
	uint16_t id;
	uint8_t permissions; /* as the sender said */
	uint8_t granted; /* as the last retrieve request was answered */
	bool held;
	bool zero_after; /* it asked for zeroes when it relinquishes */
	bool barred; /* it died: that instance of it retrieves no more */
	uint32_t returned; /* ranges it was told of, while it holds */
	uint64_t implementation[2];
};

struct ffa_transaction {
	struct list node;
	uint64_t handle;
	uint32_t slot; /* of the record */
	struct ffa_endpoint *owner; /* the sender, or id 0 for any in the normal world */
	struct ffa_space *space;    /* the owner's; while it lives, or none but to account for the record */
	uint16_t sender;
	enum ffa_memory_type type;
	bool busy; /* a call works on its pages, without the lock: nobody else changes it (memory_priv.h) */
	bool sent; /* all fragments have come, and the pages are in the state that the type says */
	bool given; /* a donation that was retrieved: the handle is good for the rest of the response alone */
	bool orphan; /* the owner died: it ends when nobody holds it, and nobody can retrieve it */
	bool zero_last; /* a borrower wants it zeroed as soon as nobody holds it */
	bool ns;
	bool wide; /* the sender gave implementation defined words */
	bool inspected; /* the hypervisor is fetching the description */
	bool below; /* of a guest for SPs: who retrieves it is the business of the SPMC below, if it was told of it */
	bool told_below;
	bool leaving; /* the SPMC below is told to forget it: from then on it may give the handle to another */
	uint64_t below_handle; /* that it gave; the same as 'handle' then */
	uint32_t ranges_below; /* that it was told of */
	struct list below_node; /* if told_below */
	uint16_t attributes;
	uint32_t flags;
	uint64_t tag;
	unsigned owner_attrs; /* STAGE2_*: what all pages were to the owner before; valid when sent */
	uint32_t received; /* bytes of the descriptor */
	uint32_t page_count, range_count;
	uint32_t ranges_in; /* ranges that have come */
	uint64_t pages_in; /* pages in them */
	uint32_t inspected_ranges;
	uint32_t held_count;
	uint32_t borrower_count;
	uint64_t record_bytes;
	struct ffa_constituent few[FFA_RANGES_IN_RECORD]; /* physical addresses */
	struct ffa_constituent **pages; /* NULL if they are few */
	struct ffa_borrower borrowers[];
};

/*
 * A record with a handle and room for the receivers and ranges that the descriptor names; all else is zero.
 * FFA_NO_MEMORY.
 */
enum ffa_code ffa_transaction_new(struct ffa_endpoint *owner, const struct ffa_descriptor *d,
				  struct ffa_composite composite, struct ffa_transaction **out);
void ffa_transaction_free(struct ffa_transaction *t);
/*
 * The SPMC below was told of it, and has given it t->below_handle. False, and it has not: that is a handle of ours, or
 * another transaction's that is not leaving, to whose pages it would lead.
 */
bool ffa_transaction_set_below(struct ffa_transaction *t);
/* NULL if there is none of that handle. One that is leaving only if there is no other. */
struct ffa_transaction *ffa_transaction_find(uint64_t handle);
/* All of them: the list's head. */
struct list *ffa_transactions(void);
/*
 * A place in that list that stays while the lock is dropped: a record of zeroes, without an owner, that is inserted
 * there. The transaction behind it, or NULL; and on behind that one.
 */
struct ffa_transaction *ffa_transaction_after(const struct ffa_transaction *place);
void ffa_transaction_pass(struct ffa_transaction *place, struct ffa_transaction *t);
void ffa_transactions_reset(void);

/*
 * Reads 'count' more ranges from 'offset' of the TX buffer. FFA_INVALID_PARAMETERS if one is no range of whole pages,
 * or they are more than the descriptor said; FFA_NO_MEMORY. The record is good for nothing after either.
 */
enum ffa_code ffa_transaction_append(struct ffa_transaction *t, struct ffa_endpoint *from, uint32_t offset,
				     uint32_t count);

static inline struct ffa_constituent *ffa_transaction_range(struct ffa_transaction *t, uint32_t index)
{
	return t->pages == NULL ? &t->few[index] : &t->pages[index / FFA_RANGES_PER_PAGE][index % FFA_RANGES_PER_PAGE];
}

/* The receiver with that id, or NULL. */
struct ffa_borrower *ffa_transaction_borrower(struct ffa_transaction *t, uint16_t id);

#endif
