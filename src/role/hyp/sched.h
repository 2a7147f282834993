/* SPDX-License-Identifier: MIT */
/*
 * What of the scheduler is for the rest of the role: work that takes long in somebody's share of a CPU, and time that
 * is spent for somebody else (docs/scheduling.md). All on the share's own CPU.
 */
#ifndef ROLE_HYP_SCHED_H
#define ROLE_HYP_SCHED_H

#include "core/vcpu/vm.h"

struct sched_job;

struct sched_job_ops {
	bool (*slice)(struct sched_job *job); /* does some of it, a millisecond or so; true: there is more */
};

/* Work such as loading a VM's images. As a vCPU would, it waits for turns and is charged for the time that it takes. */
struct sched_job {
	const struct sched_job_ops *ops;
	struct list node; /* the scheduler's, from sched_begin() until a slice returns false */
};

/* The VM's share of this CPU. */
struct cpu_share *sched_share(struct vm *vm);
/* Prepares a share (zeroed) that is no VM's, for jobs alone. 'weight' and 'cap' are as in a manifest. Any CPU. */
void sched_share_init(struct cpu_share *share, uint16_t weight, uint16_t cap);

/* Begins a job that is not begun yet; several take turns. 'wakes': it is as urgent as an interrupt for a VM. */
void sched_begin(struct cpu_share *share, struct sched_job *job, bool wakes);

/*
 * Whoever has the turn may do something for another share. sched_charge(): what was done since then (by cpu_now()) is
 * that one's time. sched_can_pay(): false if it has used what it may, so that it must wait while others want the CPU.
 */
bool sched_can_pay(struct cpu_share *share);
void sched_charge(struct cpu_share *share, uint64_t since);

#endif
