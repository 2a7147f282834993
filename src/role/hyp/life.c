/* SPDX-License-Identifier: MIT */
#include "role/hyp/life.h"

#include "arch/atomic.h"
#include "core/port/firmware.h"
#include "core/port/role.h"
#include "core/vcpu/run.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "role/hyp/dev/pl031.h"
#include "role/hyp/devices.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/life_priv.h"
#include "role/hyp/psci.h"
#include "role/hyp/regions.h"
#include "role/hyp/vm.h"
#include "role/hyp/vm_ops.h"

#define SLICE_BYTES MIB(1) /* of a job; then others of the CPU may have a turn */
#define RESTART_FIRST_S 1
#define RESTART_DOUBLINGS 6
#define RAN_LONG_S 60 /* who ran so long is restarted without patience */

/* ---- phases ---- */

static uint32_t phase_of(const struct hyp_vm *vm)
{
	return atomic_load_acquire(&vm->life.phase);
}

void life_set_phase(struct hyp_vm *vm, enum vm_phase to)
{
	static const uint32_t edges[VM_PHASE_COUNT] = {
		[VM_DOWN] = BIT(VM_STARTING) | BIT(VM_SCRUBBING),
		[VM_WAITING] = BIT(VM_STARTING) | BIT(VM_SCRUBBING) | BIT(VM_DOWN),
		[VM_STARTING] = BIT(VM_RUNNING) | BIT(VM_STOPPING),
		[VM_RUNNING] = BIT(VM_PAUSING) | BIT(VM_STOPPING),
		[VM_PAUSING] = BIT(VM_PAUSED) | BIT(VM_STOPPING),
		[VM_PAUSED] = BIT(VM_RUNNING) | BIT(VM_STOPPING),
		[VM_STOPPING] = BIT(VM_DOWN) | BIT(VM_WAITING) | BIT(VM_STARTING) | BIT(VM_SCRUBBING),
		[VM_SCRUBBING] = BIT(VM_GONE),
		[VM_GONE] = BIT(VM_STARTING),
	};

	CHECK((edges[vm->life.phase] & BIT(to)) != 0);
	/* Release: who sees that a VM runs, or does not, sees what led to it. */
	atomic_store_release(&vm->life.phase, (uint32_t)to);
}

const char *vm_phase_name(uint32_t phase)
{
	static const char *const names[VM_PHASE_COUNT] = {
		[VM_DOWN] = "down",       [VM_WAITING] = "waiting",     [VM_STARTING] = "starting",
		[VM_RUNNING] = "running", [VM_PAUSING] = "pausing",     [VM_PAUSED] = "paused",
		[VM_STOPPING] = "ending", [VM_SCRUBBING] = "scrubbing", [VM_GONE] = "destroyed",
	};

	return phase < ARRAY_SIZE(names) ? names[phase] : "?";
}

void life_post(struct hyp_vm *vm)
{
	cpu_post(vm->vm.vcpus[0]->cpu, &vm->life.work);
}

void life_start(struct hyp_vm *vm, bool scrub)
{
	vm->life.scrub = scrub;
	vm->life.used = true;
	life_set_phase(vm, VM_STARTING);
	life_post(vm);
}

void life_ask_all(struct hyp_vm *vm, uint32_t request)
{
	vm->life.left = vm->vm.vcpu_count;
	for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
		vcpu_request(vm->vm.vcpus[i], request);
	}
}

/*
 * A request to pause that some vCPUs have yet to serve does no harm: each serves it before this one, and role_paused()
 * does not count it.
 */
bool life_end(struct hyp_vm *vm, enum vm_after after)
{
	struct vm_life *life = &vm->life;

	switch (life->phase) {
	case VM_RUNNING:
	case VM_PAUSING:
	case VM_PAUSED:
		life_set_phase(vm, VM_STOPPING);
		life_ask_all(vm, VCPU_REQ_STOP);
		break;
	case VM_STARTING:
		life_set_phase(vm, VM_STOPPING);
		life->cut_short = true;
		life->left = 1;
		break;
	default:
		return false;
	}
	life->after = after;
	return true;
}

/* ---- when all have stopped ---- */

