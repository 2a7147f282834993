/* SPDX-License-Identifier: MIT */
/*
 * Work for a VM that takes long, such as loading its images, in its share of a CPU: as its vCPUs would, the job waits
 * for the VM's turns and is charged for the time that it takes.
 */
#ifndef ROLE_HYP_SCHED_H
#define ROLE_HYP_SCHED_H

#include "core/vcpu/vm.h"

struct vm_job_ops {
	bool (*slice)(struct vm_job *job); /* does some of it, a millisecond or so; true: there is more */
};

struct vm_job {
	const struct vm_job_ops *ops;
};

/* Begins a job of the VM on this CPU, where it has no other. */
void sched_begin(struct vm *vm, struct vm_job *job);

#endif
