/* SPDX-License-Identifier: MIT */
/*
 * Who runs next on a physical CPU: first which VM, then which of its vCPUs. docs/scheduling.md tells it at length.
 * What is said of a VM here holds for whoever else has a share.
 *
 * Each VM has a virtual time on each CPU, which advances while it uses the CPU, the more slowly the greater its weight.
 * The VM that is last comes next, for a turn. The mean of those that have something to run is the CPU's virtual time:
 * who is behind that has had less than his share. One who wakes up and is behind runs at once, before those who
 * compute; he is never behind by more than CREDIT_US then. So an interrupt is answered soon for a VM that uses less
 * than its share, and no pattern of sleeping and waking gives a VM more than that.
 *
 * The vCPUs of a VM part its turns among themselves, and what they do to each other is the VM's own affair.
 */
#include "role/hyp/sched.h"

#include "core/port/role.h"
#include "core/vcpu/run.h"

#define TURN_US 10000
#define TURN_MIN_US 1000 /* of a vCPU, however many of its VM are ready */
#define CREDIT_US 10000  /* of virtual time, which is that of a VM of the usual weight */
#define CAP_WINDOW_US 100000
#define WEIGHT_USUAL 100

static uint64_t ticks_of_us(uint64_t us)
{
	return read_cntfrq_el0() / 1000 * us / 1000;
}

static struct cpu_share *share_at(struct vm *vm, const struct cpu *cpu);

static struct cpu_share *share_of(const struct vcpu *v)
{
	return share_at(v->vm, v->cpu);
}

static struct vcpu *first_vcpu(const struct cpu_share *share)
{
	return list_empty(&share->ready) ? NULL : list_entry(share->ready.next, struct vcpu, queue_node);
}

static struct cpu_share *first_of(const struct heap *heap)
{
	struct heap_node *node = heap_first(heap);

	return node != NULL ? container_of(node, struct cpu_share, node) : NULL;
}

/* Somebody else wants the CPU. */
static bool has_others(const struct cpu *cpu)
{
	return heap_first(&cpu->ready) != NULL || heap_first(&cpu->woken) != NULL;
}

static bool has_work(const struct cpu_share *share)
{
	return !list_empty(&share->jobs) || !list_empty(&share->ready);
}

/* ---- virtual time ---- */

/*
 * The virtual time that so many ticks are for that weight. 'rest' keeps what is not yet a whole tick, in parts of the
 * weight, so nothing is lost in rounding: many short stays cost what a long one does. At 1 GHz and the smallest weight,
 * virtual time takes 58 years to wrap.
 */
static uint64_t scaled(uint64_t ticks, uint64_t weight, uint64_t *rest)
{
	uint64_t parts = ticks % weight * WEIGHT_USUAL + *rest;

	*rest = parts % weight;
	return ticks / weight * WEIGHT_USUAL + parts / weight;
}

/* The VM has used the CPU for so long. */
static void charge(struct cpu_share *share, uint64_t ticks)
{
	share->virtual_time += scaled(ticks, share->weight, &share->rest);
	share->used += ticks;
	share->turn_left -= MIN(ticks, share->turn_left);
}

/* Charges whoever has the CPU until now. The mean advances as that of all who want it. */
static void advance(struct cpu *cpu, uint64_t now)
{
	struct cpu_share *share = cpu->turn;
	uint64_t ticks = now - cpu->turn_since;
	struct vcpu *v = cpu->current;

	cpu->turn_since = now;
	if (share == NULL) {
		return;
	}
	charge(share, ticks);
	if (v != NULL && &v->vm->shares[cpu->index] == share) {
		v->turn_left -= MIN(ticks, v->turn_left);
	}
	cpu->virtual_time += scaled(ticks, cpu->weight, &cpu->rest);
}

/* How far the VM is ahead of the mean. */
static int64_t ahead(const struct cpu *cpu, const struct cpu_share *share)
{
	return (int64_t)(share->virtual_time - cpu->virtual_time);
}

/*
 * The mean with the VM (sign 1), or without it (-1). It is exact, too: were it to drift, by the rounding of a million
 * decisions, so would what a VM that slept is given when it wakes up.
 */
