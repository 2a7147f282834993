/* SPDX-License-Identifier: MIT */
/*
 * Memory that several VMs see, and a device in each of them with which they interrupt each other
 * (docs/shared-memory.md).
 *
 * What the memory holds lives as long as one of its VMs is up. The first one that starts when none is has it scrubbed,
 * and those that start meanwhile help.
 *
 * One lock for a region: for its peers' registers, and for who is up. Under it only vgic_set_spi() is called.
 */
#ifndef ROLE_HYP_DEV_SHARED_MEMORY_H
#define ROLE_HYP_DEV_SHARED_MEMORY_H

#include "abi/shared_memory.h"
#include "arch/spinlock.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/list.h"

#define SHARED_REGION_NAME_MAX 32

struct vm;
struct shared_memory;

struct shared_region {
	char name[SHARED_REGION_NAME_MAX];
	struct list node;
	pa_t memory;
	uint64_t size; /* bytes, a multiple of PAGE_SIZE */
	unsigned peer_count;
	struct spinlock lock; /* for what follows */
	struct shared_memory *peers[SHARED_MEMORY_PEER_MAX]; /* NULL: its VM was not made */
	uint32_t up;          /* bitmap of those whose driver takes part */
	unsigned users;       /* devices whose VM is up, or on its way there */
	uint64_t scrub_next, scrub_done; /* bytes that somebody has taken on, and those that are zero by now */
};

/* What one peer has done. */
struct shared_memory_counters {
	uint64_t rung;    /* doorbells of others */
	uint64_t merged;  /* of those, the ones that found the bit set already */
	uint64_t ignored; /* nobody is there, or it does not take part */
};

/* A region of 'size' bytes, for good, with room for peers 0..peer_count - 1. NULL if there is no memory. */
struct shared_region *shared_region_create(const char *name, uint64_t size, unsigned peer_count);

/*
 * The device of peer 'peer' on its VM's bus. ERR_EXISTS if that place is taken, on the bus or in the region; ERR_RANGE,
 * ERR_NO_MEMORY.
 */
enum err shared_memory_create(struct vm *vm, ipa_t registers, unsigned intid, struct shared_region *region,
			      unsigned peer, bool read_only, struct shared_memory **out);
/* Away from its region; the VM's bus is not used any more. */
void shared_memory_destroy(struct shared_memory *device);

/*
 * The VM starts: makes sure that the memory holds nothing of those who used it before, by zeroing about 'budget' bytes
 * in a call. True if it has to be called again.
 */
bool shared_memory_enter_some(struct shared_memory *device, uint64_t budget);
/* The VM has stopped: registers as at power-on, and the others are told. No vCPU of it runs. Harmless before enter. */
void shared_memory_leave(struct shared_memory *device);

/* For people: its VM, whether it takes part, and counters. */
const struct vm *shared_memory_vm(const struct shared_memory *device);
bool shared_memory_read_only(const struct shared_memory *device);
bool shared_memory_is_up(struct shared_memory *device, struct shared_memory_counters *counters);

#endif
