/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/sp_run.h"

#include "arch/atomic.h"
#include "arch/spinlock.h"
#include "core/mm/pool.h"
#include "core/vcpu/run.h"
#include "ffa/answer.h"
#include "lib/log.h"
#include "lib/str.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/ffa/runner.h"
#include "role/hyp/ffa/spmc.h"
#include "role/hyp/sched.h"

/* Values of 'owner' beside the ids of guests and our own, FFA_ID_NWD, which are of those who have left it. */
#define OWNER_NONE 0x10000u
#define OWNER_RUNS 0x20000u   /* with an owner: it runs for him */
#define OWNER_HELPED 0x40000u /* with OWNER_RUNS: it is another who lets it */
_Static_assert(FFA_ID_NWD == 0, "the owner is ourselves when his id is taken away");

/* What it takes at most to call a partition and to come back. */
#define SWITCH_US 20

/* What a partition has answered for somebody who was not there. He gets it by his next FFA_RUN. */
struct kept {
	struct kept *next;
	uint16_t owner;
	uint64_t x[FFA_REGS];
};

/* A partition's vCPU that runs on one CPU, or the only one that it has. */
struct sp_vcpu {
	_Alignas(64) uint32_t owner; /* atomic; who claims it, by OWNER_RUNS, writes the next two */
	uint32_t ids;      /* atomic; how the SPMC calls it, since it was left for the first time */
	struct cpu *cpu;   /* atomic; where it was left */
	struct kept *kept; /* atomic; under the lock: one of an owner, unless the SPMC names others than were called */
	uint16_t sp;
};

static struct {
	struct sp_vcpu *vcpus; /* by CPU, or the only one; NULL: there is no such partition */
	bool only_one;
} sps[FFA_SP_MAX]; /* by id */

/* Answers that are kept, and the owners of those who are helped to them. Nothing nests inside. */
static struct spinlock lock;

static struct log_limit surprises;

/* The one that works on this CPU for a partition; NULL: no such partition. */
static struct sp_vcpu *find(uint32_t sp)
{
	unsigned number = sp - FFA_ID_SP_FIRST;

	if (number >= FFA_SP_MAX || sps[number].vcpus == NULL) {
		return NULL;
	}
	return &sps[number].vcpus[sps[number].only_one ? 0 : this_cpu()->index];
}

/* ---- calls ---- */

#define FEW 8 /* registers; only REQ2 and RESP2 define all */

static bool defines_all(uint64_t x0)
{
	uint32_t id = lo32(x0);

	return id == FFA_MSG_SEND_DIRECT_REQ2_64 || id == FFA_MSG_SEND_DIRECT_RESP2_64;
}

/* What the call in x defines, and zeroes. */
static void get_defined(uint64_t *y, const uint64_t *x)
{
	uint64_t mask = lo32(x[0]) == FFA_RUN ? 0 : (x[0] & FFA_64) != 0 ? UINT64_MAX : UINT32_MAX;

	if (defines_all(x[0])) {
		memcpy(y, x, FFA_REGS * sizeof(*y));
	} else {
		for (unsigned i = 2; i < FEW; i++) {
			y[i] = x[i] & mask;
		}
		memset(y + FEW, 0, (FFA_REGS - FEW) * sizeof(*y));
	}
	y[0] = lo32(x[0]);
	y[1] = lo32(x[1]);
}

/* What the call in x defines goes down, and y is the answer. */
static void call_below(uint64_t *y, const uint64_t *x)
{
	struct vcpu *v = this_cpu()->current;

	get_defined(y, x);
	if (v != NULL) {
		vcpu_cover_vtimer(v);
	}
	spmc_call(y);
	if (v != NULL) {
		vcpu_uncover_vtimer(v);
	}
}

/* Of an answer comes back what that defines. */
static void give(uint64_t *x, const uint64_t *y)
{
	memcpy(x, y, FEW * sizeof(*x));
	if (defines_all(y[0])) {
		memcpy(x + FEW, y + FEW, (FFA_REGS - FEW) * sizeof(*x));
	}
}

static bool is_error(const uint64_t *y, enum ffa_code code)
{
	return lo32(y[0]) == FFA_ERROR && (int32_t)y[2] == (int32_t)code;
}

/* ---- whose it is ---- */

static bool claim(struct sp_vcpu *t, uint32_t from, uint32_t owner)
{
	return atomic_cas(&t->owner, &from, owner);
}

static void set_left(struct sp_vcpu *t, uint32_t ids)
{
	atomic_store(&t->ids, ids);
	atomic_store(&t->cpu, this_cpu());
}

static void wake_runner(const struct sp_vcpu *t, struct cpu *cpu)
{
	runner_wake(cpu, ffa_endpoint_find(t->sp));
}

