/* SPDX-License-Identifier: MIT */
/*
 * Deadlines, and the EL1 physical timer (CNTP_*_EL0) of a vCPU, emulated with them. Its interrupt is the virtual one
 * that the field has settled on: it becomes pending once when the condition is met, and again when the SP programs the
 * timer.
 *
 * The timer of a vCPU goes on while the vCPU rests, in the queue of the CPU that it ran on; a UP context that another
 * CPU claims takes it along. So the queues have a lock, one for all: they are short and seldom used.
 */
#include "arch/spinlock.h"
#include "role/spmc/context.h"

#define CNTP_CTL_ENABLE BIT(0)
#define CNTP_CTL_IMASK BIT(1)
#define CNTP_CTL_ISTATUS BIT(2)

static struct spinlock queues_lock; /* sp_interrupts.lock nests inside it */

void sp_timer_start(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	spin_lock(&queues_lock);
	timer_start(&cpu->timers, timer, deadline);
	cpu_program_timer(cpu);
	spin_unlock(&queues_lock);
}

void sp_timer_stop(struct cpu *cpu, struct timer *timer)
{
	spin_lock(&queues_lock);
	timer_stop(&cpu->timers, timer);
	cpu_program_timer(cpu);
	spin_unlock(&queues_lock);
}

void sp_timers_run(struct cpu *cpu)
{
	spin_lock(&queues_lock);
	cpu->timer_due = false;
	timer_run(&cpu->timers, cpu_now());
	cpu_program_timer(cpu);
	spin_unlock(&queues_lock);
}

void sp_timers_program(struct cpu *cpu)
{
	spin_lock(&queues_lock);
	cpu_program_timer(cpu);
	spin_unlock(&queues_lock);
}

/* ---- CNTP ---- */

static void fired(struct timer *timer)
{
	struct sp_vcpu *v = sp_vcpu_of(container_of(timer, struct vcpu, ptimer));

	sp_interrupt_set(v, FFA_INTID_VTIMER);
}

static const struct timer_ops ptimer_ops = { .fired = fired };

static struct cpu *any_online(void)
{
	for (unsigned i = 0; i < cpu_count; i++) {
		if (atomic_load(&cpus[i]->online) != 0) {
			return cpus[i];
		}
	}
	return NULL;
}

/* Whether it is that of a context that migrates. */
static bool may_move(const struct timer *timer)
{
	return timer->ops == &ptimer_ops && sp_is_up(sp_vcpu_of(container_of(timer, struct vcpu, ptimer))->sp);
}

void sp_timers_leave(struct cpu *cpu)
{
	struct timer_queue stay;
	bool moved = false;
	struct timer *timer;
	struct cpu *to;

	timer_queue_init(&stay);

	spin_lock(&queues_lock);
	/* Under the lock, so that nobody who leaves after us moves something here. */
	atomic_store(&cpu->online, 0);
	to = any_online();
	while (to != NULL && (timer = timer_first(&cpu->timers)) != NULL) {
		bool moves = may_move(timer);

		timer_stop(&cpu->timers, timer);
		timer_start(moves ? &to->timers : &stay, timer, timer->deadline);
		if (moves) {
			sp_vcpu_of(container_of(timer, struct vcpu, ptimer))->timer_cpu = to;
			moved = true;
		}
	}
	if (to != NULL) {
		cpu->timers = stay;
	}
	spin_unlock(&queues_lock);
	cpu_timer_off(cpu);
	if (moved) {
		cpu_kick(to, CPU_ATTENTION_ROLE); /* it programs EL2's timer */
	}
}

/* Takes it out of whatever queue it is in. Its CPU may then be woken by a deadline that is gone, which harms nobody. */
static void stop(struct sp_vcpu *v)
{
	struct vcpu *cpu_state = &v->cpu;

	if (timer_running(&cpu_state->ptimer)) {
		timer_stop(&v->timer_cpu->timers, &cpu_state->ptimer);
	}
}

static bool condition_met(const struct sp_vcpu *v)
{
	return (v->cpu.ptimer_ctl & CNTP_CTL_ENABLE) != 0 && cpu_now() >= v->cpu.ptimer_cval;
}

/* The registers have changed, or the CPU has. */
static void update(struct sp_vcpu *v)
{
	struct cpu *cpu = this_cpu();
	bool met = condition_met(v);

	spin_lock(&queues_lock);
	stop(v);
	if ((v->cpu.ptimer_ctl & (CNTP_CTL_ENABLE | CNTP_CTL_IMASK)) == CNTP_CTL_ENABLE && !met) {
		timer_start(&cpu->timers, &v->cpu.ptimer, v->cpu.ptimer_cval);
		v->timer_cpu = cpu;
	}
	cpu_program_timer(cpu);
	spin_unlock(&queues_lock);
	if (met && (v->cpu.ptimer_ctl & CNTP_CTL_IMASK) == 0) {
		sp_interrupt_set(v, FFA_INTID_VTIMER);
	}
}

void sp_ptimer_bring(struct sp_vcpu *v)
{
	update(v);
}

void sp_ptimer_reset(struct sp_vcpu *v)
{
	spin_lock(&queues_lock);
	if (v->cpu.ptimer.ops == NULL) {
		timer_init(&v->cpu.ptimer, &ptimer_ops);
	}
	stop(v);
	spin_unlock(&queues_lock);
	v->cpu.ptimer_ctl = 0;
	v->cpu.ptimer_cval = 0;
}

uint64_t sp_ptimer_read_ctl(const struct sp_vcpu *v)
{
	return v->cpu.ptimer_ctl | (condition_met(v) ? CNTP_CTL_ISTATUS : 0);
}

/* The timer value is a 32-bit downcounter, seen from the compare value (Arm ARM, D11.2.4). */
uint64_t sp_ptimer_read_tval(const struct sp_vcpu *v)
{
	return (uint32_t)(v->cpu.ptimer_cval - cpu_now());
}

void sp_ptimer_write_ctl(struct sp_vcpu *v, uint64_t value)
{
	v->cpu.ptimer_ctl = value & (CNTP_CTL_ENABLE | CNTP_CTL_IMASK);
	update(v);
}

void sp_ptimer_write_cval(struct sp_vcpu *v, uint64_t value)
{
	v->cpu.ptimer_cval = value;
	update(v);
}

void sp_ptimer_write_tval(struct sp_vcpu *v, uint64_t value)
{
	v->cpu.ptimer_cval = cpu_now() + (uint64_t)(int64_t)(int32_t)lo32(value);
	update(v);
}