static void shift_mean(struct cpu *cpu, const struct cpu_share *share, int sign)
{
	int64_t weight = share->weight;
	int64_t parts = (int64_t)cpu->rest + sign * (weight * ahead(cpu, share) + (int64_t)share->rest);
	int64_t rest;

	cpu->weight += (uint64_t)(sign * weight);
	if (cpu->weight == 0) {
		cpu->rest = 0;
		return;
	}
	weight = (int64_t)cpu->weight;
	rest = parts % weight < 0 ? parts % weight + weight : parts % weight;
	cpu->virtual_time += (uint64_t)((parts - rest) / weight);
	cpu->rest = (uint64_t)rest;
}

/* The VM has nothing to run any more, or is not allowed to. It is in no queue. */
static void leave(struct cpu *cpu, struct cpu_share *share)
{
	share->active = false;
	shift_mean(cpu, share, -1);
}

/* ---- caps ---- */

/* What it used too much in a window counts for the next one. */
static uint64_t capped_budget(struct cpu_share *share, uint64_t now)
{
	uint64_t window = ticks_of_us(CAP_WINDOW_US);
	uint64_t limit = window * share->cap / 100;

	if (now - share->window >= window) {
		share->window = now;
		share->used = MIN(share->used - MIN(share->used, limit), limit);
	}
	return limit - MIN(share->used, limit);
}

/* Ticks that the VM may still use here in this window of its cap. */
static inline uint64_t budget(struct cpu_share *share, uint64_t now)
{
	return likely(share->cap == 0) ? UINT64_MAX : capped_budget(share, now);
}

/* ---- the queue ---- */

/* Its turn was interrupted, or is over. */
static void enqueue(struct cpu *cpu, struct cpu_share *share)
{
	share->woken = share->woken && share->turn_left != 0;
	heap_insert(share->woken ? &cpu->woken : &cpu->ready, &share->node, share->virtual_time);
}

static void dequeue(struct cpu *cpu, struct cpu_share *share)
{
	heap_remove(share->woken ? &cpu->woken : &cpu->ready, &share->node);
}

/* However long it wanted nothing, it is not far behind. */
static void catch_up(const struct cpu *cpu, struct cpu_share *share)
{
	uint64_t credit = ticks_of_us(CREDIT_US);

	share->virtual_time = MAX(share->virtual_time, cpu->virtual_time - MIN(credit, cpu->virtual_time));
}

/* A VM that had nothing to run, or was not allowed to, joins those who want the CPU. 'wakes': for an interrupt. */
static void join(struct cpu *cpu, struct cpu_share *share, bool wakes)
{
	if (share->active || timer_running(&share->refill)) {
		return;
	}
	advance(cpu, cpu_now());
	catch_up(cpu, share);
	share->active = true;
	share->woken = wakes;
	share->turn_left = ticks_of_us(TURN_US);
	shift_mean(cpu, share, 1);
	enqueue(cpu, share);
}

static void refilled(struct timer *timer)
{
	struct cpu_share *share = container_of(timer, struct cpu_share, refill);

	if (has_work(share)) {
		join(this_cpu(), share, false);
	}
}

static const struct timer_ops refill_ops = { .fired = refilled };

/* The VM's cap keeps it from running until its window ends. It is in no queue. */
static void hold_back(struct cpu *cpu, struct cpu_share *share)
{
	leave(cpu, share);
	timer_start(&cpu->timers, &share->refill, share->window + ticks_of_us(CAP_WINDOW_US));
}

void sched_share_init(struct cpu_share *share, uint16_t weight, uint16_t cap)
{
	share->weight = weight;
	share->cap = cap;
	list_init(&share->ready);
	list_init(&share->jobs);
	timer_init(&share->refill, &refill_ops);
}

static struct cpu_share *share_at(struct vm *vm, const struct cpu *cpu)
{
	struct cpu_share *share = &vm->shares[cpu->index];

	if (unlikely(share->weight == 0)) {
		sched_share_init(share, vm->weight, vm->cap);
	}
	return share;
}

struct cpu_share *sched_share(struct vm *vm)
{
	return share_at(vm, this_cpu());
}

void role_ready(struct vcpu *v, uint32_t from)
{
	struct cpu_share *share = share_of(v);
	bool front = v->turn_left != 0 && (from == VCPU_WAITING || from == VCPU_RUNNING);

	/* Whose turn was interrupted goes on with it, and so does who waited. */
	v->woken = front && from == VCPU_WAITING;
	if (front) {
		list_insert(&share->ready, &v->queue_node);
	} else {
		list_append(&share->ready, &v->queue_node);
	}
	share->ready_count++;
	join(v->cpu, share, from == VCPU_WAITING);
}

