/* SPDX-License-Identifier: MIT */
#include "role/spmc/life.h"

#include "arch/barrier.h"
#include "ffa/answer.h"
#include "ffa/console_log.h"
#include "ffa/memory.h"
#include "role/spmc/el0.h"
#include "role/spmc/interrupt.h"
#include "role/spmc/load.h"

extern const struct timer_ops sp_watchdog_ops;

/* ---- its memory ---- */

/* The partition is as it was loaded. False if some of its memory is gone for good. */
static bool load_again(struct sp *sp)
{
	struct ffa_endpoint *e = &sp->endpoint;
	const struct sp_manifest *m = &sp->manifest;

	if (!sp_has_memory(sp)) {
		return false;
	}
	sp_scrub_memory(sp); /* before it loses what it was given */
	if (sp_map_memory(sp) != OK) {
		return false;
	}
	e->version = m->ffa_version;
	e->version_locked = false;
	return sp_reload(sp) == OK && (!m->notifications || ffa_notifications_enable(e, e->vcpu_count) == FFA_OK) &&
	       (!m->has_rxtx ||
		ffa_mailbox_set_fixed(e, pa(m->tx_base), pa(m->rx_base), (uint32_t)m->rxtx_size) == FFA_OK) &&
	       interrupts_claim(sp) == OK;
}

/* ---- the end ---- */

/* Takes a context that is at rest, or that has not started, from whoever may want it. */
static bool stop_at_rest(struct sp_vcpu *v)
{
	static const uint8_t rests[] = { SP_OFF, SP_WAITING, SP_YIELDED, SP_PREEMPTED, SP_SUSPENDED };

	for (unsigned i = 0; i < ARRAY_SIZE(rests); i++) {
		uint32_t state = rests[i];

		if (atomic_load(&v->state) == state && atomic_cas(&v->state, &state, SP_ABORTED)) {
			return true;
		}
	}
	return false;
}

/* All contexts but 'self' stop: those at rest now, the others when they would go on or rest. */
static void stop_others(struct schedule *s, struct sp_vcpu *self)
{
	struct sp *sp = self->sp;

	for (unsigned i = 0; i < sp->endpoint.vcpu_count; i++) {
		struct sp_vcpu *v = sp->vcpus[i];

		if (v == self) {
			continue;
		}
		(void)atomic_or(&v->signals, SP_SIGNAL_ABORT);
		/* DMB: the signal is set before the state is read; schedule_rest() and _claim() are partners. */
		dmb_ish();
		if (stop_at_rest(v)) {
			life_context_stopped(s, v);
		} else if (atomic_load(&v->cpu.cpu) != s->cpu) {
			cpu_kick(atomic_load(&v->cpu.cpu), CPU_ATTENTION_ROLE);
		}
	}
}

void life_abort(struct schedule *s, struct sp_vcpu *v, const char *why)
{
	struct sp *sp = v->sp;
	uint64_t *x = schedule_leave(s, v);

	if (x != NULL) {
		ffa_answer_error(x, FFA_ABORTED);
	}
	if (atomic_swap(&sp->endpoint.aborted, 1) == 0) {
		log_limited(&sp->log, "SP %s: stopped: %s", sp->manifest.name, why);
		sp->died_starting = v->model == SP_MODEL_INIT;
		stop_others(s, v);
	}
	if (sp_is_up(sp)) {
		sp_vcpu_put(v);
	}
	atomic_store_release(&v->state, SP_ABORTED);
	life_context_stopped(s, v);
}

/* 'lent': others have memory of it, which will go back to its tables: these must stay as they are. */
static bool restart(struct schedule *s, struct sp *sp, bool lent)
{
	struct sp_vcpu *first = sp_local_vcpu(sp, s->cpu);

	if (sp->died_starting || sp->restart_turn == schedule_turn(s) || lent || !load_again(sp)) {
		log_limited(&sp->log, "SP %s: cannot be restarted", sp->manifest.name);
		return false;
	}
	log_limited(&sp->log, "SP %s: restarted", sp->manifest.name);
	for (unsigned i = 0; i < sp->endpoint.vcpu_count; i++) {
		struct sp_vcpu *v = sp->vcpus[i];

		v->entry = sp->base.v + sp->manifest.entry_offset;
		atomic_store(&v->signals, 0);
		interrupts_reset(v);
	}
	/* As at boot, one context initializes the partition; the others stay stopped until it has. */
	sp->restarting = true;
	sp->restart_turn = schedule_turn(s);
	atomic_store(&sp->stopped, sp->endpoint.vcpu_count - 1U);
	atomic_store(&sp->endpoint.aborted, 0);
	/* Release: whoever starts it sees all this, so that it can die again. */
	atomic_store_release(&first->state, SP_OFF);
	return life_start(s, first);
}

