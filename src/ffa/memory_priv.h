/* SPDX-License-Identifier: MIT */
/*
 * What the files of memory transactions owe each other: memory_send.c, memory_retrieve.c and memory.c (the calls),
 * memory_work.c, memory_rules.c, memory_pages.c.
 *
 * The lock is for all transactions. Pages have the locks of their tables, and belong to a transaction by what is in
 * there; so the lock is dropped while many of them are changed or zeroed, devices are waited for, or the SPMC below is
 * called. A transaction is 'busy' then: whoever has to do with it waits for the end of that, and nobody else.
 */
#ifndef FFA_MEMORY_PRIV_H
#define FFA_MEMORY_PRIV_H

#include "arch/spinlock.h"
#include "core/mm/stage2.h"
#include "ffa/descriptor.h"
#include "ffa/endpoint.h"
#include "ffa/transaction.h"

/* ---- memory_work.c: the lock, and work without it ---- */

extern struct spinlock ffa_mem_lock;

/*
 * Around work on a transaction's pages that may take long. The lock is held before and after; between, if it is long
 * indeed, not. The caller has the transaction from ffa_mem_find(), so that it is not busy, or has made it.
 */
void ffa_work_begin(struct ffa_transaction *t);
void ffa_work_end(struct ffa_transaction *t);
/* Inside of it: around what needs the lock. */
void ffa_work_lock(const struct ffa_transaction *t);
void ffa_work_unlock(const struct ffa_transaction *t);
/* Gives up the lock until the work on any transaction ends. */
void ffa_work_wait(void);

/* Whether it is the endpoint's, or names it as a receiver. */
bool ffa_mem_concerns(struct ffa_transaction *t, const struct ffa_endpoint *e);
/* The transaction of that handle or NULL; not busy, unless it does not concern the caller. The lock is held. */
struct ffa_transaction *ffa_mem_find(const struct ffa_endpoint *caller, uint64_t handle);

/* ---- what calls share; the lock is held ---- */

/* memory.c: whether the caller sent it, or the normal world if the caller is its hypervisor; and lives. */
bool ffa_mem_is_owner(const struct ffa_endpoint *caller, const struct ffa_transaction *t);
/* One that is not complete: its pages were never touched. What the SPMC below was told so far, it forgets. */
void ffa_mem_give_up(struct ffa_transaction *t);
/*
 * The endpoint whose descriptor or fragment it is, as w4 names it; a partition is the caller itself and names nobody.
 */
static inline uint32_t ffa_fragment_endpoint(const struct ffa_endpoint *caller, uint16_t id)
{
	return ffa_is_local(caller) ? 0 : (uint32_t)id << 16;
}
/*
 * What announces a descriptor: w1 all its bytes, w2 those that are in the TX buffer. A buffer elsewhere, in x3 and w4,
 * is not supported.
 */
static inline bool ffa_lengths_ok(const struct ffa_endpoint *caller, const uint64_t *x)
{
	uint64_t address = (x[0] & FFA_64) != 0 ? x[3] : (uint32_t)x[3];
	uint32_t total = (uint32_t)x[1], length = (uint32_t)x[2];

	return address == 0 && (uint32_t)x[4] == 0 && length <= total && length <= ffa_mailbox_size(caller);
}

/* ---- memory_rules.c: what may be asked; nothing is changed ---- */

/*
 * Whether 'caller' may send what the descriptor says (DEN0140), its pages aside. FFA_INVALID_PARAMETERS or
 * FFA_DENIED.
 */
enum ffa_code ffa_send_check(const struct ffa_endpoint *caller, enum ffa_memory_type type,
			     const struct ffa_descriptor *d);
/* Whether the receivers may have what the sender's pages, of these attributes (STAGE2_*), are. */
enum ffa_code ffa_send_check_pages(const struct ffa_transaction *t, unsigned owner_attrs);
/*
 * Whether 'borrower' may have what its retrieve request says. FFA_OK and the permissions (FFA_PERMISSION_*) that it
 * gets.
 */
enum ffa_code ffa_retrieve_check(const struct ffa_transaction *t, const struct ffa_borrower *borrower,
				 const struct ffa_descriptor *d, uint8_t *granted);
/* Whether anybody may ask for zeroes in pages of these attributes: what their owner can write, and no device. */
static inline bool ffa_may_zero(unsigned owner_attrs)
{
	return (owner_attrs & (unsigned)(STAGE2_W | STAGE2_DEVICE)) == STAGE2_W;
}
/* The attributes that a description of the transaction tells the borrower. In the normal world NS has no meaning. */
uint16_t ffa_response_attributes(const struct ffa_transaction *t, const struct ffa_borrower *borrower);

/* ---- memory_pages.c: the pages, in all tables that know them; work ---- */

/*
 * Takes the pages from their owner, as the type says: all or, if it fails, none. FFA_DENIED if they are not all of one
 * kind and the owner's alone, or not as the receivers' permissions need; FFA_INVALID_PARAMETERS if ranges overlap;
 * FFA_NO_MEMORY. t->ns and t->owner_attrs are valid after FFA_OK.
 */
enum ffa_code ffa_pages_take(struct ffa_transaction *t);
/* Undoes that. It needs no memory. */
void ffa_pages_return(struct ffa_transaction *t);
/*
 * Maps the pages for a borrower with the permissions, as borrowed or, if donated, as its own. All or none. FFA_DENIED
 * if it has something there; FFA_NO_MEMORY. Its space is 'mapping' meanwhile.
 */
enum ffa_code ffa_pages_map(struct ffa_transaction *t, struct ffa_endpoint *borrower, uint8_t permissions);
/* Unmaps them. It needs no memory. */
void ffa_pages_unmap(struct ffa_transaction *t, struct ffa_endpoint *borrower);
/* Removes what is left of donated pages in the tables of who was their owner. */
void ffa_pages_forget(struct ffa_transaction *t);
/* Hands them to the role: the guest that owned them has ended, and its tables with it. */
void ffa_pages_leave(struct ffa_transaction *t);
void ffa_pages_zero(struct ffa_transaction *t);

#endif
