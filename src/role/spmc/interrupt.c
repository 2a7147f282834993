/* SPDX-License-Identifier: MIT */
#include "role/spmc/interrupt.h"

#include "arch/barrier.h"
#include "arch/gic_cpu.h"
#include "arch/smc.h"
#include "arch/world.h"
#include "core/port/host.h"
#include "core/port/secure_irq.h"
#include "ffa/answer.h"
#include "ffa/port.h"
#include "lib/log.h"
#include "lib/panic.h"

#define FIRST_SPI 32
#define SP_PRIORITY_FIRST (SECURE_IRQ_PRIORITY_EL2 + 0x10) /* behind our own */

static struct sp *owners[GIC_INTID_NONE]; /* of physical interrupts; atomic pointers */

/* ---- sets of interrupt ids ---- */

static bool has(const uint32_t *set, unsigned intid)
{
	return (set[intid / 32] >> (intid % 32) & 1) != 0;
}

static void put(uint32_t *set, unsigned intid, bool value)
{
	uint32_t bit = UINT32_C(1) << (intid % 32);

	set[intid / 32] = value ? set[intid / 32] | bit : set[intid / 32] & ~bit;
}

static bool is_active(const struct sp_interrupts *in, unsigned intid)
{
	return has(in->enabled, intid) && has(in->pending, intid);
}

/*
 * The one function that changes what is enabled, pending or FIQ: 'set' is one of those arrays of v. Keeps the counts
 * and v->signals. Returns what the bit was.
 */
static bool change(struct sp_vcpu *v, uint32_t *set, unsigned intid, bool value)
{
	struct sp_interrupts *in = &v->interrupts;
	uint64_t signals = 0;
	bool before;

	spin_lock(&in->lock);
	before = has(set, intid);
	if (is_active(in, intid)) {
		(*(has(in->fiq, intid) ? &in->fiq_count : &in->irq_count))--;
	}
	put(set, intid, value);
	if (is_active(in, intid)) {
		(*(has(in->fiq, intid) ? &in->fiq_count : &in->irq_count))++;
		if (before != value && set != in->fiq) {
			atomic_store(&in->arrivals, in->arrivals + 1);
		}
	}
	if (v->sp->manifest.s_el0) {
		signals = in->irq_count + in->fiq_count != 0 ? SP_SIGNAL_EL0 : 0;
	} else {
		signals = (in->irq_count != 0 ? SP_SIGNAL_IRQ : 0) | (in->fiq_count != 0 ? SP_SIGNAL_FIQ : 0);
	}
	/* Others set SP_SIGNAL_ABORT at any time: bits are added and taken, the word is never stored. */
	(void)atomic_or(&v->signals, signals);
	(void)atomic_and(&v->signals, signals | SP_SIGNAL_ABORT);
	spin_unlock(&in->lock);
	return before;
}

/* The lowest that is enabled and pending, or GIC_INTID_NONE. */
static unsigned first_active(struct sp_vcpu *v)
{
	struct sp_interrupts *in = &v->interrupts;
	unsigned intid = GIC_INTID_NONE;

	spin_lock(&in->lock);
	for (unsigned word = 0; word < ARRAY_SIZE(in->pending); word++) {
		uint32_t active = in->enabled[word] & in->pending[word];

		if (active != 0) {
			intid = 32 * word + (unsigned)__builtin_ctz(active);
			break;
		}
	}
	spin_unlock(&in->lock);
	return intid;
}

void interrupt_done(struct sp_vcpu *v)
{
	struct sp_interrupts *in = &v->interrupts;
	unsigned intid = v->handling;
	bool active;

	v->handling = 0;
	spin_lock(&in->lock);
	active = has(in->active, intid);
	put(in->active, intid, false);
	spin_unlock(&in->lock);
	if (active) {
		secure_irq_deactivate(intid);
	}
}

