/* SPDX-License-Identifier: MIT */
/* What the files of memory transactions owe each other: memory.c (calls), memory_rules.c, memory_pages.c. */
#ifndef FFA_MEMORY_PRIV_H
#define FFA_MEMORY_PRIV_H

#include "core/mm/stage2.h"
#include "ffa/descriptor.h"
#include "ffa/transaction.h"

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

/* ---- memory_pages.c: the pages, in all tables that know them ---- */

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
 * if it has something there; FFA_NO_MEMORY.
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
