/* SPDX-License-Identifier: MIT */
#include "core/vcpu/run.h"

#include "arch/atomic.h"
#include "arch/barrier.h"
#include "arch/gic_cpu.h"
#include "arch/vcpu_enter.h"
#include "arch/world.h"
#include "core/port/host.h"
#include "core/port/role.h"
#include "core/port/vgic_port.h"
#include "core/vcpu/debug.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/pstate.h"
#include "core/vcpu/ptimer.h"
#include "core/vcpu/trap.h"
#include "lib/checked.h"
#include "lib/panic.h"
#include "lib/str.h"

#define CNTV_CTL_ENABLE BIT(0)
#define CNTV_CTL_IMASK BIT(1)
#define GUEST_VTIMER_INTID 27
#define SCTLR_EL1_RESET 0x30d00800u /* RES1 bits; MMU and caches off, little endian */

/* ---- state ---- */

static bool edge_exists(enum vcpu_state from, enum vcpu_state to)
{
	switch (to) {
	case VCPU_OFF:
		return from == VCPU_RUNNING || from == VCPU_STOPPED;
	case VCPU_READY:
		return from == VCPU_OFF || from == VCPU_RUNNING || from == VCPU_WAITING || from == VCPU_PAUSED;
	case VCPU_RUNNING:
		return from == VCPU_READY;
	case VCPU_WAITING:
		return from == VCPU_RUNNING;
	case VCPU_PAUSED:
		return from == VCPU_READY || from == VCPU_RUNNING || from == VCPU_WAITING;
	case VCPU_STOPPED:
		return true;
	}
	return false;
}

bool vcpu_state_set(struct vcpu *v, enum vcpu_state state)
{
	if (!edge_exists((enum vcpu_state)v->state, state)) {
		return false;
	}
	if (v->state == VCPU_READY) {
		role_unready(v);
	}
	if (state == VCPU_READY) {
		if (unlikely(v->in_call)) {
			v->in_call = false;
			role_answer(v);
		}
		role_ready(v, v->state);
	}
	atomic_store(&v->state, state);
	return true;
}

bool vcpu_has_wakeup(struct vcpu *v)
{
	return vgic_has_pending(&v->vgic);
}

/* A vCPU that waits goes on if it has a reason. */
static void wake_if_pending(struct vcpu *v)
{
	if (v->state == VCPU_WAITING && vcpu_has_wakeup(v)) {
		vcpu_state_set(v, VCPU_READY);
	}
}

/* ---- requests ---- */

void vcpu_request(struct vcpu *v, uint32_t requests)
{
	atomic_or(&v->requests, requests);
	cpu_kick(v->cpu, v->attention);
}

/* Apart, so that the usual kick needs no stack. */
static __attribute__((noinline)) void kick_if_wakes(struct vcpu *target)
{
	if (atomic_load(&target->state) == VCPU_WAITING && vgic_has_pending_saved(&target->vgic)) {
		cpu_kick(target->cpu, target->attention);
	}
}

/*
 * vgic.dirty is the request. A vCPU that is not loaded looks when it is, so its CPU is left alone, unless the vCPU
 * would wake up now: or else a VM could keep another CPU busy with exits by registers that it writes on this one.
 */
void vgic_port_kick(struct vcpu *target)
{
	struct cpu *cpu = target->cpu;

	/* 'dirty' before 'current'; partner: vcpu_load. */
	dmb_ish();
	/* Acquire: who is not loaded any more has been saved. */
	if (likely(atomic_load_acquire(&cpu->current) == target)) {
		cpu_kick(cpu, target->attention);
	} else {
		kick_if_wakes(target);
	}
}

bool vgic_port_loaded_elsewhere(const struct vcpu *target)
{
	return target->cpu != this_cpu() && atomic_load(&target->cpu->current) == target;
}

void vgic_port_set_physical_active(unsigned physical_intid, bool active)
{
	irq_set_active(physical_intid, active);
}

bool vgic_port_physical_line(unsigned physical_intid)
{
	return irq_is_pending(physical_intid);
}

void vgic_port_wait(void)
{
	struct vcpu *v = this_cpu()->current;

	if (v != NULL && atomic_load(&v->vgic.dirty) != 0) {
		vgic_enter(&v->vgic);
	}
	cpu_relax();
}