/* Takes the lowest as HF_INTERRUPT_GET does; GIC_INTID_NONE if there is none. */
static unsigned take(struct sp_vcpu *v)
{
	unsigned intid;

	if (v->handling != 0) {
		interrupt_done(v);
	}
	intid = first_active(v);
	if (intid != GIC_INTID_NONE) {
		interrupt_clear(v, intid);
		v->handling = (uint16_t)intid;
	}
	return intid;
}

void interrupt_clear(struct sp_vcpu *v, unsigned intid)
{
	if (has(v->interrupts.pending, intid)) {
		change(v, v->interrupts.pending, intid, false);
	}
}

/* ---- a virtual interrupt becomes pending ---- */

void interrupt_queue_wake(struct schedule *s, struct sp_vcpu *v)
{
	if (atomic_swap(&v->wake_queued, 1) == 0) {
		v->wake_next = s->wake;
		s->wake = v;
	}
}

void interrupt_wakeup(struct sp_vcpu *v, bool delayed)
{
	atomic_store(&v->wakeup, 1);
	interrupt_sri(delayed);
}

/* Something was signalled to v: whoever has it looks, or it is run. */
static void sp_notice(struct sp_vcpu *v)
{
	struct cpu *here = this_cpu();
	uint32_t state;

	/*
	 * DMB: the signal is set before the state is read; partners are schedule_rest() and, for a context that may
	 * move, schedule_claim(), which write the state or the CPU and then look for signals.
	 */
	dmb_ish();
	state = atomic_load(&v->state);
	if (state == SP_WAITING) {
		if (sp_is_up(v->sp) || v->cpu.cpu == here) {
			interrupt_queue_wake(schedule_of(here), v);
		} else {
			interrupt_wakeup(v, false);
		}
	} else if (state != SP_OFF && state != SP_ABORTED) {
		struct cpu *cpu = atomic_load(&v->cpu.cpu);

		/* It runs, or at any moment goes on without a look at its signals: its CPU has it come out for one. */
		if (cpu != here) {
			cpu_kick(cpu, CPU_ATTENTION_ROLE);
		}
	}
}

bool sp_interrupt_set(struct sp_vcpu *v, unsigned intid)
{
	if (atomic_load(&v->state) == SP_ABORTED || change(v, v->interrupts.pending, intid, true)) {
		return false;
	}
	if (has(v->interrupts.enabled, intid)) {
		sp_notice(v);
	}
	return true;
}

bool interrupt_wake(struct schedule *s)
{
	while (s->wake != NULL && (s->current == NULL || !s->current->spmc_scheduled)) {
		struct sp_vcpu *v = s->wake;

		s->wake = v->wake_next;
		/* Release: another CPU may queue it from here on. */
		atomic_store_release(&v->wake_queued, 0);
		dmb_ish();
		if (atomic_load(&v->signals) == 0 || atomic_load(&v->state) != SP_WAITING) {
			continue; /* it sees the interrupt when it runs */
		}
		if (v->sp->manifest.sri_delayed_waiting) {
			interrupt_wakeup(v, true);
		} else if (schedule_claim(s, v, SP_WAITING)) {
			schedule_preempt(s, v, SP_MODEL_INTERRUPT);
			interrupt_tell(v);
			return true;
		}
	}
	return false;
}

void interrupt_tell(struct sp_vcpu *v)
{
	v->told = atomic_load(&v->interrupts.arrivals);
	ffa_answer(v->cpu.regs.x, FFA_INTERRUPT);
	v->cpu.regs.x[2] = v->sp->manifest.s_el0 ? take(v) : first_active(v);
}

/* ---- physical interrupts ---- */

/* v waits, in the chain of this CPU, for what is current now. */
static bool waits_here(const struct schedule *s, const struct sp_vcpu *v)
{
	const struct sp_vcpu *at = s->current;

	while (at != NULL && at != v) {
		at = at->caller;
	}
	return at == v && at != s->current;
}

