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

void ffa_space_destroy(struct ffa_space *space)
{
	if (!space->is_nwd) {
		stage2_destroy(&space->secure);
	}
	stage2_destroy(&space->ns);
}

struct stage2 *ffa_space_table(struct ffa_space *space, uint64_t address)
{
	unsigned attrs;
	uint64_t run;
	pa_t to;

	if (!space->is_nwd && stage2_lookup(&space->secure, ipa(address), &to, &attrs, &run)) {
		return &space->secure;
	}
	return stage2_lookup(&space->ns, ipa(address), &to, &attrs, &run) ? &space->ns : NULL;
}

static void compact(struct ffa_space *space)
{
	if (!space->is_nwd) {
		stage2_compact(&space->secure);
	}
	stage2_compact(&space->ns);
}

void ffa_spaces_compact(void)
{
	compact(ffa_nwd.space);
	for (unsigned i = 0; i < ffa_sp_count(); i++) {
		compact(ffa_sp(i)->space);
	}
}