void life_initialized(struct sp *sp)
{
	if (!sp->restarting) {
		return;
	}
	sp->restarting = false;
	atomic_store(&sp->stopped, 0);
	for (unsigned i = 0; i < sp->endpoint.vcpu_count; i++) {
		uint32_t state = SP_ABORTED;

		(void)atomic_cas(&sp->vcpus[i]->state, &state, SP_OFF);
	}
}

void life_context_stopped(struct schedule *s, struct sp_vcpu *v)
{
	struct sp *sp = v->sp;
	bool lent;

	/* Acquire and release: the last one sees what all others did before they stopped. */
	if (atomic_add(&sp->stopped, 1) + 1 != sp->endpoint.vcpu_count) {
		return;
	}
	interrupts_release(sp);
	ffa_console_flush(&sp->endpoint);
	ffa_mailbox_drop(&sp->endpoint);
	ffa_notifications_drop(&sp->endpoint);
	lent = ffa_mem_drop(&sp->endpoint);
	switch (sp->manifest.abort_action) {
	case SP_ABORT_DESTROY:
		sp_scrub_memory(sp);
		break;
	case SP_ABORT_RESTART:
		(void)restart(s, sp, lent);
		break;
	default:
		break; /* its memory stays as it was when it died */
	}
}

/* ---- the beginning ---- */

/* Once, before any partition runs. False, with a message, if this one cannot run. */
static bool prepare(struct sp *sp)
{
	const struct sp_manifest *m = &sp->manifest;
	enum err error = interrupts_claim(sp);

	if (error != OK) {
		log_warn("SP %s: an interrupt of its devices: %s", m->name, err_name(error));
		return false;
	}
	sp->mask = m->other_s_queued ? SP_MASK_ALL : m->ns_action == SP_NS_QUEUED ? SP_MASK_NS : SP_MASK_NONE;
	/* Counter ticks, without overflow: what is too long for that is for ever. */
	sp->watchdog_ticks = m->watchdog_us > UINT32_MAX ? 0 : m->watchdog_us * read_cntfrq_el0() / 1000000;
	for (unsigned i = 0; i < sp->endpoint.vcpu_count; i++) {
		struct sp_vcpu *v = sp->vcpus[i];

		timer_init(&v->watchdog, &sp_watchdog_ops);
		interrupts_reset(v);
	}
	return true;
}

/* The partition cannot run: whoever asks is told that it is dead. */
static void leave_out(struct sp *sp)
{
	atomic_store(&sp->endpoint.aborted, 1);
	for (unsigned i = 0; i < sp->endpoint.vcpu_count; i++) {
		atomic_store(&sp->vcpus[i]->state, SP_ABORTED);
	}
}

bool life_start(struct schedule *s, struct sp_vcpu *v)
{
	struct sp *sp = v->sp;

	if (!schedule_claim(s, v, SP_OFF)) {
		return false;
	}
	interrupts_claim_private(sp, s->cpu);
	sp_vcpu_reset(v, v->entry);
	v->callee = NULL;
	interrupt_clear(v, FFA_INTID_VTIMER); /* a timer of its former life */
	if (sp->manifest.s_el0) {
		el0_reset(&v->cpu);
	}
	v->cpu.regs.x[4] = s->cpu->index;
	if (sp->manifest.has_boot_info_register) {
		v->cpu.regs.x[sp->manifest.boot_info_register] = sp->base.v;
	}
	schedule_preempt(s, v, SP_MODEL_INIT);
	return true;
}

void sps_start_on_cpu(struct cpu *cpu)
{
	struct schedule *s = schedule_of(cpu);
	uint64_t unanswered[FFA_REGS];

	s->cpu = cpu;
	s->nwd = unanswered;
	list_for_each (node, &sps_boot_list) {
		struct sp *sp = list_entry(node, struct sp, boot_node);

		/* The boot CPU is alone here, the first time: the others are turned on by the normal world. */
		if (!sp->prepared) {
			sp->prepared = true;
			if (!prepare(sp)) {
				leave_out(sp);
			}
		}
	}
	list_for_each (node, &sps_boot_list) {
		struct sp *sp = list_entry(node, struct sp, boot_node);

		if (life_start(s, sp_local_vcpu(sp, cpu))) {
			schedule_loop(s);
		} else {
			interrupts_claim_private(sp, cpu);
		}
	}
	s->nwd = NULL; /* what it pointed to is ours, and ends here */
}