/* One that was left on another CPU may have to run on there. */
static void wake_elsewhere(const struct sp_vcpu *t)
{
	struct cpu *cpu;

	/* Acquire: where it was left was stored before the owner was. */
	if (atomic_load_acquire(&t->owner) >= OWNER_NONE) {
		return;
	}
	cpu = atomic_load(&t->cpu);
	if (cpu != this_cpu()) {
		wake_runner(t, cpu);
	}
}

/*
 * The SPMC says that somebody else was left than t, who was called. He is left for the same owner; if that has ended
 * meanwhile, which the lock tells, for ourselves.
 */
static void note_surprise(const struct sp_vcpu *t, uint32_t ids)
{
	struct sp_vcpu *other = find(ids >> 16);
	uint16_t owner;

	if (other == NULL || !claim(other, OWNER_NONE, FFA_ID_NWD | OWNER_RUNS)) {
		log_limited(&surprises, "FF-A: the SPMC says that 0x%x was interrupted, which it did not run", ids);
		return;
	}
	set_left(other, ids);
	spin_lock(&lock);
	owner = (uint16_t)atomic_load(&t->owner);
	atomic_store_release(&other->owner, owner);
	spin_unlock(&lock);
	if (owner == FFA_ID_NWD) {
		wake_runner(other, this_cpu());
	}
}

/*
 * Whose the claimed vCPU is after the answer y to a call for 'owner': his, if it was left before it was done, nobody's,
 * or 'before' if it has not run. An error other than BUSY means that the SPMC has nothing to go on with, if it was left
 * on this CPU: on another it may be that it cannot come here.
 */
static uint32_t next_owner(struct sp_vcpu *t, uint32_t owner, uint32_t before, const uint64_t *y)
{
	switch (lo32(y[0])) {
	case FFA_INTERRUPT:
	case FFA_YIELD:
		if (lo32(y[1]) >> 16 != t->sp) {
			note_surprise(t, lo32(y[1]));
			return OWNER_NONE;
		}
		set_left(t, lo32(y[1]));
		return owner;
	case FFA_ERROR:
		if (!is_error(y, FFA_ABORTED) && (is_error(y, FFA_BUSY) || atomic_load(&t->cpu) != this_cpu())) {
			return before;
		}
		return OWNER_NONE;
	default:
		return OWNER_NONE;
	}
}

/* ---- answers that are kept ---- */

/* Lock held. Takes the one of that owner off the list; NULL: there is none. */
static struct kept *take_kept(struct sp_vcpu *t, uint32_t owner)
{
	struct kept **at = &t->kept, *kept;

	while (*at != NULL && (*at)->owner != owner) {
		at = &(*at)->next;
	}
	kept = *at;
	if (kept != NULL) {
		atomic_store(at, kept->next);
	}
	return kept;
}

static bool has_kept(struct sp_vcpu *t, uint32_t owner)
{
	bool has = false;

	spin_lock(&lock);
	for (const struct kept *kept = t->kept; kept != NULL; kept = kept->next) {
		has |= kept->owner == owner;
	}
	spin_unlock(&lock);
	return has;
}

/* Lock held. */
static void keep(struct sp_vcpu *t, struct kept *kept, uint16_t owner, const uint64_t *y)
{
	kept->owner = owner;
	memcpy(kept->x, y, sizeof(kept->x));
	kept->next = t->kept;
	atomic_store(&t->kept, kept);
}

/* ---- those who were left ---- */

static struct cpu_share *share_of(uint32_t owner)
{
	return owner == FFA_ID_NWD ? runner_share(this_cpu()) : sched_share(&ffa_guest_find((uint16_t)owner)->vm->vm);
}

/* It has run on for its owner, and y is the answer. True: it is nobody's now. */
static bool end_help(struct sp_vcpu *t, uint32_t owner, struct kept *kept, const uint64_t *y)
{
	uint32_t next = next_owner(t, owner, owner, y);
	uint16_t now;

	spin_lock(&lock);
	now = (uint16_t)atomic_load(&t->owner); /* ourselves, if he has ended meanwhile */
	if (next != OWNER_NONE) {
		next = now;
	} else if (now != FFA_ID_NWD) {
		keep(t, kept, now, y);
		kept = NULL;
	}
	atomic_store_release(&t->owner, next);
	spin_unlock(&lock);
	pool_free_object(kept, sizeof(*kept));
	if (next == FFA_ID_NWD) {
		wake_runner(t, atomic_load(&t->cpu));
	} else if (next != OWNER_NONE && lo32(y[0]) == FFA_ERROR) {
		wake_elsewhere(t);
	}
	return next == OWNER_NONE;
}

/*
 * Lets one that was left run on, for him who left it and at his cost, since somebody else wants it. To switch is that
 * one's own cost, so he spends nothing of others' by calling again and again. True: it is at its end, and nobody's.
 * False: it came back before, or who left it has used what he may of this CPU.
 */
