/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/shared_memory.h"

#include "arch/cache.h"
#include "arch/zero.h"
#include "core/mm/pool.h"
#include "core/vcpu/vcpu.h"
#include "lib/panic.h"
#include "lib/str.h"

struct shared_memory {
	struct vm *vm;
	struct shared_region *region;
	unsigned intid;
	unsigned peer;
	bool read_only;
	/* Under the region's lock: */
	bool entered; /* counts among the region's users */
	uint32_t status, enable;
	bool line; /* what the vGIC was told last */
	struct shared_memory_counters counters;
};

/* ---- interrupts: with the region's lock ---- */

static bool is_up(const struct shared_memory *d)
{
	return (d->region->up & BIT(d->peer)) != 0;
}

static void update_line(struct shared_memory *d)
{
	bool line = (d->status & d->enable) != 0;

	if (line != d->line) {
		d->line = line;
		vgic_set_spi(&d->vm->vgic, d->intid, line);
	}
}

static void set_up(struct shared_memory *d, bool up)
{
	struct shared_region *region = d->region;

	if (up == is_up(d)) {
		return;
	}
	region->up ^= (uint32_t)BIT(d->peer);
	if (!up) {
		d->status = 0;
		update_line(d);
	}
	for (unsigned i = 0; i < region->peer_count; i++) {
		struct shared_memory *other = region->peers[i];

		if (other != NULL && other != d && is_up(other)) {
			other->status |= SHARED_MEMORY_CHANGED(d->peer);
			update_line(other);
		}
	}
}

/* One bit waits at the other side, however often it is rung. */
static void ring(struct shared_memory *d, uint32_t peer)
{
	struct shared_memory *other = peer < d->region->peer_count ? d->region->peers[peer] : NULL;

	if (other == NULL || !is_up(other)) {
		d->counters.ignored++;
		return;
	}
	d->counters.rung++;
	d->counters.merged += (other->status & SHARED_MEMORY_RANG(d->peer)) != 0;
	other->status |= SHARED_MEMORY_RANG(d->peer);
	update_line(other);
}

/* ---- registers ---- */

static uint32_t read_register(const struct shared_memory *d, uint64_t offset)
{
	switch (offset) {
	case SHARED_MEMORY_MAGIC:
		return SHARED_MEMORY_MAGIC_VALUE;
	case SHARED_MEMORY_VERSION:
		return SHARED_MEMORY_VERSION_VALUE;
	case SHARED_MEMORY_SELF:
		return d->peer;
	case SHARED_MEMORY_PEERS:
		return d->region->peer_count;
	case SHARED_MEMORY_UP:
		return d->region->up;
	case SHARED_MEMORY_CONTROL:
		return is_up(d) ? SHARED_MEMORY_CONTROL_UP : 0;
	case SHARED_MEMORY_STATUS:
		return d->status;
	case SHARED_MEMORY_ENABLE:
		return d->enable;
	case SHARED_MEMORY_ACCESS:
		return d->read_only ? 0 : SHARED_MEMORY_ACCESS_WRITE;
	default:
		return 0;
	}
}

static void write_register(struct shared_memory *d, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case SHARED_MEMORY_CONTROL:
		set_up(d, (value & SHARED_MEMORY_CONTROL_UP) != 0);
		break;
	case SHARED_MEMORY_STATUS:
		d->status &= ~value;
		update_line(d);
		break;
	case SHARED_MEMORY_ENABLE:
		d->enable = value;
		update_line(d);
		break;
	case SHARED_MEMORY_DOORBELL:
		ring(d, value);
		break;
	default:
		break;
	}
}

static bool registers_read(void *device, struct vcpu *vcpu unused_arg, uint64_t offset, unsigned size, uint64_t *value)
{
	struct shared_memory *d = device;

	if (size != 4 || offset % 4 != 0) {
		return false;
	}
	spin_lock(&d->region->lock);
	*value = read_register(d, offset);
	spin_unlock(&d->region->lock);
	return true;
}

/*
 * What the guest wrote to the memory before it rings is seen by the other one after it has cleared the bit: each takes
 * the lock in between.
 */
