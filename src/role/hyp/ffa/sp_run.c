/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/sp_run.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/vcpu/run.h"
#include "ffa/answer.h"
#include "lib/log.h"
#include "role/hyp/ffa/runner.h"
#include "role/hyp/ffa/spmc.h"

/* Values of 'owner' beside the ids of guests and our own. */
#define OWNER_NONE 0x10000u /* it waits, or works for somebody who has not left it yet */
#define OWNER_RUNS 0x20000u /* with an owner: it runs for him */

/* A vCPU of a partition. */
struct sp_vcpu {
	uint32_t owner; /* atomic */
	struct cpu *cpu; /* where it was left; written before 'owner' */
};

static struct {
	struct sp_vcpu *vcpus;
	uint16_t count;
} sps[FFA_SP_MAX]; /* by id */

static struct log_limit surprises;

/* By its ids, as FFA_INTERRUPT, FFA_YIELD and FFA_RUN name it; NULL if there is no such one. */
static struct sp_vcpu *find(uint32_t ids)
{
	unsigned number = (ids >> 16) - FFA_ID_SP_FIRST;
	uint16_t index = (uint16_t)ids;

	return number < FFA_SP_MAX && index < sps[number].count ? &sps[number].vcpus[index] : NULL;
}

/* ---- calls ---- */

static unsigned register_count(uint64_t x0)
{
	uint32_t id = lo32(x0);

	return id == FFA_MSG_SEND_DIRECT_REQ2_64 || id == FFA_MSG_SEND_DIRECT_RESP2_64 ? FFA_REGS : 8;
}

/* What the call defines goes down, and of the answer comes back what that defines. */
static void call_below(uint64_t *x)
{
	struct vcpu *v = this_cpu()->current;
	uint64_t mask = (x[0] & FFA_64) != 0 ? UINT64_MAX : UINT32_MAX;
	uint64_t y[FFA_REGS] = { lo32(x[0]), lo32(x[1]) };
	unsigned count = lo32(x[0]) == FFA_RUN ? 2 : register_count(x[0]);

	for (unsigned i = 2; i < count; i++) {
		y[i] = x[i] & mask;
	}
	if (v != NULL) {
		vcpu_cover_vtimer(v);
	}
	spmc_call(y);
	if (v != NULL) {
		vcpu_uncover_vtimer(v);
	}
	count = register_count(y[0]);
	for (unsigned i = 0; i < count; i++) {
		x[i] = y[i];
	}
}

/* If the answer says that somebody was left on this CPU before he was done: he is 'owner's to run. */
static void take_note(uint16_t owner, const uint64_t *x)
{
	struct sp_vcpu *t;

	if (lo32(x[0]) != FFA_INTERRUPT && lo32(x[0]) != FFA_YIELD) {
		return;
	}
	t = find(lo32(x[1]));
	if (t == NULL) {
		log_limited(&surprises, "FF-A: the SPMC says that 0x%x was interrupted, which it never told of",
			    lo32(x[1]));
		return;
	}
	t->cpu = this_cpu();
	/* Release: 'cpu' is read by whoever finds this owner. The SPMC lets nobody else have it now. */
	atomic_store_release(&t->owner, (uint32_t)owner);
}

void sp_request(uint16_t owner, uint64_t *x)
{
	call_below(x);
	take_note(owner, x);
}

/* Takes a vCPU that 'owner' may run. 'before' is what it was until now. */
static enum ffa_code take(struct sp_vcpu *t, uint32_t owner, uint32_t *before)
{
	*before = owner;
	if (atomic_cas(&t->owner, before, owner | OWNER_RUNS)) {
		return FFA_OK;
	}
	if (owner == FFA_ID_NWD && *before == OWNER_NONE && atomic_cas(&t->owner, before, owner | OWNER_RUNS)) {
		return FFA_OK;
	}
	return *before == (owner | OWNER_RUNS) ? FFA_BUSY : FFA_DENIED;
}

void sp_run(uint16_t owner, uint64_t *x)
{
	struct sp_vcpu *t = find(lo32(x[1]));
	uint32_t before, runs = owner | OWNER_RUNS;
	enum ffa_code code = t != NULL ? take(t, owner, &before) : FFA_INVALID_PARAMETERS;

	if (code != FFA_OK) {
		ffa_answer_error(x, code);
		return;
	}
	call_below(x);
	take_note(owner, x);
	/* Unless it is noted down as somebody's again. After an error it has not run, if it is still there. */
	if (lo32(x[0]) != FFA_ERROR || (int32_t)x[2] == FFA_ABORTED) {
		before = OWNER_NONE;
	}
	(void)atomic_cas(&t->owner, &runs, before);
}

void sp_run_drop(uint16_t owner)
{
	for (unsigned i = 0; i < FFA_SP_MAX; i++) {
		for (unsigned n = 0; n < sps[i].count; n++) {
			struct sp_vcpu *t = &sps[i].vcpus[n];
			uint32_t found = owner;

			/* Acquire: pairs with the release in take_note(). */
			if (atomic_cas(&t->owner, &found, (uint32_t)FFA_ID_NWD)) {
				runner_wake(t->cpu, ffa_endpoint_find((uint16_t)(FFA_ID_SP_FIRST + i)));
			}
		}
	}
}

/* ---- at boot ---- */

static bool make(const struct ffa_endpoint *sp)
{
	unsigned number = sp->id - FFA_ID_SP_FIRST;
	unsigned count = MIN(sp->vcpu_count, CPU_MAX);
	struct sp_vcpu *vcpus = pool_alloc_object(count * sizeof(*vcpus));

	if (vcpus == NULL) {
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		vcpus[i].owner = OWNER_NONE;
	}
	sps[number].vcpus = vcpus;
	sps[number].count = (uint16_t)count;
	return true;
}

bool sp_run_init(void)
{
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		const struct ffa_endpoint *e = ffa_partition(i);

		if (e->kind == FFA_KIND_SP_BELOW && !make(e)) {
			return false;
		}
	}
	return true;
}