void role_unready(struct vcpu *v)
{
	struct cpu_share *share = share_of(v);

	list_remove(&v->queue_node);
	share->ready_count--;
	if (!has_work(share) && heap_has(&share->node)) {
		dequeue(v->cpu, share);
		leave(v->cpu, share);
	}
}

void sched_begin(struct cpu_share *share, struct sched_job *job, bool wakes)
{
	list_append(&share->jobs, &job->node);
	join(this_cpu(), share, wakes);
}

/* ---- time spent for somebody else ---- */

bool sched_can_pay(struct cpu_share *share)
{
	struct cpu *cpu = this_cpu();
	uint64_t now = cpu_now();

	advance(cpu, now);
	return budget(share, now) != 0 && (!has_others(cpu) || ahead(cpu, share) <= (int64_t)ticks_of_us(CREDIT_US));
}

void sched_charge(struct cpu_share *share, uint64_t since)
{
	struct cpu *cpu = this_cpu();
	uint64_t now = cpu_now(), ticks = now - since;
	bool queued = heap_has(&share->node);

	advance(cpu, since);
	cpu->turn_since = now;
	if (!share->active) {
		catch_up(cpu, share);
		charge(share, ticks);
		return;
	}
	if (queued) {
		dequeue(cpu, share);
	}
	charge(share, ticks);
	cpu->virtual_time += scaled(ticks, cpu->weight, &cpu->rest);
	if (queued) {
		enqueue(cpu, share);
	}
}

/* ---- turns ---- */

/* The VM that comes before those who compute, or NULL. */
static struct cpu_share *first_behind(const struct cpu *cpu)
{
	struct cpu_share *first = first_of(&cpu->woken);

	return first != NULL && ahead(cpu, first) <= 0 ? first : NULL;
}

/* The VM in the queues that comes next, or NULL. */
static struct cpu_share *first_share(const struct cpu *cpu)
{
	struct cpu_share *woken = first_of(&cpu->woken), *ready = first_of(&cpu->ready);

	if (woken == NULL || ready == NULL) {
		return woken != NULL ? woken : ready;
	}
	return ahead(cpu, woken) <= 0 || woken->virtual_time <= ready->virtual_time ? woken : ready;
}

/* Somebody of another VM woke up and comes before the VM that has the CPU. */
static bool outrun(const struct cpu *cpu, const struct cpu_share *share)
{
	const struct cpu_share *first = first_behind(cpu);

	return first != NULL && (!share->woken || first->virtual_time < share->virtual_time);
}

/* The vCPU that runs goes on, unless its VM has a job. With nobody else there, turns do not matter. */
static bool goes_on(const struct cpu *cpu, const struct vcpu *v, struct cpu_share *share, uint64_t now)
{
	const struct vcpu *sibling = first_vcpu(share);
	bool over = !list_empty(&share->jobs) || (share->turn_left == 0 && has_others(cpu)) ||
		    (sibling != NULL && (v->turn_left == 0 || sibling->woken));

	return !over && budget(share, now) != 0 && !outrun(cpu, share);
}

/* The vCPU that runs is ready again: before the others of its VM if its turn is not over, but for one who woke up. */
static void give_way(struct vcpu *v, struct cpu_share *share)
{
	struct vcpu *sibling = first_vcpu(share);
	bool woken = sibling != NULL && sibling->woken;

	vcpu_state_set(v, VCPU_READY);
	if (woken) {
		list_remove(&sibling->queue_node);
		list_insert(&share->ready, &sibling->queue_node);
	}
}

/*
 * One VM interrupts another. It pays for both switches, its own and the one that brings the other back, so that to be
 * woken often does not take the others' time. What the other gets is what it pays, so the mean stays where it is.
 */
static void pay_for_switch(const struct cpu *cpu, struct cpu_share *woken, struct cpu_share *other)
{
	uint64_t weight = other->weight, rest = 0;
	/* The other has nothing to give back before it has used as much. */
	uint64_t ticks = MIN(cpu->switch_ticks, other->virtual_time / WEIGHT_USUAL * weight);
	uint64_t refund = scaled(ticks, weight, &rest);

	charge(woken, ticks);
	if (rest > other->rest) {
		other->rest += weight;
		refund++;
	}
	other->rest -= rest;
	other->virtual_time -= refund;
}

/* Takes the first VM that may run off the queues; NULL: none. */
static struct cpu_share *take_first(struct cpu *cpu, uint64_t now)
{
	struct cpu_share *share;

	while ((share = first_share(cpu)) != NULL) {
		dequeue(cpu, share);
		if (budget(share, now) != 0) {
			return share;
		}
		hold_back(cpu, share);
	}
	return NULL;
}

