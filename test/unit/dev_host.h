/* SPDX-License-Identifier: MIT */
/*
 * What a device finds around it, for the tests of one program: memory objects, the vGIC's inputs, time and entropy.
 * Included by exactly one file of a program.
 */
#ifndef TEST_DEV_HOST_H
#define TEST_DEV_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mm/pool.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/vcpu/bus.h"
#include "core/vcpu/cpu.h"
#include "core/vcpu/vcpu.h"
#include "core/vcpu/vm.h"

/* ---- random numbers that a failure can be replayed with ---- */

static uint64_t random_state;

static inline uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 .. bound - 1 */
static inline uint32_t random_below(uint32_t bound) { return (uint32_t)((random_u64() >> 32) % bound); }

static inline void random_fill(void *to, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((uint8_t *)to)[i] = (uint8_t)(random_u64() >> 56);
	}
}

/* From SEED in the environment, else from 'otherwise'; printed. */
static inline void random_seed(uint64_t otherwise)
{
	const char *text = getenv("SEED");

	random_state = text != NULL ? strtoull(text, NULL, 0) : otherwise;
	printf("SEED=%llu\n", (unsigned long long)random_state);
	random_state |= random_state == 0;
}

/* ---- the pool ---- */

static unsigned pool_objects; /* not freed so far */
static bool pool_empty;       /* as if there were no memory */

void *pool_alloc_object(size_t size)
{
	if (pool_empty) {
		return NULL;
	}
	pool_objects++;
	return calloc(1, size);
}

void pool_free_object(void *object, size_t size)
{
	memset(object, 0xa5, size); /* ASan checks the size on the way */
	pool_objects--;
	free(object);
}

/* ---- the vGIC ---- */

#define TEST_INTIDS 64
static bool spi_level[TEST_INTIDS];
static unsigned spi_rises[TEST_INTIDS]; /* how often the input went up */

void vgic_set_spi(struct vgic *vgic, unsigned intid, bool level)
{
	(void)vgic;
	if (intid >= TEST_INTIDS) {
		abort();
	}
	__atomic_fetch_add(&spi_rises[intid], level && !spi_level[intid], __ATOMIC_SEQ_CST);
	spi_level[intid] = level;
}

void vgic_pulse_spi(struct vgic *vgic, unsigned intid)
{
	vgic_set_spi(vgic, intid, true);
	vgic_set_spi(vgic, intid, false);
}

/* ---- time and entropy ---- */

static uint64_t clock_now = 1800000000;
static bool entropy_dry;

uint64_t clock_seconds(void) { return clock_now; }

bool entropy_get(uint64_t *value)
{
	*value = random_u64();
	return !entropy_dry;
}

/* ---- a VM of one bank of RAM, whose vCPUs never run ---- */

#define TEST_RAM_BASE UINT64_C(0x40000000)

struct test_vm {
	struct vm vm;
	struct cpu cpu[2];
	struct vcpu vcpu[2];
	struct vcpu *vcpus[2];
	uint8_t *ram;
	uint64_t ram_size;
	uint64_t ram_used;
};

static inline struct test_vm *test_vm_new(uint64_t ram_size)
{
	struct test_vm *t = calloc(1, sizeof(*t));

	t->ram = aligned_alloc(PAGE_SIZE, ram_size);
	memset(t->ram, 0, ram_size);
	t->ram_size = ram_size;
	t->vm.mem.banks[0] = (struct guest_bank){ .ipa = TEST_RAM_BASE, .size = ram_size, .host = t->ram };
	t->vm.mem.count = 1;
	t->vm.vcpu_count = 2;
	t->vm.vcpus = t->vcpus;
	for (unsigned i = 0; i < 2; i++) {
		timer_queue_init(&t->cpu[i].timers);
		t->vcpu[i].vm = &t->vm;
		t->vcpu[i].cpu = &t->cpu[i];
		t->vcpu[i].index = i;
		t->vcpus[i] = &t->vcpu[i];
	}
	return t;
}

static inline void test_vm_free(struct test_vm *t)
{
	bus_destroy(&t->vm.bus);
	free(t->ram);
	free(t);
}

/* Guest memory that nobody uses yet, zeroed by nobody. */
static inline uint64_t test_vm_alloc(struct test_vm *t, uint64_t size, uint64_t align)
{
	uint64_t at = ALIGN_UP(t->ram_used, align);

	if (at + size > t->ram_size) {
		abort();
	}
	t->ram_used = at + size;
	return TEST_RAM_BASE + at;
}

static inline void *test_vm_ptr(struct test_vm *t, uint64_t ipa) { return t->ram + (ipa - TEST_RAM_BASE); }

/* An access by vCPU 0; aborts the test if nothing is there. False: the guest would get an external abort. */
static inline bool test_access(struct test_vm *t, bool write, uint64_t address, unsigned size, uint64_t *value)
{
	const struct bus_region *region = bus_find(&t->vm.bus, address, size);

	if (region == NULL) {
		abort();
	}
	if (write) {
		return region->ops->write(region->device, &t->vcpu[0], address - region->base, size, *value);
	}
	return region->ops->read(region->device, &t->vcpu[0], address - region->base, size, value);
}

static inline uint32_t test_read(struct test_vm *t, uint64_t address)
{
	uint64_t value = 0;

	if (!test_access(t, false, address, 4, &value)) {
		abort();
	}
	return (uint32_t)value;
}

static inline void test_write(struct test_vm *t, uint64_t address, uint32_t value)
{
	uint64_t wide = value;

	if (!test_access(t, true, address, 4, &wide)) {
		abort();
	}
}

#endif
