/* SPDX-License-Identifier: MIT */
/*
 * The memory that an endpoint may reach, and what it is to him: owned, shared by him, lent by him, or borrowed. The
 * fact stands in the two software bits of the leaf (core/mm/stage2.h). Addresses are the same to all (IPA = PA); the
 * normal world's table is never loaded: it holds the fact alone, since its accesses do not go through us.
 *
 * A page of the normal world is in its 'ns' table. An SP's Secure memory is in 'secure' (VSTTBR_EL2), Non-secure
 * memory that it owns or borrows is in 'ns' (VTTBR_EL2), where its stage 1 reaches it with NS = 1.
 *
 * A guest of a hypervisor has its VM's own tables, and addresses that are not physical ones: its RAM, in one piece, is
 * 'own_offset' below where it is physically, and what it borrows is 'borrowed_offset' above that, so that nobody need
 * look for room. For all others both are zero.
 */
#ifndef FFA_SPACE_H
#define FFA_SPACE_H

#include "core/mm/stage2.h"

struct ffa_endpoint;

/* What a hypervisor is told of a guest's pages. The lock of memory.c is held. */
struct ffa_guest_ops {
	/* Pages are about to be given away (guest_mem.h: away): neither the VM nor its devices may reach them then. */
	void (*giving)(struct ffa_endpoint *guest);
	/* They are out of its tables: when this returns nobody reaches them for the VM. */
	void (*given)(struct ffa_endpoint *guest);
	/* They are in its tables again, or were never out. */
	void (*back)(struct ffa_endpoint *guest);

	/* Of one that has ended: a transaction's are held still; 'by': one of those who do, 'base': the first. */
	void (*held)(struct ffa_endpoint *guest, uint16_t by, pa_t base, uint64_t pages);
	/* Nobody holds them any more, and they are zeroed. */
	void (*pages_back)(struct ffa_endpoint *guest, pa_t base, uint64_t pages);
};

struct ffa_space {
	struct stage2 secure; /* an SP's; not used for others */
	struct stage2 ns; /* not used for guests */
	struct stage2 *guest; /* a guest's, else NULL, as the next */
	const struct ffa_guest_ops *guest_ops;
	bool is_nwd;
	uint64_t own_base, own_size; /* a guest's RAM: all that it can give to others */
	uint64_t own_offset; /* of it: physical address less IPA, modulo 2^64 */
	uint64_t borrowed_offset; /* of what a guest borrows: IPA less physical address */
	/* Under the lock of memory.c: what records of its open transactions take, and may take; 0: what all may. */
	uint64_t record_bytes, record_bytes_max;
	/* The same lock: calls that map what was sent to it; its tables stay as they are. */
	unsigned mapping;
	/* The same lock: bytes that were donated to a guest, and may be; max 0: any. The role counts what it frees. */
	uint64_t given_bytes, given_bytes_max;
};

/* A guest's IPA space: its devices and RAM are in the lower half, what it borrows in the upper one. */
#define FFA_GUEST_IPA_BITS 40
#define FFA_BORROWED_BASE BIT(FFA_GUEST_IPA_BITS - 1)

/* Empty tables for an SP, both with the VMID. ERR_RANGE and ERR_NO_MEMORY as stage2_init(). */
enum err ffa_space_init(struct ffa_space *space, unsigned ipa_bits, uint16_t vmid, uint64_t id_aa64mmfr0,
			uint64_t id_aa64mmfr1);
/* An empty table for the normal world. */
enum err ffa_space_init_nwd(struct ffa_space *space, unsigned ipa_bits, uint64_t id_aa64mmfr0);
/*
 * A guest's, whose tables (STAGE2_ENDPOINT, FFA_GUEST_IPA_BITS) map 'size' bytes of RAM at 'base' to 'ram', and may map
 * other memory too, which it cannot give to others; they stay the VM's. Its records are as they were: those of pages
 * that others still hold outlive a VM's memory.
 */
void ffa_space_init_guest(struct ffa_space *space, const struct ffa_guest_ops *ops, struct stage2 *tables, ipa_t base,
			  pa_t ram, uint64_t size);
/* Frees the tables, but a guest's; nothing may run on them any more. */
void ffa_space_destroy(struct ffa_space *space);

static inline struct stage2 *ffa_space_ns(struct ffa_space *space)
{
	return space->guest != NULL ? space->guest : &space->ns;
}

/* Whether the endpoint could give that to others as far as its address tells. What it is there, the tables tell. */
static inline bool ffa_space_may_give(const struct ffa_space *space, ipa_t base, uint64_t size)
{
	return space->guest == NULL || range_in(base.v, size, space->own_base, space->own_size);
}

/* The table of 'space' that maps the byte, or NULL if neither does. */
struct stage2 *ffa_space_table(struct ffa_space *space, uint64_t address);

/*
 * Gives back what the tables of all endpoints could do without. Slow; for when memory is short. Under the lock of
 * memory.c and not while pages of a transaction are on their way: ffa_mem_compact() is for all others.
 */
void ffa_spaces_compact(void);

#endif