/* A VM that is up, will be, or may be looked at, since it did not power itself off. */
static bool keeps_machine_on(struct hyp_vm *vm)
{
	struct vm_life *life = &vm->life;
	bool keeps;

	spin_lock(&life->lock);
	keeps = (life->phase != VM_DOWN && life->phase != VM_GONE) || life->after != VM_AFTER_OFF;
	spin_unlock(&life->lock);
	return keeps;
}

/* The VM is down: with the last one the machine goes off too. No lock held. */
static void off_if_last(void)
{
	list_for_each (node, &vms) {
		/* Of two VMs that go off together, the second to take the other's lock finds that one down. */
		if (keeps_machine_on(list_entry(node, struct hyp_vm, node))) {
			return;
		}
	}
	log_info("all VMs are off; the machine powers off");
	firmware_system_off();
	log_error("the firmware refused to power off");
}

/* Lock held. How long a VM that ended by itself waits before it starts again, in seconds. */
static uint64_t restart_delay(struct vm_life *life, uint64_t now)
{
	uint64_t delay;

	if (now - life->started >= read_cntfrq_el0() * RAN_LONG_S) {
		life->restarts = 0;
	}
	delay = (uint64_t)RESTART_FIRST_S << MIN(life->restarts, RESTART_DOUBLINGS);
	life->restarts++;
	return delay;
}

/* Lock held. */
static void apply_policy(struct hyp_vm *vm, enum vm_policy policy)
{
	uint64_t now = cpu_now(), delay;

	switch (policy) {
	case VM_POLICY_RESTART:
		delay = restart_delay(&vm->life, now);
		log_info("VM '%s' starts again in %u s", vm->vm.name, (unsigned)delay);
		vm->life.restart_at = now + delay * read_cntfrq_el0();
		life_set_phase(vm, VM_WAITING);
		life_post(vm);
		break;
	case VM_POLICY_DESTROY:
		life_set_phase(vm, VM_SCRUBBING);
		life_post(vm);
		break;
	case VM_POLICY_STOP:
		life_set_phase(vm, VM_DOWN);
		break;
	}
}

/* What follows. */
static void ended(struct hyp_vm *vm)
{
	struct vm_life *life = &vm->life;
	enum vm_after after = life->after;

	if (after == VM_AFTER_RESET) {
		log_limited(&vm->vm.log_limit, "VM '%s' resets", vm->vm.name);
	} else {
		log_info("VM '%s' is %s", vm->vm.name, after == VM_AFTER_OFF ? "off" : "stopped");
	}
	spin_lock(&life->lock);
	switch (after) {
	case VM_AFTER_RESET:
		life_start(vm, false);
		break;
	case VM_AFTER_OFF:
		apply_policy(vm, vm->config->on_power_off);
		break;
	case VM_AFTER_CRASH:
		apply_policy(vm, vm->config->on_crash);
		break;
	case VM_AFTER_STOP:
		life_set_phase(vm, VM_DOWN);
		break;
	}
	spin_unlock(&life->lock);
	off_if_last();
}

/*
 * Nothing of the VM runs, and nobody else may do anything while it is STOPPING. From devices_reset() on nothing from
 * outside reaches its memory any more, until a driver in its next life sets its devices up.
 */
static void all_stopped(struct hyp_vm *vm)
{
	devices_reset(vm);
	regions_leave(vm);
	if (vm->ffa == NULL) {
		ended(vm);
		return;
	}
	spin_lock(&vm->life.lock);
	vm->life.leaving = true;
	life_post(vm);
	spin_unlock(&vm->life.lock);
}

static void one_stopped(struct hyp_vm *vm)
{
	bool last;

	spin_lock(&vm->life.lock);
	CHECK(vm->life.phase == VM_STOPPING && vm->life.left != 0);
	last = --vm->life.left == 0;
	spin_unlock(&vm->life.lock);
	if (last) {
		all_stopped(vm);
	}
}

void role_stopped(struct vcpu *v)
{
	struct hyp_vm *vm = hyp_vm(v->vm);

	pl031_stop_timer(vm->rtc, v);
	one_stopped(vm);
}