static void physical(struct schedule *s, uint32_t intid)
{
	struct sp *sp = intid < ARRAY_SIZE(owners) ? atomic_load(&owners[intid]) : NULL;
	struct sp_vcpu *v = sp != NULL ? sp_local_vcpu(sp, s->cpu) : NULL;
	bool enabled = v != NULL && has(v->interrupts.enabled, intid);

	gic_drop(intid);
	if (enabled && (intid >= FIRST_SPI || !sp_is_up(sp))) {
		spin_lock(&v->interrupts.lock);
		put(v->interrupts.active, intid, true);
		spin_unlock(&v->interrupts.lock);
	} else {
		/* A private interrupt of a partition that migrates could not be ended on another CPU later. */
		secure_irq_deactivate(intid);
	}
	if (!enabled) {
		secure_irq_disable(intid); /* nobody's, or nobody looks at it now */
	}
	if (v == NULL) {
		return;
	}
	sp_interrupt_set(v, intid);
	if (!enabled) {
		/* It pends until its owner enables it, which he may have done since we looked. */
		if (has(v->interrupts.enabled, intid)) {
			secure_irq_enable(intid);
		}
		return;
	}
	if (atomic_load(&v->state) == SP_BLOCKED && !v->sp->manifest.s_el0 && s->current != NULL &&
	    !s->current->spmc_scheduled && waits_here(s, v)) {
		schedule_recall(s, v);
	}
}

void interrupt_secure(struct schedule *s)
{
	uint32_t intid = gic_ack();

	if (intid >= GIC_INTID_NONE) {
		return;
	}
	if (intid == host.hyp_timer_intid) {
		cpu_timer_off(s->cpu);
		sp_timers_run(s->cpu);
	} else if (intid == world_sgi_kick) {
		/* The loop looks at the signals of what it runs; and there may be timers of a CPU that went off. */
		(void)atomic_swap(&s->cpu->attention, 0);
		sp_timers_run(s->cpu);
	} else if (intid == world_sgi_stop) {
		panic_stop();
	} else {
		physical(s, intid);
		return;
	}
	gic_drop(intid);
	secure_irq_deactivate(intid);
}

void interrupt_other(struct schedule *s, struct sp_vcpu *v)
{
	if (read_icc_hppir0_el1() < GIC_INTID_NONE) {
		struct smc_regs call = { .x = { FFA_EL3_INTR_HANDLE } };

		arch_smc(&call);
		return;
	}
	if (v->spmc_scheduled) {
		v->mask = SP_MASK_ALL; /* it was pending already when the mask was set */
		return;
	}
	if (v->sp->manifest.ns_action == SP_NS_MANAGED_EXIT && has(v->interrupts.enabled, FFA_INTID_ME)) {
		v->mask = MAX(v->mask, SP_MASK_NS);
		sp_interrupt_set(v, FFA_INTID_ME);
		return;
	}
	schedule_ns_preempt(s, v);
}

void interrupt_from_spmd(struct schedule *s, struct sp_vcpu *from unused_arg, uint64_t *x)
{
	ffa_answer(x, FFA_NORMAL_WORLD_RESUME);
	interrupt_secure(s);
}

/* ---- who owns which ---- */

static bool is_owner(const struct sp *sp, uint64_t intid)
{
	return intid < ARRAY_SIZE(owners) && atomic_load(&owners[intid]) == sp;
}

static const struct sp_interrupt *in_manifest(const struct sp *sp, uint64_t intid)
{
	for (unsigned i = 0; i < sp->manifest.interrupt_count; i++) {
		if (sp->manifest.interrupts[i].intid == intid) {
			return &sp->manifest.interrupts[i];
		}
	}
	return NULL;
}

static void claim(const struct sp_interrupt *irq)
{
	uint8_t priority = MIN(irq->priority, SECURE_IRQ_PRIORITY_END - 8);

	secure_irq_claim(irq->intid, MAX(priority, SP_PRIORITY_FIRST), irq->level);
	if (irq->intid >= FIRST_SPI && irq->has_target) {
		secure_irq_route(irq->intid, irq->target_mpidr);
	}
}