static void serve_vcpu(struct vcpu *v)
{
	/* Acquire: pairs with the release in vcpu_request; what the request speaks of was written before. */
	uint32_t requests = atomic_swap(&v->requests, 0);

	if ((requests & VCPU_REQ_DUMP) != 0) {
		role_dump(v);
	}
	/* A VM is resumed only when all of it is paused, so of the two the request to pause is the later one. */
	if ((requests & VCPU_REQ_RESUME) != 0 && v->state == VCPU_PAUSED) {
		vcpu_state_set(v, VCPU_READY);
	}
	if ((requests & VCPU_REQ_ANSWER) != 0 && v->in_call && v->state == VCPU_WAITING && role_has_answer(v)) {
		vcpu_state_set(v, VCPU_READY);
	}
	if ((requests & VCPU_REQ_PAUSE) != 0) {
		vcpu_put(v);
		timer_stop(&v->cpu->timers, &v->vtimer_wake);
		vcpu_state_set(v, VCPU_PAUSED);
		role_paused(v);
	}
	if ((requests & VCPU_REQ_STOP) != 0) {
		vcpu_put(v);
		vcpu_state_set(v, VCPU_STOPPED);
		role_stopped(v);
	}
	if ((requests & VCPU_REQ_START) != 0) {
		role_start(v);
	}
}

static void serve_group(struct cpu *cpu, unsigned group)
{
	list_for_each (node, &cpu->vcpus[group]) {
		struct vcpu *v = list_entry(node, struct vcpu, cpu_node);

		if (atomic_load(&v->requests) != 0) {
			serve_vcpu(v);
		}
		if (atomic_load(&v->vgic.dirty) != 0) {
			if (cpu->current == v) {
				vgic_enter(&v->vgic);
			}
			wake_if_pending(v);
		}
	}
}

static void serve_requests(struct cpu *cpu)
{
	while (atomic_load(&cpu->attention) != 0) {
		uint32_t attention = atomic_swap(&cpu->attention, 0);

		for (uint32_t groups = attention / CPU_ATTENTION_VCPU; groups != 0; groups &= groups - 1) {
			serve_group(cpu, (unsigned)__builtin_ctz(groups));
		}
		if ((attention & CPU_ATTENTION_WORK) != 0) {
			cpu_run_work(cpu);
		}
		if ((attention & CPU_ATTENTION_ROLE) != 0) {
			role_serve(cpu);
		}
	}
}

/* ---- load and put ---- */

static void vtimer_wake_fired(struct timer *timer)
{
	struct vcpu *v = container_of(timer, struct vcpu, vtimer_wake);

	if (v->state == VCPU_WAITING) {
		vcpu_state_set(v, VCPU_READY);
	}
}

static const struct timer_ops vtimer_wake_ops = { .fired = vtimer_wake_fired };

static void fp_trap_set(const struct cpu *cpu, const struct vcpu *v)
{
	write_cptr_el2(vcpu_cptr(&cpu_features, cpu->fp_owner == v));
}

void vcpu_fp_trap(struct vcpu *v)
{
	struct cpu *cpu = v->cpu;

	write_cptr_el2(vcpu_cptr(&cpu_features, true));
	isb();
	if (cpu->fp_owner != NULL) {
		fp_save(&cpu->fp_owner->fp);
	}
	fp_load(&v->fp);
	cpu->fp_owner = v;
}

static bool vtimer_runs(uint64_t cntv_ctl)
{
	return (cntv_ctl & (CNTV_CTL_ENABLE | CNTV_CTL_IMASK)) == CNTV_CTL_ENABLE;
}

/* By the physical counter. A compare value so high that the sum wraps is never reached. */
static uint64_t vtimer_deadline(const struct vcpu *v, uint64_t cntv_cval)
{
	uint64_t deadline = UINT64_MAX;

	(void)add_u64(cntv_cval, v->vm->cntvoff, &deadline);
	return deadline;
}

void vcpu_cover_vtimer(struct vcpu *v)
{
	struct cpu *cpu = v->cpu;
	uint64_t deadline = vtimer_deadline(v, guest_read_cntv_cval());

	if (!vtimer_runs(guest_read_cntv_ctl())) {
		return;
	}
	/* What is over has interrupted already, unless that happens just now: then it would end with the timer. */
	if (deadline > cpu_now() || gic_has_pending()) {
		timer_start(&cpu->timers, &v->vtimer_wake, deadline);
		cpu_program_timer(cpu);
	}
}

void vcpu_uncover_vtimer(struct vcpu *v)
{
	timer_stop(&v->cpu->timers, &v->vtimer_wake);
}