/* ---- the job ---- */

/* All is in place. False if the start has been cut short meanwhile. */
static bool power_on(struct hyp_vm *vm)
{
	struct vm_life *life = &vm->life;
	bool runs;

	devices_reset(vm);
	vgic_reset(&vm->vm.vgic);
	psci_reset(&vm->vm);
	spin_lock(&life->lock);
	runs = life->phase == VM_STARTING;
	if (runs) {
		life->started = cpu_now();
		vm->vm.cntvoff = life->started;
		life_set_phase(vm, VM_RUNNING);
		psci_power_on(vm->vm.vcpus[0], vm->plan.entry, vm->plan.dtb);
	}
	spin_unlock(&life->lock);
	return runs;
}

/* The start cannot go on, as a message has said. */
static void give_up_start(struct hyp_vm *vm)
{
	spin_lock(&vm->life.lock);
	(void)life_end(vm, VM_AFTER_STOP);
	spin_unlock(&vm->life.lock);
}

/* Others have some of its RAM: what it has left is scrubbed, and given back for RAM that is all its own. */
static void exchange_some(struct hyp_vm *vm)
{
	struct vm_life *life = &vm->life;

	if (vm_scrub_some(vm, false, &life->cursor, SLICE_BYTES) || ffa_guest_ask_some(vm)) {
		return;
	}
	life->cursor = (struct vm_cursor){ 0 };
	if (!ffa_guest_may_have_more(vm)) {
		give_up_start(vm);
		return;
	}
	life->scrub = true;
	ffa_guest_memory_gone(vm);
	if (vm_exchange_ram(vm)) {
		ffa_guest_memory_made(vm);
		log_limited(&vm->vm.log_limit, "VM '%s' gets other RAM, as others have some of what it had",
			    vm->vm.name);
	} else {
		give_up_start(vm);
	}
}

/* Does some of what a start needs. True: all of it is done. */
static bool prepare_some(struct hyp_vm *vm)
{
	struct vm_life *life = &vm->life;
	enum err error;

	if (!vm_ram_is_whole(vm)) {
		exchange_some(vm);
		return false;
	}
	if (ffa_guest_enter_some(vm)) {
		return false;
	}
	if (regions_enter_some(vm, SLICE_BYTES)) {
		return false;
	}
	if (life->scrub) {
		life->scrub = vm_scrub_some(vm, false, &life->cursor, SLICE_BYTES);
		return false;
	}
	if (vm_fill_disks_some(vm, SLICE_BYTES) || image_load_some(&life->loader, SLICE_BYTES, &error)) {
		return false;
	}
	if (error != OK) {
		report_error(&report_to_log, vm->vm.name, "kernel", "it does not load");
		give_up_start(vm);
	}
	return error == OK;
}

/* The next ones: true if there is more to do. */
static bool start_slice(struct hyp_vm *vm)
{
	return !prepare_some(vm) || !power_on(vm);
}

static bool destroy_slice(struct hyp_vm *vm)
{
	if (vm_scrub_some(vm, true, &vm->life.cursor, SLICE_BYTES)) {
		return true;
	}
	ffa_guest_memory_gone(vm);
	vm_free_memory(vm);
	log_info("VM '%s' is destroyed; its memory is free", vm->vm.name);
	spin_lock(&vm->life.lock);
	life_set_phase(vm, VM_GONE);
	spin_unlock(&vm->life.lock);
	off_if_last();
	return false;
}

/* The start was cut short, or all have stopped and others must hear of it. */
static bool stop_slice(struct hyp_vm *vm)
{
	struct vm_life *life = &vm->life;

	if (life->cut_short) {
		life->cut_short = false;
		one_stopped(vm);
	}
	if (life->leaving && !ffa_guest_leave_some(vm)) {
		life->leaving = false;
		life->working = false; /* before another job may be asked for */
		ended(vm);
	}
	return life->leaving;
}

static bool slice(struct sched_job *job)
{
	struct hyp_vm *vm = container_of(job, struct hyp_vm, life.job);
	struct vm_life *life = &vm->life;

	switch (phase_of(vm)) {
	case VM_STARTING:
		life->working = start_slice(vm);
		break;
	case VM_SCRUBBING:
		life->working = destroy_slice(vm);
		break;
	default:
		life->working = stop_slice(vm);
		break;
	}
	return life->working;
}