/* Whether the VM that has the CPU keeps it for another of its vCPUs, or for a new turn. */
static bool keeps_cpu(const struct cpu *cpu, const struct cpu_share *share)
{
	const struct cpu_share *first = first_share(cpu);

	if (share->turn_left != 0) {
		return !outrun(cpu, share);
	}
	return first_behind(cpu) == NULL && (first == NULL || first->virtual_time > share->virtual_time);
}

/* The VM that comes next, off the queues; NULL: none. */
static struct cpu_share *next_share(struct cpu *cpu, uint64_t now)
{
	struct cpu_share *share = cpu->turn, *other;

	if (share == NULL) {
		return take_first(cpu, now);
	}
	if (!has_work(share)) {
		leave(cpu, share);
		return take_first(cpu, now);
	}
	if (budget(share, now) == 0) {
		hold_back(cpu, share);
		return take_first(cpu, now);
	}
	if (keeps_cpu(cpu, share)) {
		return share;
	}
	other = take_first(cpu, now);
	if (other == NULL) {
		return share;
	}
	if (share->turn_left != 0) {
		pay_for_switch(cpu, other, share);
	}
	enqueue(cpu, share);
	return other;
}

/* When role_next must look again if nothing else happens before. */
static void set_timer(struct cpu *cpu, const struct vcpu *v, struct cpu_share *share, uint64_t now)
{
	const struct cpu_share *woken = first_of(&cpu->woken);
	uint64_t left = budget(share, now);

	if (has_others(cpu)) {
		left = MIN(left, share->turn_left);
	}
	if (woken != NULL && ahead(cpu, woken) > 0) {
		/* Until the mean has come up with it. */
		left = MIN(left, (uint64_t)ahead(cpu, woken) * cpu->weight / WEIGHT_USUAL + 1);
	}
	if (!list_empty(&share->ready)) {
		left = MIN(left, v->turn_left);
	}
	timer_stop(&cpu->timers, &cpu->slice);
	if (left != UINT64_MAX) {
		timer_start(&cpu->timers, &cpu->slice, now + left);
	}
}

static void begin_turn(struct cpu_share *share)
{
	if (share->turn_left == 0) {
		share->woken = false;
		share->turn_left = ticks_of_us(TURN_US);
	}
}

static void begin_vcpu_turn(const struct cpu_share *share, struct vcpu *v)
{
	v->woken = false;
	if (v->turn_left == 0) {
		v->turn_left = ticks_of_us(MAX(TURN_US / share->ready_count, TURN_MIN_US));
	}
}

/* The VM does a slice of its first job; then the loop comes here again. */
static void run_job(struct cpu *cpu, struct cpu_share *share)
{
	struct sched_job *job = list_entry(share->jobs.next, struct sched_job, node);

	list_remove(&job->node);
	if (job->ops->slice(job)) {
		list_append(&share->jobs, &job->node);
	}
	cpu_kick(cpu, CPU_ATTENTION_ROLE);
}

struct vcpu *role_next(struct cpu *cpu)
{
	struct vcpu *v = cpu->current != NULL && cpu->current->state == VCPU_RUNNING ? cpu->current : NULL;
	uint64_t now = cpu_now();
	struct cpu_share *share;

	advance(cpu, now);
	if (v == NULL || !goes_on(cpu, v, cpu->turn, now)) {
		if (v != NULL) {
			give_way(v, cpu->turn);
		}
		share = cpu->turn = next_share(cpu, now);
		if (share == NULL) {
			timer_stop(&cpu->timers, &cpu->slice);
			return NULL;
		}
		begin_turn(share);
		if (!list_empty(&share->jobs)) {
			run_job(cpu, share);
			return NULL;
		}
		v = first_vcpu(share);
		begin_vcpu_turn(share, v);
	}
	set_timer(cpu, v, cpu->turn, now);
	return v;
}

enum trap_result role_wait(struct vcpu *v, bool wfi)
{
	if (!wfi) {
		/* WFE: whoever sends the event may have to run first. */
		struct cpu_share *share = share_of(v);

		v->turn_left = 0;
		if (list_empty(&share->ready)) {
			share->turn_left = 0;
		}
		v->cpu->reschedule = true;
	} else if (vcpu_has_wakeup(v)) {
		return TRAP_RESUME;
	} else {
		vcpu_state_set(v, VCPU_WAITING);
	}
	return TRAP_LEAVE;
}
