/* SPDX-License-Identifier: MIT */
/*
 * A virtual machine of the hypervisor: the core's vm, what the manifest says, and its devices. Its life is in life.h.
 */
#ifndef ROLE_HYP_VM_H
#define ROLE_HYP_VM_H

#include "core/vcpu/vcpu.h"
#include "lib/list.h"
#include "role/hyp/bundle.h"
#include "role/hyp/image.h"
#include "role/hyp/life.h"
#include "role/hyp/manifest.h"
#include "role/hyp/vm_memory.h"
#include "role/hyp/vm_output.h"

struct pl011;
struct pl031;
struct shared_memory;
struct virtio_device;
struct cfi_flash;
struct ffa_guest;

struct hyp_vm {
	struct vm vm;
	const struct vm_config *config;
	struct list node; /* all VMs, in the manifest's order */
	struct image_plan plan;
	const struct bundle *bundle;
	pa_t ram; /* 0: the VM has neither RAM nor stage-2 tables; if it is destroyed, no disks either */

	struct vm_life life;

	struct pl011 *uart;
	struct pl031 *rtc;
	struct virtio_device *virtio[GUEST_VIRTIO_SLOTS]; /* by slot */
	struct vm_disk disks[VM_DISK_MAX];
	struct cfi_flash *flash[GUEST_FLASH_BANKS];
	struct shared_memory *regions[GUEST_SHARED_SLOTS]; /* by slot */

	struct ffa_guest *ffa; /* NULL: it takes no part in FF-A */

	struct vm_output output;
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

#endif