static const struct sched_job_ops job_ops = { .slice = slice };

static void begin_job(struct hyp_vm *vm)
{
	struct vm_life *life = &vm->life;

	if (!life->working) {
		life->working = true;
		life->cursor = (struct vm_cursor){ 0 };
		life->loader = image_loader(&vm->plan, &vm->vm.mem);
		sched_begin(sched_share(&vm->vm), &life->job, false);
	}
}

/* The wait before a restart is over, unless somebody has chosen otherwise. */
static void waited(struct timer *timer)
{
	struct hyp_vm *vm = container_of(timer, struct hyp_vm, life.timer);

	spin_lock(&vm->life.lock);
	/* The timer may be that of an earlier wait; the present one has yet to be posted here then. */
	if (vm->life.phase == VM_WAITING && cpu_now() >= vm->life.restart_at) {
		life_start(vm, true);
	}
	spin_unlock(&vm->life.lock);
}

static const struct timer_ops wait_ops = { .fired = waited };

/* On the CPU of vCPU 0. It may come twice for a phase, and the phase may have changed since. */
static void follow(struct work *work)
{
	struct hyp_vm *vm = container_of(work, struct hyp_vm, life.work);
	struct vm_life *life = &vm->life;

	spin_lock(&life->lock);
	if (life->phase == VM_WAITING) {
		timer_start(&this_cpu()->timers, &life->timer, life->restart_at);
	} else if (life->phase == VM_STARTING || life->phase == VM_SCRUBBING || life->cut_short || life->leaving) {
		begin_job(vm);
	}
	spin_unlock(&life->lock);
}

static const struct work_ops follow_ops = { .run = follow };

void life_init(struct hyp_vm *vm)
{
	vm->life.work.ops = &follow_ops;
	timer_init(&vm->life.timer, &wait_ops);
	vm->life.job.ops = &job_ops;
}

/* ---- what guests do ---- */

void role_start(struct vcpu *v)
{
	/*
	 * What a pause has overtaken is asked again by vm_resume(), what a stop has overtaken is forgotten by
	 * psci_reset().
	 */
	if (phase_of(hyp_vm(v->vm)) != VM_RUNNING || !psci_take_start(v)) {
		return;
	}
	ffa_direct_forget(v);
	vcpu_reset(v, v->start.entry, v->start.context);
	if (v->state == VCPU_STOPPED) {
		vcpu_state_set(v, VCPU_OFF);
	}
	vcpu_state_set(v, VCPU_READY);
	psci_started(v);
}

/* If the VM is being stopped already, the first wish holds. */
static void end_self(struct vm *vm, enum vm_after after)
{
	struct vm_life *life = &hyp_vm(vm)->life;

	spin_lock(&life->lock);
	(void)life_end(hyp_vm(vm), after);
	spin_unlock(&life->lock);
}

void vm_system_off(struct vm *vm)
{
	end_self(vm, VM_AFTER_OFF);
}

void vm_system_reset(struct vm *vm)
{
	end_self(vm, VM_AFTER_RESET);
}

enum trap_result role_crash(struct vcpu *v, const char *why)
{
	log_limited(&v->vm->log_limit, "VM '%s': vCPU %u at pc 0x%llx: %s; the VM is stopped", v->vm->name, v->index,
		    (unsigned long long)v->regs.pc, why);
	end_self(v->vm, VM_AFTER_CRASH);
	return TRAP_LEAVE;
}

void role_paused(struct vcpu *v)
{
	struct hyp_vm *vm = hyp_vm(v->vm);
	struct vm_life *life = &vm->life;
	bool last;

	spin_lock(&life->lock);
	last = life->phase == VM_PAUSING && --life->left == 0;
	if (last) {
		life->paused = cpu_now();
		life_set_phase(vm, VM_PAUSED);
	}
	spin_unlock(&life->lock);
	if (last) {
		log_info("VM '%s' is paused", vm->vm.name);
	}
}
