/* SPDX-License-Identifier: MIT */
/*
 * The manifest: a device tree that says which VMs there are and of what each is made (docs/manifest.md is its
 * reference). It is closed: a key or node that is not known is an error, so that a misspelt one is never silently
 * without effect.
 */
#ifndef ROLE_HYP_MANIFEST_H
#define ROLE_HYP_MANIFEST_H

#include "lib/err.h"
#include "lib/span.h"
#include "role/hyp/guest_map.h"
#include "role/hyp/report.h"

#define MANIFEST_COMPATIBLE "trivet,manifest-1"
#define MANIFEST_VM_MAX 255         /* as many VMIDs as every CPU has, without 0 */
#define MANIFEST_NAME_MAX 31        /* characters of a VM's or device's name */
#define MANIFEST_BOOTARGS_MAX 2047  /* characters; what arm64 Linux takes */

enum vm_device_kind {
	VM_DEVICE_BLK,
	VM_DEVICE_NET,
	VM_DEVICE_CONSOLE,
	VM_DEVICE_RNG,
};

/* A virtio device; it sits in the virtio-mmio slot that is its index in vm_config.devices. */
struct vm_device_config {
	enum vm_device_kind kind;
	const char *name; /* the node's, valid as a name */
	const char *file; /* blk: the disk's contents, in the bundle */
	bool read_only;   /* blk */
	uint8_t mac[6];   /* net: as given, or made of the VM's and the device's index */
	const char *network; /* net: the name of its switch; NULL: the VM is alone, and hears what it sends */
};

/* Strings point into the manifest. NULL: the key is absent. */
struct vm_config {
	const char *name;
	unsigned index; /* position in the manifest, from 0 */
	unsigned vcpu_count;
	uint16_t affinity[GUEST_CPU_MAX]; /* the physical CPU of each vCPU */
	uint64_t memory_size;             /* bytes, a multiple of BLOCK_SIZE */
	const char *kernel;
	bool raw; /* 'load-offset' is given: the kernel is a raw binary */
	uint64_t load_offset;
	const char *initrd;
	const char *bootargs;
	unsigned device_count;
	struct vm_device_config devices[GUEST_VIRTIO_SLOTS];
};

/* A switch between the network devices of VMs. */
struct switch_config {
	const char *name;
	bool dhcp;        /* 'dhcp' is given */
	uint32_t network; /* its network, host bits clear */
	uint8_t prefix;
};

struct manifest {
	const void *fdt;
	int vms; /* the node /vms */
	int switches; /* the node /switches; negative: none */
	unsigned vm_count;
	unsigned cpu_count; /* physical CPUs 0..cpu_count - 1 exist */
};

/*
 * Checks the tree as a whole and its root. 'dtb' stays where it is, unchanged, as long as the manifest and the
 * configs read from it are in use, at a multiple of 8 bytes. On ERR_INVALID the report has said why.
 */
enum err manifest_open(struct manifest *manifest, struct span dtb, unsigned cpu_count, struct report *report);

/* The node of the VM behind 'previous', -1 for the first one; -1 if there is none. */
int manifest_next_vm(const struct manifest *manifest, int previous);

/* Reads one VM. ERR_INVALID, and one message in the report, if anything in it is wrong; the other VMs do not suffer. */
enum err manifest_read_vm(const struct manifest *manifest, int node, struct vm_config *config, struct report *report);

/* The same for switches. */
int manifest_next_switch(const struct manifest *manifest, int previous);
enum err manifest_read_switch(const struct manifest *m, int node, struct switch_config *config, struct report *report);
/* How many network devices name that switch, in VMs that can be read or not. */
unsigned manifest_switch_ports(const struct manifest *manifest, const char *name);

#endif
