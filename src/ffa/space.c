/* SPDX-License-Identifier: MIT */
#include "ffa/space.h"

#include "ffa/endpoint.h"

enum err ffa_space_init(struct ffa_space *space, unsigned ipa_bits, uint16_t vmid, uint64_t id_aa64mmfr0,
			uint64_t id_aa64mmfr1)
{
	enum err e;

	*space = (struct ffa_space){ 0 };
	e = stage2_init(&space->ns, STAGE2_SECURE_NS, ipa_bits, vmid, id_aa64mmfr0, id_aa64mmfr1);
	if (e != OK) {
		return e;
	}
	e = stage2_init(&space->secure, STAGE2_SECURE, ipa_bits, vmid, id_aa64mmfr0, id_aa64mmfr1);
	if (e != OK) {
		stage2_destroy(&space->ns);
		return e;
	}
	/* VTTBR_EL2 never holds a Secure root, not even while TLBs are maintained. */
	space->secure.tlb_vttbr = space->ns.vttbr;
	return OK;
}

enum err ffa_space_init_nwd(struct ffa_space *space, unsigned ipa_bits, uint64_t id_aa64mmfr0)
{
	*space = (struct ffa_space){ .is_nwd = true };
	return stage2_init(&space->ns, STAGE2_FACTS, ipa_bits, 0, id_aa64mmfr0, 0);
}

void ffa_space_init_guest(struct ffa_space *space, const struct ffa_guest_ops *ops, struct stage2 *tables, ipa_t base,
			  pa_t ram, uint64_t size)
{
	space->guest_ops = ops;
	space->guest = tables;
	space->own_base = base.v;
	space->own_size = size;
	space->own_offset = ram.v - base.v;
	space->borrowed_offset = FFA_BORROWED_BASE;
}

static bool has_secure(const struct ffa_space *space)
{
	return !space->is_nwd && space->guest == NULL;
}

void ffa_space_destroy(struct ffa_space *space)
{
	if (has_secure(space)) {
		stage2_destroy(&space->secure);
	}
	if (space->guest == NULL) {
		stage2_destroy(&space->ns);
	}
}

struct stage2 *ffa_space_table(struct ffa_space *space, uint64_t address)
{
	unsigned attrs;
	uint64_t run;
	pa_t to;

	if (has_secure(space) && stage2_lookup(&space->secure, ipa(address), &to, &attrs, &run)) {
		return &space->secure;
	}
	return stage2_lookup(ffa_space_ns(space), ipa(address), &to, &attrs, &run) ? ffa_space_ns(space) : NULL;
}

static void compact(struct ffa_space *space)
{
	/*
	 * What an SP below has is not here, and a guest without memory has no tables. Pages that are on their way to an
	 * endpoint could not be taken back from a block.
	 */
	if (space == NULL || space->mapping != 0) {
		return;
	}
	if (has_secure(space)) {
		stage2_compact(&space->secure);
	}
	stage2_compact(ffa_space_ns(space));
}

void ffa_spaces_compact(void)
{
	compact(ffa_nwd.space);
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		compact(ffa_partition(i)->space);
	}
}
