/* SPDX-License-Identifier: MIT */
/* A VM's memory: RAM, the stage-2 tables that map it, its disks and its flash; from the pool and back. */
#ifndef ROLE_HYP_VM_MEMORY_H
#define ROLE_HYP_VM_MEMORY_H

#include "lib/addr.h"
#include "lib/span.h"
#include "role/hyp/guest_map.h"

struct hyp_vm;

/* A disk or a bank of flash: a private copy of its file. It lives as long as the VM's memory, over its resets. */
struct vm_disk {
	pa_t memory;
	uint64_t pages;   /* 0: none */
	struct span file; /* in the bundle */
	uint8_t padding;  /* what each byte behind the file is */
	uint64_t filled;  /* bytes of 'memory' so far */
};

/* The disks by virtio slot, then the banks of flash. */
#define VM_FLASH_DISK GUEST_VIRTIO_SLOTS
#define VM_DISK_MAX (VM_FLASH_DISK + GUEST_FLASH_BANKS)

/* How far a walk over a VM's memory is that is done in slices. Zeroed, it begins. */
struct vm_cursor {
	unsigned piece; /* 0: RAM, then the disks */
	uint64_t done;  /* bytes of that piece */
};

/*
 * RAM, tables and disks, for a VM that has none; what is in them is anybody's guess. False with a message, and it has
 * none still.
 */
bool vm_make_memory(struct hyp_vm *vm);
/*
 * Gives them back. What the VM had in them has been scrubbed, no vCPU of it is loaded anywhere, and its devices have
 * been reset since one was. When it returns no TLB has an entry of the VM.
 */
void vm_free_memory(struct hyp_vm *vm);

/*
 * Whether all of RAM is the VM's alone. If it takes part in FF-A, some of it may have been given away, or held by
 * others when the VM ended; then the VM gets other RAM before it starts again.
 */
bool vm_ram_is_whole(struct hyp_vm *vm);
/*
 * Other RAM, for one that is not whole and whose rest was scrubbed; disks stay. False with a message, and then it has
 * none, as if it were destroyed.
 */
bool vm_exchange_ram(struct hyp_vm *vm);
/* Gives the pool pages that were a VM's, one by one so to speak: they need not be all that was allocated together. */
void vm_free_pages(pa_t base, uint64_t pages);

/* The ones below do at most 'budget' bytes, at least a page, and return true if there is more. */

/* Zeroes the VM's RAM, as far as it is its own; with 'disks', those behind it. No vCPU of the VM runs. */
bool vm_scrub_some(struct hyp_vm *vm, bool disks, struct vm_cursor *cursor, uint64_t budget);
/* Fills the disks that are new with their files' contents. */
bool vm_fill_disks_some(struct hyp_vm *vm, uint64_t budget);

#endif
