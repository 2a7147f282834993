/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine of the hypervisor: the core's vm, what the manifest says, its devices, and its life.
 *
 *   DOWN -> RUNNING -> STOPPING -> DOWN (power off, crash) or RUNNING (reset)
 *
 * STOPPING begins when some vCPU asks for it (PSCI, a crash, the prompt): every vCPU is asked to stop, and the CPU on
 * which the last one stops does what is to follow. 'phase' is changed by compare-and-swap only.
 */
#ifndef ROLE_HYP_VM_H
#define ROLE_HYP_VM_H

#include "arch/spinlock.h"
#include "core/vcpu/vcpu.h"
#include "lib/list.h"
#include "lib/ring.h"
#include "role/hyp/bundle.h"
#include "role/hyp/image.h"
#include "role/hyp/manifest.h"

struct pl011;
struct pl031;
struct virtio_device;

/* A disk's memory: a private copy of its file. */
struct vm_disk {
	pa_t memory;
	uint64_t pages; /* 0: none */
};

enum vm_phase {
	VM_DOWN,
	VM_RUNNING,
	VM_STOPPING,
};

/* What follows when all vCPUs have stopped. */
enum vm_after {
	VM_AFTER_OFF,
	VM_AFTER_RESET,
	VM_AFTER_CRASH,
};

#define VM_OUTPUT_SIZE 4096 /* what an unwatched VM printed last, or the UART has no room for yet */

struct hyp_vm {
	struct vm vm;
	const struct vm_config *config;
	struct list node; /* all VMs, in the manifest's order */
	struct image_plan plan;
	pa_t ram;

	uint32_t phase;   /* atomic; enum vm_phase */
	uint32_t after;   /* enum vm_after; written by who changed RUNNING to STOPPING */
	uint32_t stopped; /* atomic; vCPUs that have stopped in this STOPPING */

	struct pl011 *uart;
	struct pl031 *rtc;
	struct virtio_device *virtio[GUEST_VIRTIO_SLOTS]; /* by slot */
	struct vm_disk disks[GUEST_VIRTIO_SLOTS];

	struct spinlock output_lock; /* of what follows */
	struct ring output;
	bool output_refused; /* some device waits to be told that there is room */
	uint8_t output_data[VM_OUTPUT_SIZE];
};

static inline struct hyp_vm *hyp_vm(struct vm *vm) { return container_of(vm, struct hyp_vm, vm); }

/* All VMs that were made; complete before any runs. */
extern struct list vms;

/*
 * Makes a VM by its manifest: memory, tables, vCPUs, devices. NULL with a message that names the VM and the key.
 * 'config' and what the bundle holds stay in use.
 */
struct hyp_vm *vm_create(const struct vm_config *config, const struct bundle *bundle);
/* Gives its vCPUs to their CPUs. For all VMs before any starts. */
void vm_attach(struct hyp_vm *vm);
/* DOWN -> RUNNING: loads the images and starts vCPU 0. False with a message if they do not load. */
bool vm_start(struct hyp_vm *vm);
/* RUNNING -> STOPPING. False if it was not running. Any CPU. */
bool vm_stop(struct hyp_vm *vm, enum vm_after after);

#endif