void vcpu_put(struct vcpu *v)
{
	struct cpu *cpu = v->cpu;

	if (cpu->current != v) {
		return;
	}
	v->el1.cntv_ctl = guest_read_cntv_ctl();
	v->el1.cntv_cval = guest_read_cntv_cval();
	guest_write_cntv_ctl(0);
	if (vtimer_runs(v->el1.cntv_ctl)) {
		timer_start(&cpu->timers, &v->vtimer_wake, vtimer_deadline(v, v->el1.cntv_cval));
	}
	vgic_save(&v->vgic);
	debug_put(v);
	el1_save(&v->el1);
	atomic_store_release(&cpu->current, NULL);
}

static void vcpu_load(struct cpu *cpu, struct vcpu *v)
{
	struct vcpu **last = &v->vm->shares[cpu->index].last;

	if (cpu->current != NULL) {
		vcpu_put(cpu->current);
	}
	/* With a cap, time in WFI must not count. */
	write_hcr_el2(vcpu_hcr(&cpu_features, cpu->vcpu_count == 1 && v->vm->cap == 0));
	write_vtcr_el2(v->vm->stage2.vtcr);
	write_vttbr_el2(v->vm->stage2.vttbr);
	write_vmpidr_el2(v->mpidr);
	write_vpidr_el2(read_midr_el1());
	write_cntvoff_el2(v->vm->cntvoff);
	el1_load(&v->el1);
	debug_load(v);
	fp_trap_set(cpu, v);
	isb();
	if (*last != v) {
		/*
		 * Two vCPUs may use one ASID for different tables; a real CPU would not share TLB entries between
		 * them.
		 */
		*last = v;
		arch_flush_local_guest();
	}
	atomic_store_release(&cpu->current, v);
	/* 'current' before 'dirty': who finds v not loaded has set that before. Partner: vgic_port_kick. */
	dmb_ish();
	vgic_load(&v->vgic);
	timer_stop(&cpu->timers, &v->vtimer_wake);
	guest_write_cntv_cval(v->el1.cntv_cval);
	guest_write_cntv_ctl(v->el1.cntv_ctl);
}

void vcpu_init(struct vcpu *v, struct vm *vm, struct cpu *cpu, unsigned index, uint64_t mpidr)
{
	v->vm = vm;
	v->cpu = cpu;
	v->index = index;
	v->mpidr = mpidr | BIT(31);
	v->state = VCPU_OFF;
	list_init(&v->queue_node);
	list_init(&v->cpu_node);
	timer_init(&v->vtimer_wake, &vtimer_wake_ops);
	ptimer_init(v);
}

void vcpu_attach(struct vcpu *v)
{
	unsigned group = v->cpu->vcpu_count++ % CPU_VCPU_GROUPS;

	v->attention = (uint32_t)CPU_ATTENTION_VCPU << group;
	list_append(&v->cpu->vcpus[group], &v->cpu_node);
}

void vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t context)
{
	if (v->cpu->current == v) {
		vcpu_put(v);
	}
	if (v->cpu->fp_owner == v) {
		/* Nobody wants what is in the CPU. FP stays trapped for whoever is loaded, who does not own it. */
		v->cpu->fp_owner = NULL;
	}
	timer_stop(&v->cpu->timers, &v->vtimer_wake);
	/* It finds no translations of its life before. */
	v->vm->shares[v->cpu->index].last = NULL;
	ptimer_reset(v);
	debug_reset(v);
	vgic_cpu_reset(&v->vgic);
	memset(&v->el1, 0, sizeof(v->el1));
	memset(&v->fp, 0, sizeof(v->fp));
	memset(&v->regs, 0, sizeof(v->regs));
	v->in_call = false;
	v->el1.sctlr = SCTLR_EL1_RESET;
	v->regs.pc = entry;
	v->regs.x[0] = context;
	v->regs.pstate = PSTATE_EL1H | PSTATE_DAIF;
}

struct vcpu *vm_vcpu_by_mpidr(const struct vm *vm, uint64_t mpidr)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if ((vm->vcpus[i]->mpidr & ~BIT(31)) == mpidr) {
			return vm->vcpus[i];
		}
	}
	return NULL;
}

/* ---- physical interrupts ---- */

/*
 * The virtual timer of the loaded vCPU fired. It stays active until the guest deactivates it through its list
 * register.
 */
static inline void serve_vtimer(struct vcpu *v, uint32_t intid)
{
	gic_drop(intid);
	vgic_fire_hw_ppi(&v->vgic, GUEST_VTIMER_INTID, intid);
}