static bool registers_write(void *device, struct vcpu *vcpu unused_arg, uint64_t offset, unsigned size, uint64_t value)
{
	struct shared_memory *d = device;

	if (size != 4 || offset % 4 != 0) {
		return false;
	}
	spin_lock(&d->region->lock);
	write_register(d, offset, (uint32_t)value);
	spin_unlock(&d->region->lock);
	return true;
}

static const struct bus_ops register_ops = { .read = registers_read, .write = registers_write };

/* ---- life ---- */

struct shared_region *shared_region_create(const char *name, uint64_t size, unsigned peer_count)
{
	struct shared_region *region = pool_alloc_object(sizeof(*region));
	uint64_t align = size >= BLOCK_SIZE ? BLOCK_SIZE : PAGE_SIZE;

	if (region == NULL) {
		return NULL;
	}
	if (pool_alloc(size / PAGE_SIZE, align, PAGE_OWNER_SHARED, &region->memory) != OK) {
		pool_free_object(region, sizeof(*region));
		return NULL;
	}
	str_copy(region->name, name, sizeof(region->name));
	region->size = size;
	region->peer_count = peer_count;
	return region;
}

enum err shared_memory_create(struct vm *vm, ipa_t registers, unsigned intid, struct shared_region *region,
			      unsigned peer, bool read_only, struct shared_memory **out)
{
	struct shared_memory *d;
	enum err error;

	if (peer >= region->peer_count) {
		return ERR_RANGE;
	}
	if (region->peers[peer] != NULL) {
		return ERR_EXISTS;
	}
	d = pool_alloc_object(sizeof(*d));
	if (d == NULL) {
		return ERR_NO_MEMORY;
	}
	*d = (struct shared_memory){ .vm = vm, .region = region, .intid = intid, .peer = peer, .read_only = read_only };
	error = bus_add(&vm->bus, registers, SHARED_MEMORY_SIZE, &register_ops, d);
	if (error != OK) {
		pool_free_object(d, sizeof(*d));
		return error;
	}
	spin_lock(&region->lock);
	region->peers[peer] = d;
	spin_unlock(&region->lock);
	*out = d;
	return OK;
}

void shared_memory_destroy(struct shared_memory *d)
{
	shared_memory_leave(d);
	spin_lock(&d->region->lock);
	d->region->peers[d->peer] = NULL;
	spin_unlock(&d->region->lock);
	pool_free_object(d, sizeof(*d));
}

/*
 * Who zeroes a piece is a user meanwhile, so when the last user has left, perhaps before all was done, no piece is
 * being worked on, and the next one may begin anew.
 */
bool shared_memory_enter_some(struct shared_memory *d, uint64_t budget)
{
	struct shared_region *region = d->region;
	uint64_t at, size;
	bool more;

	spin_lock(&region->lock);
	if (!d->entered) {
		d->entered = true;
		if (region->users++ == 0) {
			region->scrub_next = region->scrub_done = 0;
		}
	}
	at = region->scrub_next;
	size = MIN(ALIGN_UP(budget, PAGE_SIZE), region->size - at);
	region->scrub_next += size;
	spin_unlock(&region->lock);

	if (size != 0) {
		void *piece = pa_ptr(pa(region->memory.v + at));

		/* A guest may read it past the caches. */
		zero_pages(piece, size);
		cache_clean_invalidate(piece, size);
	}
	spin_lock(&region->lock);
	region->scrub_done += size;
	more = region->scrub_done != region->size;
	spin_unlock(&region->lock);
	return more;
}

void shared_memory_leave(struct shared_memory *d)
{
	struct shared_region *region = d->region;

	spin_lock(&region->lock);
	set_up(d, false);
	d->status = d->enable = 0;
	update_line(d);
	if (d->entered) {
		d->entered = false;
		CHECK(region->users != 0);
		region->users--;
	}
	spin_unlock(&region->lock);
}

/* ---- for people ---- */

const struct vm *shared_memory_vm(const struct shared_memory *d)
{
	return d->vm;
}

bool shared_memory_read_only(const struct shared_memory *d)
{
	return d->read_only;
}

bool shared_memory_is_up(struct shared_memory *d, struct shared_memory_counters *counters)
{
	bool up;

	spin_lock(&d->region->lock);
	up = is_up(d);
	*counters = d->counters;
	spin_unlock(&d->region->lock);
	return up;
}
