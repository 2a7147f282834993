/* SPDX-License-Identifier: MIT */
/* What the core knows of a VM or partition. A role embeds it in its own object and finds that by container_of. */
#ifndef CORE_VCPU_VM_H
#define CORE_VCPU_VM_H

#include "core/mm/stage2.h"
#include "core/vcpu/bus.h"
#include "core/vcpu/guest_mem.h"
#include "core/vgic/vgic.h"
#include "core/vcpu/cpu.h"
#include "lib/log.h"

struct vcpu;

#define VM_NAME_MAX 32

/*
 * A part in a physical CPU, of a VM or of whoever else the role lets share it. Only that CPU touches it, and but for
 * 'last' only the role's scheduler.
 */
struct cpu_share {
	struct vcpu *last; /* of a VM: which of its vCPUs ran last here */

	uint16_t weight;       /* beside others: 100 is the usual one; 0: nothing was ready here so far */
	uint16_t cap;          /* per cent of the CPU that it may use at most; 0: all */
	struct heap_node node; /* in cpu->woken or cpu->ready */
	struct list ready;     /* a VM's vCPUs that are READY here, in turn */
	unsigned ready_count;
	bool active;           /* wants the CPU: has it, or is in a queue */
	bool woken;            /* an interrupt gave it something to run, and its turn since then goes on */
	uint64_t virtual_time; /* ticks it has used, the more slowly counted the greater its weight */
	uint64_t rest;         /* what is not yet a whole tick of that, in parts of the weight */
	uint64_t turn_left;    /* ticks */
	struct list jobs;      /* of the role's, to be done here (struct sched_job) */

	uint64_t window;     /* with a cap: when the present window began, and the ticks used in it */
	uint64_t used;
	struct timer refill; /* runs while it has used up what its cap allows */
};

struct vm {
	char name[VM_NAME_MAX];
	uint16_t id;
	unsigned vcpu_count;
	struct vcpu **vcpus;
	struct stage2 stage2;
	struct guest_mem mem;
	struct bus bus;
	struct vgic vgic;
	uint64_t cntvoff; /* what the guest's virtual counter is behind the physical one */
	uint16_t weight, cap; /* of its share of each CPU */
	struct cpu_share *shares; /* by index of the physical CPU */
	struct log_limit log_limit; /* for what the guest provokes */
};

#endif
