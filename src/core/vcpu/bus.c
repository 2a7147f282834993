/* SPDX-License-Identifier: MIT */
#include "core/vcpu/bus.h"

#include "core/mm/pool.h"
#include "lib/checked.h"
#include "lib/str.h"

#define BUS_CAPACITY_FIRST 16u

/* Index of the first region that begins above 'address'. */
static unsigned upper_bound(const struct bus *bus, uint64_t address)
{
	unsigned low = 0;
	unsigned high = bus->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (bus->regions[middle].base <= address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static enum err grow(struct bus *bus)
{
	unsigned capacity = bus->capacity == 0 ? BUS_CAPACITY_FIRST : 2 * bus->capacity;
	struct bus_region *regions = pool_alloc_object(capacity * sizeof(*regions));

	if (regions == NULL) {
		return ERR_NO_MEMORY;
	}
	if (bus->capacity != 0) {
		memcpy(regions, bus->regions, bus->count * sizeof(*regions));
		pool_free_object(bus->regions, bus->capacity * sizeof(*regions));
	}
	bus->regions = regions;
	bus->capacity = capacity;
	return OK;
}

enum err bus_add(struct bus *bus, ipa_t base, uint64_t size, const struct bus_ops *ops, void *device)
{
	unsigned at = upper_bound(bus, base.v);
	uint64_t last;

	if (size < BUS_ACCESS_MAX || !add_u64(base.v, size - 1, &last)) {
		return ERR_RANGE;
	}
	if ((at > 0 && base.v - bus->regions[at - 1].base < bus->regions[at - 1].size) ||
	    (at < bus->count && bus->regions[at].base <= last)) {
		return ERR_EXISTS;
	}
	if (bus->count == bus->capacity) {
		enum err e = grow(bus);

		if (e != OK) {
			return e;
		}
	}
	memmove(&bus->regions[at + 1], &bus->regions[at], (bus->count - at) * sizeof(*bus->regions));
	bus->regions[at] = (struct bus_region){ .base = base.v, .size = size, .ops = ops, .device = device };
	bus->count++;
	return OK;
}

const struct bus_region *bus_find(const struct bus *bus, uint64_t address, unsigned size)
{
	unsigned above = upper_bound(bus, address);

	if (above == 0 || !range_in(address, size, bus->regions[above - 1].base, bus->regions[above - 1].size)) {
		return NULL;
	}
	return &bus->regions[above - 1];
}

void bus_destroy(struct bus *bus)
{
	if (bus->capacity != 0) {
		pool_free_object(bus->regions, bus->capacity * sizeof(*bus->regions));
	}
	*bus = (struct bus){ 0 };
}
