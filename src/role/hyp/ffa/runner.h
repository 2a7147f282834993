/* SPDX-License-Identifier: MIT */
/*
 * Partitions that run for nobody but themselves: those that have a notification to fetch, and those whose requester is
 * no more. The CPU that such a partition belongs to runs it by FFA_RUN until it waits or has answered; what it answers
 * nobody hears. All of them together share that CPU with the VMs as one VM of the usual weight would.
 */
#ifndef ROLE_HYP_FFA_RUNNER_H
#define ROLE_HYP_FFA_RUNNER_H

#include "core/vcpu/vm.h"
#include "ffa/endpoint.h"

/* At boot, when all CPUs are known. False if there is no memory for it. */
bool runner_init(void);
/* The partition has something to do there. If somebody has left it (sp_run.h), it runs for him first. Any CPU. */
void runner_wake(struct cpu *cpu, const struct ffa_endpoint *sp);

/* Their share of that CPU. */
struct cpu_share *runner_share(const struct cpu *cpu);

#endif
