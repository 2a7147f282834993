/* SPDX-License-Identifier: MIT */
/*
 * Partitions that run for nobody but themselves: those that have a notification to fetch, and those whose requester is
 * no more. The CPU that such a partition belongs to runs it by FFA_RUN, a millisecond at a time and as long again not,
 * until it waits or has answered; what it answers nobody hears.
 */
#ifndef ROLE_HYP_FFA_RUNNER_H
#define ROLE_HYP_FFA_RUNNER_H

#include "ffa/endpoint.h"

struct cpu;

/* At boot, when all CPUs are known. */
void runner_init(void);
/*
 * The partition has something to do there. If somebody else runs it or has left it (sp_run.h), it is his to run, and
 * finds it then. Any CPU.
 */
void runner_wake(struct cpu *cpu, const struct ffa_endpoint *sp);

#endif
