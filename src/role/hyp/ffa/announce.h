/* SPDX-License-Identifier: MIT */
/*
 * Partitions that asked for it are told of VMs that start and end, by framework messages (FF-A 1.2, 18.2.4), one after
 * the other. Each may take its time: interrupts are served meanwhile, and others of the CPU have their turns.
 */
#ifndef ROLE_HYP_FFA_ANNOUNCE_H
#define ROLE_HYP_FFA_ANNOUNCE_H

#include "core/vcpu/timer.h"
#include "lib/base.h"

struct ffa_guest;

struct announcement {
	uint32_t message;  /* FFA_FRAMEWORK_VM_CREATED_REQ or _DESTROYED_REQ */
	unsigned next;     /* number of the partition that is being told */
	uint32_t left;     /* it was left before it had answered: as FFA_RUN names it; 0: it was not */
	uint64_t deadline; /* counter: when it is given up; 0: it has not been called yet */
	uint64_t told;     /* partitions, as bits, that heard of the VM's start */
	struct timer limit; /* of a stay in a partition */
};

/* Begins one message to all. What the one before has left of itself must be done. */
void announce_begin(struct ffa_guest *g, bool created);
/* A millisecond or so of it, on the CPU of the VM's job; no lock is held. True: there is more. */
bool announce_some(struct ffa_guest *g);

#endif
