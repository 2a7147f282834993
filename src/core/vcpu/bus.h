/* SPDX-License-Identifier: MIT */
/*
 * A VM's MMIO bus: which device answers at which guest physical address. Filled before the VM starts, then only read.
 */
#ifndef CORE_VCPU_BUS_H
#define CORE_VCPU_BUS_H

#include "lib/addr.h"
#include "lib/err.h"

struct vcpu;

/*
 * What a device does on an access. 'offset' is from the start of the region; 'size' is 1, 2, 4 or 8; offset + size lies
 * inside the region; a read returns its value in the low 'size' bytes with zeroes above, a write brings it so. The
 * access may be misaligned: the device decides. False: the guest gets an external abort. Called on the vCPU's own CPU
 * without any lock; the device takes its own.
 */
struct bus_ops {
	bool (*read)(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t *value);
	bool (*write)(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t value);
};

struct bus_region {
	uint64_t base; /* IPA */
	uint64_t size;
	const struct bus_ops *ops;
	void *device;
};

struct bus {
	struct bus_region *regions; /* sorted by base, no overlap */
	unsigned count;
	unsigned capacity;
};

/* The widest access. */
#define BUS_ACCESS_MAX 8u

/* Adds a region. ERR_EXISTS on overlap, ERR_RANGE if it wraps or has less than BUS_ACCESS_MAX bytes, ERR_NO_MEMORY. */
enum err bus_add(struct bus *bus, ipa_t base, uint64_t size, const struct bus_ops *ops, void *device);
/* The region that holds the whole access, or NULL. */
const struct bus_region *bus_find(const struct bus *bus, uint64_t address, unsigned size);
void bus_destroy(struct bus *bus);

#endif