enum err interrupts_claim(struct sp *sp)
{
	const struct sp_manifest *m = &sp->manifest;

	for (unsigned i = 0; i < m->interrupt_count; i++) {
		uint32_t intid = m->interrupts[i].intid;

		if (intid >= ARRAY_SIZE(owners) || !secure_irq_exists(intid)) {
			return ERR_RANGE;
		}
		if (owners[intid] != NULL || intid == host.hyp_timer_intid || intid == world_sgi_kick ||
		    intid == world_sgi_stop) {
			return ERR_EXISTS;
		}
	}
	for (unsigned i = 0; i < m->interrupt_count; i++) {
		owners[m->interrupts[i].intid] = sp;
		if (m->interrupts[i].secure && m->interrupts[i].intid >= FIRST_SPI) {
			claim(&m->interrupts[i]);
		}
	}
	return OK;
}

void interrupts_claim_private(struct sp *sp, struct cpu *cpu)
{
	const struct sp_vcpu *v = sp_local_vcpu(sp, cpu);

	for (unsigned i = 0; i < sp->manifest.interrupt_count; i++) {
		const struct sp_interrupt *irq = &sp->manifest.interrupts[i];

		if (irq->secure && irq->intid < FIRST_SPI && is_owner(sp, irq->intid)) {
			claim(irq);
			if (has(v->interrupts.enabled, irq->intid)) {
				secure_irq_enable(irq->intid);
			}
		}
	}
}

void interrupts_release(struct sp *sp)
{
	for (unsigned i = 0; i < sp->manifest.interrupt_count; i++) {
		uint32_t intid = sp->manifest.interrupts[i].intid;

		/* A private one of another CPU is disabled there when it comes and has no owner. */
		secure_irq_disable(intid);
		atomic_store(&owners[intid], NULL);
		secure_irq_deactivate(intid);
	}
}

void interrupts_reset(struct sp_vcpu *v)
{
	const struct sp_manifest *m = &v->sp->manifest;
	struct sp_interrupts *in = &v->interrupts;

	spin_lock(&in->lock);
	for (unsigned i = 0; i < m->interrupt_count; i++) {
		if (has(in->active, m->interrupts[i].intid)) {
			secure_irq_deactivate(m->interrupts[i].intid);
		}
	}
	for (unsigned word = 0; word < ARRAY_SIZE(in->pending); word++) {
		in->enabled[word] = in->pending[word] = in->fiq[word] = in->active[word] = 0;
	}
	v->handling = 0;
	in->irq_count = in->fiq_count = 0;
	(void)atomic_and(&v->signals, SP_SIGNAL_ABORT);
	put(in->fiq, FFA_INTID_ME, !m->managed_exit_virq);
	/* What it asked for in its manifest it need not ask for again. */
	put(in->enabled, FFA_INTID_ME, !m->s_el0 && m->ns_action == SP_NS_MANAGED_EXIT);
	put(in->enabled, FFA_INTID_NPI, !m->s_el0 && m->notifications);
	for (unsigned i = 0; m->s_el0 && i < m->interrupt_count; i++) {
		put(in->enabled, m->interrupts[i].intid, true);
		if (m->interrupts[i].secure) {
			secure_irq_enable(m->interrupts[i].intid);
		}
	}
	spin_unlock(&in->lock);
}

/* ---- the paravirtual calls ---- */

static bool is_virtual(uint64_t intid)
{
	return intid == FFA_INTID_VTIMER || intid == FFA_INTID_ME || intid == FFA_INTID_NPI || intid == FFA_INTID_IPI;
}