static bool help(struct sp_vcpu *t)
{
	uint32_t owner = atomic_load(&t->owner);
	uint64_t x[FFA_REGS] = { FFA_RUN }, y[FFA_REGS], since;
	struct cpu_share *share;
	struct kept *kept;

	if (owner >= OWNER_NONE) {
		return false;
	}
	share = share_of(owner);
	kept = sched_can_pay(share) ? pool_alloc_object(sizeof(*kept)) : NULL;
	if (kept == NULL || !claim(t, owner, owner | OWNER_RUNS | OWNER_HELPED)) {
		pool_free_object(kept, sizeof(*kept));
		return false;
	}
	x[1] = t->ids;
	since = cpu_now() + read_cntfrq_el0() / 1000000 * SWITCH_US;
	call_below(y, x);
	if (cpu_now() > since) {
		sched_charge(share, since);
	}
	return end_help(t, owner, kept, y);
}

static unsigned vcpu_count(unsigned number)
{
	return sps[number].vcpus == NULL ? 0 : sps[number].only_one ? 1 : cpu_count;
}

/*
 * The SPMC says that t is busy. It may be that it works for another that was left here, or on another CPU if t is one
 * that goes from CPU to CPU. True: one of them is at its end.
 */
static bool help_others(const struct sp_vcpu *t, uint32_t owner)
{
	for (unsigned i = 0; i < FFA_SP_MAX; i++) {
		struct sp_vcpu *other = find(FFA_ID_SP_FIRST + i);

		if (other != NULL && atomic_load(&other->owner) != owner && help(other)) {
			return true;
		}
		for (unsigned n = 0; sps[t->sp - FFA_ID_SP_FIRST].only_one && n < vcpu_count(i); n++) {
			wake_elsewhere(&sps[i].vcpus[n]);
		}
	}
	return false;
}

/* ---- requests ---- */

/* 'owner' would call one that is not free: if another has left it, that call is brought to its end first. */
static bool claim_left(struct sp_vcpu *t, uint32_t owner)
{
	return atomic_load(&t->owner) != owner && help(t) && claim(t, OWNER_NONE, owner | OWNER_RUNS);
}

static bool may_call(struct sp_vcpu *t, uint32_t owner)
{
	if (unlikely(!claim(t, OWNER_NONE, owner | OWNER_RUNS)) && !claim_left(t, owner)) {
		return false;
	}
	/* FFA_RUN could not tell an answer that is kept from the one to this call. */
	if (unlikely(atomic_load(&t->kept) != NULL) && has_kept(t, owner)) {
		atomic_store_release(&t->owner, OWNER_NONE);
		return false;
	}
	return true;
}

void sp_request(uint16_t owner, uint64_t *x)
{
	struct sp_vcpu *t = find((uint16_t)x[1]);
	uint64_t y[FFA_REGS];

	if (!may_call(t, owner)) {
		ffa_answer_error(x, FFA_BUSY);
		return;
	}
	call_below(y, x);
	if (unlikely(is_error(y, FFA_BUSY)) && help_others(t, owner)) {
		call_below(y, x);
	}
	give(x, y);
	atomic_store_release(&t->owner, next_owner(t, owner, OWNER_NONE, y));
	if (unlikely(is_error(y, FFA_BUSY))) {
		/* It may have been left by a partition that called it, which nobody will run for. */
		wake_runner(t, this_cpu());
	}
}

/* ---- FFA_RUN ---- */

/* Claims what 'owner' may run on, or takes the answer that is kept for him. */
static enum ffa_code take(struct sp_vcpu *t, uint32_t owner, struct kept **kept)
{
	uint32_t found = owner;

	/* The lock: of one that is helped there is either the owner or the answer. */
	spin_lock(&lock);
	*kept = take_kept(t, owner);
	if (*kept == NULL && atomic_cas(&t->owner, &found, owner | OWNER_RUNS)) {
		found = owner;
	}
	spin_unlock(&lock);
	if (*kept != NULL || found == owner) {
		return FFA_OK;
	}
	if (found == (owner | OWNER_RUNS | OWNER_HELPED)) {
		return FFA_INTERRUPTED;
	}
	return found == (owner | OWNER_RUNS) ? FFA_BUSY : FFA_DENIED;
}

/* As if he had been interrupted once more: it is his still, and he is to run it again. */
static void answer_again(uint64_t *x, uint32_t ids)
{
	ffa_answer(x, FFA_INTERRUPT);
	x[1] = ids;
}

