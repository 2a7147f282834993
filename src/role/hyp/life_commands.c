/* SPDX-License-Identifier: MIT */
/* What the prompt asks of a VM's life, and why not. */
#include "role/hyp/life.h"

#include "core/vcpu/run.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/life_priv.h"
#include "role/hyp/psci.h"
#include "role/hyp/vm.h"

enum command {
	COMMAND_START,
	COMMAND_STOP,
	COMMAND_RESET,
	COMMAND_PAUSE,
	COMMAND_RESUME,
	COMMAND_DESTROY,
};

/* Why a command cannot be done in a phase; NULL: it can. */
static const char *refusal(enum command command, uint32_t phase)
{
	static const char down[] = "it is down; start it first";
	static const char waiting[] = "it is down and will start again; wait, or start it now";
	static const char gone[] = "it is destroyed; start it first";
	static const char starting[] = "it is starting; wait until it runs, or stop it";
	static const char ending[] = "it is ending; wait until it is down";
	static const char scrubbing[] = "it is being destroyed; wait until that is done";
	static const char pausing[] = "it is being paused; wait until it is";
	static const char stop_first[] = "it is up; stop it first";
	static const char *const texts[][VM_PHASE_COUNT] = {
		[COMMAND_START] = { [VM_STARTING] = "it is starting already",
				    [VM_RUNNING] = "it is running already; reset starts it anew",
				    [VM_PAUSING] = pausing,
				    [VM_PAUSED] = "it is paused; resume lets it go on, reset starts it anew",
				    [VM_STOPPING] = ending,
				    [VM_SCRUBBING] = scrubbing },
		[COMMAND_STOP] = { [VM_DOWN] = "it is down already",
				   [VM_STOPPING] = "it is ending already",
				   [VM_SCRUBBING] = scrubbing,
				   [VM_GONE] = "it is destroyed already" },
		[COMMAND_RESET] = { [VM_DOWN] = down,
				    [VM_WAITING] = waiting,
				    [VM_STARTING] = "it is starting already",
				    [VM_STOPPING] = ending,
				    [VM_SCRUBBING] = scrubbing,
				    [VM_GONE] = gone },
		[COMMAND_PAUSE] = { [VM_DOWN] = down,
				    [VM_WAITING] = waiting,
				    [VM_STARTING] = starting,
				    [VM_PAUSING] = "it is being paused already",
				    [VM_PAUSED] = "it is paused already",
				    [VM_STOPPING] = ending,
				    [VM_SCRUBBING] = scrubbing,
				    [VM_GONE] = gone },
		[COMMAND_RESUME] = { [VM_DOWN] = down,
				     [VM_WAITING] = waiting,
				     [VM_STARTING] = "it is starting and not paused",
				     [VM_RUNNING] = "it is running and not paused",
				     [VM_PAUSING] = pausing,
				     [VM_STOPPING] = ending,
				     [VM_SCRUBBING] = scrubbing,
				     [VM_GONE] = gone },
		[COMMAND_DESTROY] = { [VM_STARTING] = "it is starting; stop it first",
				      [VM_RUNNING] = "it is running; stop it first",
				      [VM_PAUSING] = stop_first,
				      [VM_PAUSED] = "it is paused; stop it first",
				      [VM_STOPPING] = ending,
				      [VM_SCRUBBING] = "it is being destroyed already",
				      [VM_GONE] = "it is destroyed already" },
	};

	return texts[command][phase];
}

/* Takes the lock; NULL: the command can be done, and the lock is held for it. */
static const char *begin_command(struct hyp_vm *vm, enum command command)
{
	const char *why;

	spin_lock(&vm->life.lock);
	why = refusal(command, vm->life.phase);
	if (why != NULL) {
		spin_unlock(&vm->life.lock);
	}
	return why;
}

const char *vm_start(struct hyp_vm *vm)
{
	const char *why = begin_command(vm, COMMAND_START);

	if (why != NULL) {
		return why;
	}
	if (vm->life.phase == VM_GONE && !vm_make_memory(vm)) {
		why = "there is no memory for it, as the log says; it stays destroyed";
	} else {
		ffa_guest_memory_made(vm);
		/* Only memory from boot that no life has used is nobody's. */
		life_start(vm, vm->life.used || vm->life.phase == VM_GONE);
	}
	spin_unlock(&vm->life.lock);
	return why;
}

const char *vm_stop(struct hyp_vm *vm)
{
	const char *why = begin_command(vm, COMMAND_STOP);

	if (why != NULL) {
		return why;
	}
	if (vm->life.phase == VM_WAITING) {
		vm->life.after = VM_AFTER_STOP;
		life_set_phase(vm, VM_DOWN);
	} else {
		(void)life_end(vm, VM_AFTER_STOP);
	}
	spin_unlock(&vm->life.lock);
	return NULL;
}

const char *vm_reset(struct hyp_vm *vm)
{
	const char *why = begin_command(vm, COMMAND_RESET);

	if (why == NULL) {
		(void)life_end(vm, VM_AFTER_RESET);
		spin_unlock(&vm->life.lock);
	}
	return why;
}

const char *vm_pause(struct hyp_vm *vm)
{
	const char *why = begin_command(vm, COMMAND_PAUSE);

	if (why == NULL) {
		life_set_phase(vm, VM_PAUSING);
		life_ask_all(vm, VCPU_REQ_PAUSE);
		spin_unlock(&vm->life.lock);
	}
	return why;
}

const char *vm_resume(struct hyp_vm *vm)
{
	const char *why = begin_command(vm, COMMAND_RESUME);

	if (why != NULL) {
		return why;
	}
	/* Its virtual time stood still. Release, in vcpu_request: each vCPU sees the new offset when it is loaded. */
	vm->vm.cntvoff += cpu_now() - vm->life.paused;
	life_set_phase(vm, VM_RUNNING);
	for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
		struct vcpu *v = vm->vm.vcpus[i];

		vcpu_request(v, VCPU_REQ_RESUME | (psci_wants_start(v) ? VCPU_REQ_START : 0));
	}
	spin_unlock(&vm->life.lock);
	return NULL;
}

const char *vm_destroy(struct hyp_vm *vm)
{
	const char *why = begin_command(vm, COMMAND_DESTROY);

	if (why == NULL) {
		life_set_phase(vm, VM_SCRUBBING);
		life_post(vm);
		spin_unlock(&vm->life.lock);
	}
	return why;
}