/* Serves one acknowledged interrupt. v is the loaded vCPU, or NULL. */
static void serve_irq(struct cpu *cpu, struct vcpu *v, uint32_t intid)
{
	if (intid == world_sgi_kick) {
		/* cpu->attention says what for. */
		gic_drop(intid);
		gic_deactivate(intid);
		return;
	}
	if (intid == host.virt_timer_intid && v != NULL) {
		serve_vtimer(v, intid);
		return;
	}
	if (intid == host.maintenance_intid && v != NULL) {
		vgic_maintenance(&v->vgic);
	} else if (intid == host.hyp_timer_intid) {
		cpu_timer_fired(cpu);
	} else if (intid == world_sgi_stop) {
		panic_stop();
	} else {
		role_irq(intid);
	}
	gic_drop(intid);
	gic_deactivate(intid);
}

void cpu_serve_irqs(struct cpu *cpu)
{
	for (;;) {
		uint32_t intid = gic_ack();

		if (intid >= GIC_INTID_NONE) {
			break;
		}
		serve_irq(cpu, cpu->current, intid);
	}
	if (cpu->current != NULL) {
		wake_if_pending(cpu->current);
	}
}

/* ---- quick exits (vectors.S) ---- */

/* Nothing else asks for this CPU, and the list registers are as they should be. */
static bool may_resume(struct vcpu *v)
{
	struct cpu *cpu = v->cpu;

	if (unlikely(atomic_load(&cpu->attention) != 0)) {
		/* The common request is an interrupt for the one vCPU that is here; the loop serves any other. */
		uint32_t attention;

		if (cpu->vcpu_count != 1) {
			return false;
		}
		attention = atomic_swap(&cpu->attention, 0);
		if (attention != CPU_ATTENTION_VCPU || atomic_load(&v->requests) != 0) {
			atomic_or(&cpu->attention, attention);
			return false;
		}
	}
	if (unlikely(atomic_load_acquire(&v->vgic.dirty) != 0)) {
		vgic_enter(&v->vgic);
	}
	return true;
}

bool vcpu_quick_end(struct vcpu *v, uint32_t result)
{
	if (result == TRAP_RESUME && may_resume(v)) {
		return true;
	}
	v->exit = result == TRAP_RETRY ? VCPU_EXIT_TRAP : VCPU_EXIT_SERVED;
	return false;
}

uint32_t vcpu_quick_irq(struct vcpu *v)
{
	struct cpu *cpu = v->cpu;
	uint32_t intid = gic_ack();

	v->stats.irqs++;
	if (likely(intid == host.virt_timer_intid)) {
		serve_vtimer(v, intid);
		return TRAP_RESUME;
	}
	if (likely(intid < GIC_INTID_NONE)) {
		serve_irq(cpu, v, intid);
	}
	return cpu->timer_due ? TRAP_LEAVE : TRAP_RESUME;
}

uint32_t vcpu_quick_serror(struct vcpu *v)
{
	return role_crash(v, "SError");
}

/* ---- the loop ---- */

static void idle(struct cpu *cpu)
{
	cpu_program_timer(cpu);
	cpu_account(cpu, CPU_TIME_IDLE);
	arch_wait_for_interrupt();
	cpu_account(cpu, CPU_TIME_HYP);
	cpu_serve_irqs(cpu);
}

static void run(struct cpu *cpu, struct vcpu *v)
{
	if (cpu->current != v) {
		vcpu_load(cpu, v);
		cpu->switch_ticks = cpu_now() - cpu->turn_since;
	}
	/* Only now: who left the CPU for v may have left a deadline of his virtual timer. */
	cpu_program_timer(cpu);
	vcpu_state_set(v, VCPU_RUNNING);
	while (v->state == VCPU_RUNNING) {
		if (unlikely(atomic_load(&v->vgic.dirty) != 0)) {
			vgic_enter(&v->vgic);
		}
		if (atomic_load(&cpu->attention) != 0 || cpu->timer_due || cpu->reschedule) {
			return;
		}
		cpu_account(cpu, CPU_TIME_GUEST);
		vcpu_enter(v);
		cpu_account(cpu, CPU_TIME_HYP);
		if (v->exit == VCPU_EXIT_TRAP) {
			trap_handle(v, v->regs.esr, TRAP_SAVED_ALL);
		}
	}
}

void cpu_loop(struct cpu *cpu)
{
	for (;;) {
		struct vcpu *v;

		cpu->timer_due = false;
		cpu->reschedule = false;
		serve_requests(cpu);
		timer_run(&cpu->timers, cpu_now());
		v = role_next(cpu);
		if (atomic_load(&cpu->attention) != 0) {
			continue;
		}
		if (v == NULL) {
			idle(cpu);
		} else {
			run(cpu, v);
		}
	}
}