static bool enable(struct sp_vcpu *v, uint64_t intid, bool on, uint64_t type)
{
	const struct sp_interrupt *irq;

	if (!is_virtual(intid) && !is_owner(v->sp, intid)) {
		return false;
	}
	if (intid != FFA_INTID_ME) {
		change(v, v->interrupts.fiq, (unsigned)intid, type == 1);
	}
	change(v, v->interrupts.enabled, (unsigned)intid, on);
	irq = is_virtual(intid) ? NULL : in_manifest(v->sp, intid);
	if (irq != NULL && irq->secure) {
		(on ? secure_irq_enable : secure_irq_disable)(irq->intid);
	}
	return true;
}

static bool reconfigure(struct schedule *s, struct sp_vcpu *v, uint64_t intid, uint64_t command, uint64_t value)
{
	const struct sp_interrupt *irq = is_owner(v->sp, intid) ? in_manifest(v->sp, intid) : NULL;

	if (irq == NULL) {
		return false;
	}
	switch (command) {
	case 0: /* target CPU */
		if (irq->intid < FIRST_SPI || value >= cpu_count || (sp_is_up(v->sp) && value != s->cpu->index)) {
			return false;
		}
		secure_irq_route(irq->intid, cpus[value]->mpidr);
		return true;
	case 1: /* Security state */
		if (value > 1) {
			return false;
		}
		if (value == 1) {
			claim(irq);
		} else {
			secure_irq_release(irq->intid);
		}
		return true;
	case 2: /* enabled */
		if (value > 1) {
			return false;
		}
		(value == 1 ? secure_irq_enable : secure_irq_disable)(irq->intid);
		return true;
	default:
		return false;
	}
}

static bool send_ipi(struct sp_vcpu *v, uint64_t index)
{
	if (index >= v->sp->endpoint.vcpu_count || index == v->cpu.index) {
		return false;
	}
	sp_interrupt_set(v->sp->vcpus[index], FFA_INTID_IPI);
	return true;
}

bool interrupt_hypercall(struct schedule *s, struct sp_vcpu *v, uint64_t *x)
{
	bool done = false;

	switch ((uint32_t)x[0]) {
	case HF_INTERRUPT_ENABLE:
		done = enable(v, x[1], x[2] != 0, x[3]);
		break;
	case HF_INTERRUPT_GET: {
		unsigned intid = take(v);

		x[0] = intid == GIC_INTID_NONE ? HF_INTERRUPT_NONE : intid;
		return true;
	}
	case HF_INTERRUPT_DEACTIVATE:
		done = x[1] == x[2] && (is_virtual(x[1]) || is_owner(v->sp, x[1]));
		if (done && x[1] == v->handling) {
			interrupt_done(v);
		}
		break;
	case HF_INTERRUPT_RECONFIGURE:
		done = reconfigure(s, v, x[1], x[2], x[3]);
		break;
	case HF_INTERRUPT_SEND_IPI:
		done = send_ipi(v, x[1]);
		break;
	default:
		return false;
	}
	x[0] = done ? 0 : (uint64_t)-1;
	return true;
}

/* ---- what src/ffa asks for ---- */

void interrupt_sri(bool delayed)
{
	struct cpu *cpu = this_cpu();

	if (delayed) {
		schedule_of(cpu)->before_nwd |= SCHEDULE_SRI;
		return;
	}
	/* DSB: what the receiver is to find was stored before; partner is the normal world's acknowledge. */
	dsb_ishst();
	write_icc_asgi1r_el1(FIELD_PUT(ICC_SGI1R_INTID, FFA_INTID_SRI) | cpu->sgi_target);
	isb();
}

void ffa_port_notified(struct ffa_endpoint *receiver unused_arg, int vcpu unused_arg, bool delayed)
{
	interrupt_sri(delayed);
}

bool ffa_port_take_wakeup(struct ffa_endpoint *e, unsigned vcpu)
{
	return vcpu < e->vcpu_count && atomic_swap(&sp_of(e)->vcpus[vcpu]->wakeup, 0) != 0;
}

const void *ffa_port_caller(void)
{
	return schedule_of(this_cpu())->current;
}
