/* SPDX-License-Identifier: MIT */
/*
 * Work for a VM that takes long, such as loading its images, in its share of a CPU: as its vCPUs would, the job waits
 * for the VM's turns and is charged for the time that it takes.
 */
#ifndef ROLE_HYP_SCHED_H
#define ROLE_HYP_SCHED_H

#include "core/vcpu/vm.h"

struct vm_job;

struct vm_job_ops {
	bool (*slice)(struct vm_job *job); /* does some of it, a millisecond or so; true: there is more */
};

struct vm_job {
	const struct vm_job_ops *ops;
	struct list node; /* the scheduler's, from sched_begin() until a slice returns false */
};

/*
 * Begins a job of the VM on this CPU, which is not begun yet; several take turns. 'wakes': it is as urgent as an
 * interrupt for the VM.
 */
void sched_begin(struct vm *vm, struct vm_job *job, bool wakes);

#endif