static void run_on(struct sp_vcpu *t, uint16_t owner, uint64_t *x)
{
	uint64_t y[FFA_REGS];
	uint32_t next;

	call_below(y, x);
	next = next_owner(t, owner, owner, y);
	give(x, y);
	if (unlikely(lo32(y[0]) == FFA_ERROR && next == owner)) {
		/* It cannot be run here and now. An error would have him think that it is over. */
		answer_again(x, t->ids);
	}
	atomic_store_release(&t->owner, next);
	if (unlikely(lo32(y[0]) == FFA_ERROR)) {
		wake_elsewhere(t);
	}
}

void sp_run(uint16_t owner, uint64_t *x)
{
	uint32_t ids = lo32(x[1]);
	struct sp_vcpu *t = find(ids >> 16);
	struct kept *kept = NULL;
	enum ffa_code code = FFA_INVALID_PARAMETERS;

	if (t != NULL) {
		code = atomic_load(&t->ids) == ids ? take(t, owner, &kept) : FFA_DENIED;
	}
	if (code == FFA_INTERRUPTED) {
		/* It runs for him this very moment, on another CPU. */
		answer_again(x, ids);
	} else if (code != FFA_OK) {
		ffa_answer_error(x, code);
	} else if (kept != NULL) {
		give(x, kept->x);
		pool_free_object(kept, sizeof(*kept));
	} else {
		run_on(t, owner, x);
	}
}

void sp_run_alone(uint32_t ids, uint64_t *x)
{
	struct sp_vcpu *t = find(ids >> 16);
	uint32_t before = FFA_ID_NWD;
	uint64_t y[FFA_REGS];

	ffa_answer(x, FFA_RUN);
	if (atomic_load(&t->owner) != FFA_ID_NWD) {
		(void)help(t);
	}
	if (claim(t, FFA_ID_NWD, FFA_ID_NWD | OWNER_RUNS)) {
		ids = t->ids;
	} else if (claim(t, OWNER_NONE, FFA_ID_NWD | OWNER_RUNS)) {
		before = OWNER_NONE;
	} else {
		ffa_answer_error(x, FFA_BUSY);
		return;
	}
	x[1] = ids;
	call_below(y, x);
	give(x, y);
	atomic_store_release(&t->owner, next_owner(t, FFA_ID_NWD, before, y));
	if (lo32(y[0]) == FFA_ERROR) {
		wake_elsewhere(t);
	}
}

/* ---- the end of a guest ---- */

static void drop(struct sp_vcpu *t, uint32_t owner)
{
	uint32_t found = atomic_load(&t->owner);
	struct kept *kept, *all = NULL;

	spin_lock(&lock);
	while ((kept = take_kept(t, owner)) != NULL) {
		kept->next = all;
		all = kept;
	}
	while (found < OWNER_NONE || (found & OWNER_HELPED) != 0) {
		if ((uint16_t)found != owner || atomic_cas(&t->owner, &found, found & ~0xffffu)) {
			break;
		}
	}
	spin_unlock(&lock);
	while ((kept = all) != NULL) {
		all = kept->next;
		pool_free_object(kept, sizeof(*kept));
	}
	if (found == owner) {
		wake_runner(t, atomic_load(&t->cpu));
	}
}

void sp_run_drop(uint16_t owner)
{
	/* Twice: one that was helped may have left another for him, where we had been already. Then it is ours. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < FFA_SP_MAX; i++) {
			for (unsigned n = 0; n < vcpu_count(i); n++) {
				drop(&sps[i].vcpus[n], owner);
			}
		}
	}
}

/* ---- at boot ---- */

static bool make(const struct ffa_endpoint *sp)
{
	unsigned number = sp->id - FFA_ID_SP_FIRST;
	unsigned count = sp->vcpu_count == 1 ? 1 : cpu_count;
	struct sp_vcpu *vcpus = pool_alloc_object(count * sizeof(*vcpus));

	if (vcpus == NULL) {
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		vcpus[i].owner = OWNER_NONE;
		vcpus[i].sp = sp->id;
	}
	sps[number].vcpus = vcpus;
	sps[number].only_one = count == 1;
	return true;
}

static void unmake(const struct ffa_endpoint *sp)
{
	unsigned number = sp->id - FFA_ID_SP_FIRST;

	pool_free_object(sps[number].vcpus, (sps[number].only_one ? 1 : cpu_count) * sizeof(struct sp_vcpu));
	sps[number].vcpus = NULL;
}

static bool is_below(const struct ffa_endpoint *e)
{
	return e->kind == FFA_KIND_SP_BELOW;
}

bool sp_run_init(void)
{
	unsigned count = ffa_partition_count(), made = 0;

	while (made < count && (!is_below(ffa_partition(made)) || make(ffa_partition(made)))) {
		made++;
	}
	if (made == count && runner_init()) {
		return true;
	}
	while (made-- > 0) {
		if (is_below(ffa_partition(made))) {
			unmake(ffa_partition(made));
		}
	}
	return false;
}
