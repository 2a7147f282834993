/* SPDX-License-Identifier: MIT */
/* How partitions start, and what happens when one dies: the others and the normal world go on. */
#ifndef ROLE_SPMC_LIFE_H
#define ROLE_SPMC_LIFE_H

#include "role/spmc/schedule.h"

/*
 * Starts on this CPU every context that belongs here and is OFF, in boot order, each until it waits for its first
 * message or gives up: on the boot CPU all partitions, on the others those with a context for each CPU. To be called
 * before the CPU tells the SPMD FFA_MSG_WAIT, again after each CPU_ON, and first on the boot CPU.
 */
void sps_start_on_cpu(struct cpu *cpu);

/* Begins the initialization of a context that is OFF: it is current, and what was goes on after it. Else false. */
bool life_start(struct schedule *s, struct sp_vcpu *v);
/* A context has initialized itself: after a restart, when it was the first, the others can start. Own CPU. */
void life_initialized(struct sp *sp);
/*
 * The current context cannot go on: its partition is stopped, all contexts on all CPUs. Whoever waits for this one gets
 * FFA_ERROR with ABORTED. 'why' is for the log.
 */
void life_abort(struct schedule *s, struct sp_vcpu *v, const char *why);
/* One context of an aborted partition is ABORTED. With the last one its resources go, as its abort-action says. */
void life_context_stopped(struct schedule *s, struct sp_vcpu *v);

#endif
