/* SPDX-License-Identifier: MIT */
/*
 * The manifest: a device tree that says which VMs there are and of what each is made (docs/manifest.md is its
 * reference). It is closed: a key or node that is not known is an error, so that a misspelt one is never silently
 * without effect.
 */
#ifndef ROLE_HYP_MANIFEST_H
#define ROLE_HYP_MANIFEST_H

#include "abi/ffa.h"
#include "lib/err.h"
#include "lib/span.h"
#include "role/hyp/guest_map.h"
#include "role/hyp/report.h"

#define MANIFEST_COMPATIBLE "trivet,manifest-1"
#define MANIFEST_VM_MAX 255         /* as many VMIDs as every CPU has, without 0 */
#define MANIFEST_NAME_MAX 31        /* characters of a VM's or device's name */
#define MANIFEST_UUID_MAX 4
#define MANIFEST_SMC_MAX 32
#define MANIFEST_BOOTARGS_MAX 2047  /* characters; what arm64 Linux takes */

/* What a VM's own end leads to. */
enum vm_policy {
	VM_POLICY_STOP,
	VM_POLICY_RESTART, /* after a while, longer each time if it does not run for long */
	VM_POLICY_DESTROY, /* its memory is given back */
};

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

/* A device that shows a shared memory; its index in vm_config.regions is its slot in the guest's map. */
struct vm_region_config {
	const char *name;   /* the node's, valid as a name */
	const char *region; /* the name of the shared memory, which is in the manifest */
	unsigned peer;      /* its number: how many devices name that region before it */
	bool read_only;
	uint64_t base; /* IPA of the memory */
	uint64_t size;
};

/* How a VM takes part in FF-A. */
struct vm_ffa_config {
	bool enabled; /* the node is there */
	unsigned uuid_count;
	struct ffa_uuid uuids[MANIFEST_UUID_MAX];
	uint32_t messaging; /* FFA_PROPERTY_*: the messages that it may send and receives */
};

/* Strings point into the manifest. NULL: the key is absent. */
struct vm_config {
	const char *name;
	unsigned index; /* position in the manifest, from 0 */
	unsigned vcpu_count;
	uint16_t affinity[GUEST_CPU_MAX]; /* the physical CPU of each vCPU */
	uint64_t memory_size;             /* bytes, a multiple of BLOCK_SIZE */
	const char *kernel;       /* this or the next */
	const char *firmware;     /* what is in the first flash bank */
	bool firmware_read_only;  /* that bank cannot be written */
	uint64_t variables_size;  /* of the second bank: bytes, a power of two of at least BLOCK_SIZE */
	bool raw; /* 'load-offset' is given: the kernel is a raw binary */
	uint64_t load_offset;
	const char *initrd;
	const char *bootargs;
	uint16_t weight;         /* share of a CPU beside others, 10..1000; 100 is the usual one */
	uint16_t cap;            /* per cent of each CPU at most; 0: all */
	bool autostart;
	enum vm_policy on_power_off, on_crash;
	unsigned device_count;
	struct vm_device_config devices[GUEST_VIRTIO_SLOTS];
	unsigned region_count;
	struct vm_region_config regions[GUEST_SHARED_SLOTS];
	struct vm_ffa_config ffa;
	unsigned smc_count; /* SMCs that the firmware answers */
	uint32_t smcs[MANIFEST_SMC_MAX];
};

/* A switch between the network devices of VMs. */
struct switch_config {
	const char *name;
	bool dhcp;        /* 'dhcp' is given */
	uint32_t network; /* its network, host bits clear */
	uint8_t prefix;
};

/* Memory that several VMs see. */
struct region_config {
	const char *name;
	uint64_t size; /* bytes, a multiple of PAGE_SIZE, at most GUEST_SHARED_SIZE */
};

struct manifest {
	const void *fdt;
	int vms; /* the node /vms */
	int switches; /* the node /switches; negative: none */
	int regions; /* the node /shared-memory; negative: none */
	bool console_prefix; /* 'console-prefix' is given: the console begins in prefix mode */
	unsigned vm_count;
	int vm_nodes
		[MANIFEST_VM_MAX]; /* by index; to walk the tree for each VM would take the square of their number */
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

/* The same for shared memories. */
int manifest_next_region(const struct manifest *manifest, int previous);
enum err manifest_read_region(const struct manifest *m, int node, struct region_config *config, struct report *report);
/* How many devices name it, in VMs that can be read or not. */
unsigned manifest_region_peers(const struct manifest *manifest, const char *name);

#endif
