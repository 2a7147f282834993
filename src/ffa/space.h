/* SPDX-License-Identifier: MIT */
/*
 * The memory that an endpoint may reach, and what it is to him: owned, shared by him, lent by him, or borrowed. The
 * fact stands in the two software bits of the leaf (core/mm/stage2.h). Addresses are the same to all (IPA = PA); the
 * normal world's table is never loaded: it holds the fact alone, since its accesses do not go through us.
 *
 * A page of the normal world is in its 'ns' table. An SP's Secure memory is in 'secure' (VSTTBR_EL2), Non-secure
 * memory that it owns or borrows is in 'ns' (VTTBR_EL2), where its stage 1 reaches it with NS = 1.
 */
#ifndef FFA_SPACE_H
#define FFA_SPACE_H

#include "core/mm/stage2.h"

struct ffa_space {
	struct stage2 secure; /* an SP's; not used for the normal world */
	struct stage2 ns;
	bool is_nwd;
	uint64_t record_bytes; /* that records of its open transactions take; under the lock of memory.c */
};

/* Empty tables for an SP, both with the VMID. ERR_RANGE and ERR_NO_MEMORY as stage2_init(). */
enum err ffa_space_init(struct ffa_space *space, unsigned ipa_bits, uint16_t vmid, uint64_t id_aa64mmfr0,
			uint64_t id_aa64mmfr1);
/* An empty table for the normal world. */
enum err ffa_space_init_nwd(struct ffa_space *space, unsigned ipa_bits, uint64_t id_aa64mmfr0);
/* Frees the tables; nothing may run on them any more. */
void ffa_space_destroy(struct ffa_space *space);

/* The table of 'space' that maps the byte, or NULL if neither does. */
struct stage2 *ffa_space_table(struct ffa_space *space, uint64_t address);

/*
 * Gives back what the tables of all endpoints could do without. Slow; for when memory is short. Under the lock of
 * memory.c and not while pages of a transaction are on their way: ffa_mem_compact() is for all others.
 */
void ffa_spaces_compact(void);

#endif
