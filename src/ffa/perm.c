/* SPDX-License-Identifier: MIT */
#include "ffa/perm.h"

#include "ffa/answer.h"
#include "ffa/endpoint.h"
#include "ffa/memory.h"

/* Bits of the permission word: [1:0] data, [2] not executable. */
#define PERM_DATA_RW 1u
#define PERM_DATA_RO 3u
#define PERM_XN 4u

static uint64_t base_of(const uint64_t *x)
{
	return (x[0] & FFA_64) != 0 ? x[1] : (uint32_t)x[1];
}

static uint32_t perm_of(unsigned attrs)
{
	uint32_t data = (attrs & STAGE2_W) != 0 ? PERM_DATA_RW : (attrs & STAGE2_R) != 0 ? PERM_DATA_RO : 0;

	return data | ((attrs & STAGE2_X) != 0 ? 0 : PERM_XN);
}

/* The stage-2 attributes for a permission word, 0 for what nobody may have. */
static unsigned attrs_of(uint32_t perm)
{
	switch (perm) {
	case FFA_PERM_RX:
		return STAGE2_R | STAGE2_X;
	case FFA_PERM_RW:
		return STAGE2_R | STAGE2_W;
	case FFA_PERM_RO:
		return STAGE2_R;
	default:
		return 0;
	}
}

static bool may_ask(const struct ffa_endpoint *caller, bool initializing)
{
	return caller->kind == FFA_KIND_SP_EL0 && initializing;
}

void ffa_mem_perm_get(struct ffa_endpoint *caller, bool initializing, uint64_t *x)
{
	uint64_t base = base_of(x);
	struct stage2 *table;
	unsigned attrs;
	uint64_t run;
	pa_t to;

	if (!may_ask(caller, initializing)) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	table = IS_ALIGNED(base, PAGE_SIZE) ? ffa_space_table(caller->space, base) : NULL;
	if (table == NULL || !stage2_lookup(table, ipa(base), &to, &attrs, &run)) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	ffa_answer_success(x);
	x[2] = perm_of(attrs);
}

/*
 * All pages of the range are the partition's own, used by nobody else, and of one type: 'attrs' without permissions. A
 * page that it shares, borrowed, or gave for its mailbox has the permissions that come with that.
 */
static enum ffa_code own_range(struct stage2 *table, uint64_t base, uint64_t size, unsigned *attrs)
{
	const unsigned type_bits = STAGE2_DEVICE | STAGE2_NS;
	uint64_t run;

	for (uint64_t at = base; at - base < size; at += run) {
		unsigned here;
		pa_t to;

		if (!stage2_lookup(table, ipa(at), &to, &here, &run) || (at != base && (here & type_bits) != *attrs)) {
			return FFA_INVALID_PARAMETERS;
		}
		if ((here & STAGE2_STATE_MASK) != STAGE2_OWNED) {
			return FFA_DENIED;
		}
		*attrs = here & type_bits;
	}
	return FFA_OK;
}

static enum ffa_code perm_set(struct ffa_endpoint *caller, uint64_t base, uint64_t pages, uint32_t perm)
{
	unsigned wanted = attrs_of(perm);
	uint64_t size = pages * PAGE_SIZE; /* fits: 'pages' has 32 bits */
	struct stage2 *table;
	enum ffa_code code;
	unsigned type = 0;
	enum err err;

	if (pages == 0 || wanted == 0 || !IS_ALIGNED(base, PAGE_SIZE) || base + size < base) {
		return FFA_INVALID_PARAMETERS;
	}
	table = ffa_space_table(caller->space, base);
	if (table == NULL) {
		return FFA_INVALID_PARAMETERS;
	}
	code = own_range(table, base, size, &type);
	if (code != FFA_OK) {
		return code;
	}
	/* Neither devices nor what the normal world can write are executed. */
	if ((wanted & STAGE2_X) != 0 && ((type & STAGE2_DEVICE) != 0 || table == &caller->space->ns)) {
		return FFA_INVALID_PARAMETERS;
	}
	err = stage2_protect(table, ipa(base), size, type | wanted | STAGE2_OWNED);
	if (err == ERR_NO_MEMORY) {
		ffa_mem_compact();
		err = stage2_protect(table, ipa(base), size, type | wanted | STAGE2_OWNED);
	}
	return err == OK ? FFA_OK : err == ERR_NO_MEMORY ? FFA_NO_MEMORY : FFA_INVALID_PARAMETERS;
}

void ffa_mem_perm_set(struct ffa_endpoint *caller, bool initializing, uint64_t *x)
{
	if (!may_ask(caller, initializing)) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	ffa_answer_code(x, perm_set(caller, base_of(x), (uint32_t)x[2], (uint32_t)x[3]));
}
