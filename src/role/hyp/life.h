/* SPDX-License-Identifier: MIT */
/*
 * The life of a VM (docs/lifecycle.md).
 *
 *   GONE ----> STARTING ----> RUNNING ----> STOPPING ----> DOWN, or
 *    ^          ^ ^   |        |   ^           ^             STARTING (reset), WAITING or SCRUBBING (its policies)
 *    |       DOWN |   +--------|---|-----------+
 *    |          WAITING        v   |           |
 *    +-- SCRUBBING          PAUSING -> PAUSED --
 *
 * The phase changes under 'lock' only. A phase that ends in "-ing" ends by itself, and the last of those whom it waits
 * for does what follows: the vCPUs, each on its own CPU, or the job. What takes long (scrubbing, loading) is that job,
 * which the CPU of vCPU 0 does in slices, in the VM's share of it (sched.h).
 */
#ifndef ROLE_HYP_LIFE_H
#define ROLE_HYP_LIFE_H

#include "arch/spinlock.h"
#include "core/vcpu/cpu.h"
#include "role/hyp/image.h"
#include "role/hyp/sched.h"
#include "role/hyp/vm_memory.h"

struct hyp_vm;

enum vm_phase {
	VM_DOWN,      /* it keeps its memory, and its disks what was written */
	VM_WAITING,   /* down, and by its policy it starts again when the wait is over */
	VM_STARTING,  /* the job scrubs, fills disks, loads; no vCPU runs */
	VM_RUNNING,
	VM_PAUSING,   /* until all vCPUs have left the guest */
	VM_PAUSED,
	VM_STOPPING,  /* until all vCPUs, or the job of a start that was cut short, have stopped */
	VM_SCRUBBING, /* the job scrubs, on the way to GONE */
	VM_GONE,      /* destroyed: it has no memory until it starts again */
	VM_PHASE_COUNT
};

/* What follows when all have stopped. */
enum vm_after {
	VM_AFTER_STOP,  /* the prompt asked for it: it stays down */
	VM_AFTER_OFF,   /* it powered itself off: its manifest says what follows */
	VM_AFTER_CRASH, /* the same */
	VM_AFTER_RESET, /* it starts again, its RAM as it is but for the images */
};

struct vm_life {
	struct spinlock lock; /* for all but the job's */
	uint32_t phase;       /* enum vm_phase; anybody may read it atomically */
	enum vm_after after;  /* how it stopped last, from STOPPING on */
	unsigned left;        /* those whom STOPPING or PAUSING waits for */
	bool cut_short;       /* STOPPING waits for the job of a start */
	bool leaving;         /* STOPPING waits for the job, which says good-bye to other partitions */
	bool scrub;           /* STARTING: RAM may hold what somebody left there, and is not to be kept */
	bool used;            /* it may from now on */
	uint64_t started;     /* counter ticks, when it became RUNNING */
	uint64_t paused;      /* when it became PAUSED */
	uint64_t restart_at;  /* WAITING: until then */
	unsigned restarts;    /* in a row, without running for long */

	/* The CPU of vCPU 0 only: */
	struct work work;   /* brings what follows there */
	struct timer timer; /* the end of a wait before a restart */
	struct sched_job job;
	bool working;
	struct vm_cursor cursor;
	struct image_loader loader;
};

void life_init(struct hyp_vm *vm);
const char *vm_phase_name(uint32_t phase);

/*
 * What the prompt can ask, on any CPU, with no lock held. NULL: it will be done. Else in what state the VM is and what
 * helps, for a person, and nothing has changed.
 */
const char *vm_start(struct hyp_vm *vm);
const char *vm_stop(struct hyp_vm *vm);
const char *vm_reset(struct hyp_vm *vm);
const char *vm_pause(struct hyp_vm *vm);
const char *vm_resume(struct hyp_vm *vm);
const char *vm_destroy(struct hyp_vm *vm);

#endif
