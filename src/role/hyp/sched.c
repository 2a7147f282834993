/* SPDX-License-Identifier: MIT */
/*
 * Who runs next on a physical CPU. Its vCPUs take turns of SLICE_MS; one that is alone goes on without end. A vCPU
 * that waits keeps what is left of its turn, and may go on with it at once when it wakes: it interrupts whoever runs,
 * who then goes on with his. So an interrupt is answered soon beside vCPUs that never wait, and still nobody gets
 * more than one turn before all the others who are ready have had theirs.
 */
#include "core/port/role.h"
#include "core/vcpu/run.h"

#define SLICE_MS 10

/* Takes the time since the last look off the turn of the one who had it. */
static void charge(struct cpu *cpu, uint64_t now)
{
	if (cpu->turn != NULL) {
		uint64_t used = now - cpu->turn_since;

		cpu->turn->turn_left -= MIN(used, cpu->turn->turn_left);
	}
	cpu->turn_since = now;
}

static struct vcpu *first_ready(const struct cpu *cpu)
{
	return list_empty(&cpu->ready) ? NULL : list_entry(cpu->ready.next, struct vcpu, queue_node);
}

/* The one who runs gives way if its turn is over, or to one who woke up. */
static bool gives_way(const struct vcpu *v, const struct vcpu *first)
{
	return first != NULL && (v->turn_left == 0 || first->woken);
}

static void to_front(struct cpu *cpu, struct vcpu *v)
{
	list_remove(&v->queue_node);
	list_insert(&cpu->ready, &v->queue_node);
}

struct vcpu *role_next(struct cpu *cpu)
{
	struct vcpu *v = cpu->current != NULL && cpu->current->state == VCPU_RUNNING ? cpu->current : NULL;
	struct vcpu *first = first_ready(cpu);
	uint64_t now = cpu_now();
	bool others;

	charge(cpu, now);
	if (v != NULL && gives_way(v, first)) {
		vcpu_state_set(v, VCPU_READY);
		if (v->turn_left != 0) {
			to_front(cpu, v);
			to_front(cpu, first);
		}
		v = NULL;
	}
	if (v == NULL) {
		v = first;
		others = v != NULL && cpu->ready.next->next != &cpu->ready;
	} else {
		others = first != NULL;
	}
	cpu->turn = v;
	timer_stop(&cpu->timers, &cpu->slice);
	if (v != NULL) {
		v->woken = false;
		if (v->turn_left == 0) {
			v->turn_left = read_cntfrq_el0() / 1000 * SLICE_MS;
		}
		if (others) {
			timer_start(&cpu->timers, &cpu->slice, now + v->turn_left);
		}
	}
	return v;
}

enum trap_result role_wait(struct vcpu *v, bool wfi)
{
	if (!wfi) {
		/* WFE: whoever sends the event may have to run first. */
		v->turn_left = 0;
		v->cpu->reschedule = true;
	} else if (vcpu_has_wakeup(v)) {
		return TRAP_RESUME;
	} else {
		vcpu_state_set(v, VCPU_WAITING);
	}
	return TRAP_LEAVE;
}
