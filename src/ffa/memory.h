/* SPDX-License-Identifier: MIT */
/*
 * Memory transactions (DEN0140; FF-A 1.0 in its chapter 5): share, lend and donate; retrieve, relinquish, reclaim.
 *
 *                send               retrieve (per borrower)      relinquish        reclaim
 *   (nothing) --------> SENDING/SENT ----------------------> held ----------> SENT --------> (nothing)
 *
 * Each call is all or nothing to everybody. Who asks about a transaction whose pages another call is just changing
 * waits for that; the lock of transactions, for which all wait, is held for a short time only (memory_priv.h).
 */
#ifndef FFA_MEMORY_H
#define FFA_MEMORY_H

#include "abi/ffa.h"
#include "lib/addr.h"

struct ffa_endpoint;
struct ffa_space;

/* 'x' is the call, and is answered. x[0] says which of a pair (SMC32, SMC64) it is. */
void ffa_mem_send(struct ffa_endpoint *caller, uint64_t *x);     /* DONATE, LEND, SHARE */
void ffa_mem_frag_tx(struct ffa_endpoint *caller, uint64_t *x);
void ffa_mem_retrieve(struct ffa_endpoint *caller, uint64_t *x); /* the hypervisor's too */
void ffa_mem_frag_rx(struct ffa_endpoint *caller, uint64_t *x);
void ffa_mem_relinquish(struct ffa_endpoint *caller, uint64_t *x);
void ffa_mem_reclaim(struct ffa_endpoint *caller, uint64_t *x);

/*
 * An endpoint died: gives back what it borrowed (zeroed where it could write what was lent to it alone, or asked for
 * that), and takes back what it sent and nobody holds. The rest nobody can retrieve any more; the last borrower to give
 * it back ends it, and it is zeroed then. True if there is such a rest: those pages are not the endpoint's yet, and
 * their transactions count on its tables.
 */
bool ffa_mem_drop(struct ffa_endpoint *e);

/* Where somebody is who goes over all transactions, and how many of those that he met remain. */
struct ffa_mem_walk {
	struct ffa_transaction *place; /* zeroed, and nobody else's */
	unsigned left;
	bool begun;
};
/*
 * The same, a few transactions at a time: true, if there are more, or if one of them is worked on by somebody else just
 * now. The walk is zero but for its place when it begins, and again at the end but for 'left'.
 */
bool ffa_mem_drop_some(struct ffa_endpoint *e, struct ffa_mem_walk *walk);

/*
 * A guest's address space while its VM has memory, else NULL. Nothing of the guest runs; before NULL, ffa_mem_drop().
 */
void ffa_mem_set_space(struct ffa_endpoint *e, struct ffa_space *space);
/* Asks the SPMC below again for what guests that have ended had given to SPs, some at a time. True: there are more. */
bool ffa_mem_retry_some(struct ffa_mem_walk *walk);
/* The walk ends, wherever it is, if it has begun at all. */
void ffa_mem_walk_stop(struct ffa_mem_walk *walk);
/* Pages of a guest that had ended which others still hold. */
uint64_t ffa_mem_held_pages(const struct ffa_endpoint *guest);
/*
 * Tells the role of each transaction of the guest that others still hold after it ended (space.h, held()). None of
 * the pages comes back before all have been told.
 */
void ffa_mem_each_held(struct ffa_endpoint *guest);

/*
 * Memory is short: gives back what tables could do without (ffa_spaces_compact()), so that one may try again once.
 * Slow; takes the lock of transactions, so none below it may be held.
 */
void ffa_mem_compact(void);
/* pool_alloc_object() that tries again after that. NULL if there is no memory all the same. */
void *ffa_mem_alloc_object(size_t size);

/* Transactions that exist, for logs and tests. */
unsigned ffa_mem_count(void);
/* Forgets everything, for host tests that start afresh. */
void ffa_mem_reset(void);

#endif
