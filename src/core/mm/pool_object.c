/* SPDX-License-Identifier: MIT */
/*
 * Small objects. A slab is a page: a record of one unit, then slots of equal size. The sizes are those that fill a
 * page: with 63 units to share, a page of n slots has slots of 63 / n units. Larger objects are whole pages.
 */
#include "core/mm/pool.h"

#include "arch/spinlock.h"
#include "arch/zero.h"
#include "core/mm/pool_priv.h"
#include "lib/list.h"
#include "lib/panic.h"
#include "lib/str.h"

#define UNIT UINT64_C(64)
#define SLAB_UNITS (PAGE_SIZE / UNIT - 1)
#define SLOT_UNITS_MAX (SLAB_UNITS / 2)
#define OBJECT_SIZE_MAX KIB(64)

struct slab {
	struct list node;  /* in slabs[slot_units] while it has a free slot */
	struct slab *self; /* what makes the page a slab */
	uint64_t used;     /* a bit for each slot */
	uint64_t slot_units;
};
_Static_assert(sizeof(struct slab) <= UNIT, "the record of a slab is one unit");

static struct spinlock lock;                 /* for all slabs; the pool's lock nests inside it */
static struct list slabs[SLOT_UNITS_MAX + 1]; /* zero until first used */

void pool_reset(void)
{
	pool_pages_reset();
	lock = (struct spinlock){ 0 };
	memset(slabs, 0, sizeof(slabs));
}

static uint64_t slot_mask(const struct slab *slab)
{
	return GENMASK(SLAB_UNITS / slab->slot_units - 1, 0);
}

static uint64_t slot_units_for(size_t size)
{
	uint64_t units = (size + UNIT - 1) / UNIT;

	return SLAB_UNITS / (SLAB_UNITS / units);
}

/* A slab with a free slot, or NULL. The lock is held. */
static struct slab *slab_with_room(uint64_t slot_units)
{
	struct list *head = &slabs[slot_units];
	struct slab *slab;
	pa_t page;

	if (head->next == NULL) {
		list_init(head);
	}
	if (!list_empty(head)) {
		return list_entry(head->next, struct slab, node);
	}
	if (pool_alloc(1, PAGE_SIZE, PAGE_OWNER_EL2, &page) != OK) {
		return NULL;
	}
	slab = pa_ptr(page);
	*slab = (struct slab){ .self = slab, .slot_units = slot_units };
	list_append(head, &slab->node);
	return slab;
}

static void *alloc_slot(uint64_t slot_units)
{
	struct slab *slab;
	void *object = NULL;

	spin_lock(&lock);
	slab = slab_with_room(slot_units);
	if (slab != NULL) {
		uint64_t slot = (uint64_t)__builtin_ctzll(~slab->used);

		slab->used |= BIT(slot);
		if (slab->used == slot_mask(slab)) {
			list_remove(&slab->node);
		}
		object = (uint8_t *)slab + UNIT * (1 + slot * slot_units);
	}
	spin_unlock(&lock);
	return object;
}

static void free_slot(void *object, uint64_t slot_units)
{
	struct slab *slab = va_ptr(va(ALIGN_DOWN(va_from_ptr(object).v, PAGE_SIZE)));
	uint64_t offset = va_from_ptr(object).v - va_from_ptr(slab).v - UNIT;
	uint64_t slot = offset / (UNIT * slot_units);

	spin_lock(&lock);
	CHECK(slab->self == slab && slab->slot_units == slot_units && offset % (UNIT * slot_units) == 0);
	CHECK(slot < SLAB_UNITS && (slab->used & BIT(slot)) != 0);
	if (slab->used == slot_mask(slab)) {
		list_append(&slabs[slot_units], &slab->node);
	}
	slab->used &= ~BIT(slot);
	if (slab->used == 0) {
		list_remove(&slab->node);
		slab->self = NULL;
		pool_free(pa_from_ptr(slab), 1);
	}
	spin_unlock(&lock);
}

void *pool_alloc_object(size_t size)
{
	void *object;
	pa_t base;

	if (size == 0 || size > OBJECT_SIZE_MAX) {
		return NULL;
	}
	if (size <= SLOT_UNITS_MAX * UNIT) {
		object = alloc_slot(slot_units_for(size));
		return object != NULL ? memset(object, 0, size) : NULL;
	}
	if (pool_alloc(ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE, PAGE_OWNER_EL2, &base) != OK) {
		return NULL;
	}
	zero_pages(pa_ptr(base), ALIGN_UP(size, PAGE_SIZE));
	return pa_ptr(base);
}

void pool_free_object(void *object, size_t size)
{
	if (object == NULL) {
		return;
	}
	CHECK(size > 0 && size <= OBJECT_SIZE_MAX);
	if (size <= SLOT_UNITS_MAX * UNIT) {
		free_slot(object, slot_units_for(size));
	} else {
		pool_free(pa_from_ptr(object), ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE);
	}
}
