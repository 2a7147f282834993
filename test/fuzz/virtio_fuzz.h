/* SPDX-License-Identifier: MIT */
/*
 * A hostile guest for a virtio device: the input is a script of register accesses, writes to guest memory, descriptors
 * and notifications. Whatever it does, the device must not touch anything but RAM, must end each call, and must work
 * after a reset; ASan, UBSan and the checks here watch.
 */
#ifndef TEST_VIRTIO_FUZZ_H
#define TEST_VIRTIO_FUZZ_H

#include "../unit/virtio_guest.h"
#include "role/hyp/dev/virtio_mmio.h"

#define FUZZ_BASE UINT64_C(0x0a000000)
#define FUZZ_INTID 48
#define FUZZ_RAM_SIZE KIB(64)
#define FUZZ_QUEUE_SIZE 8
#define FUZZ_STEPS_MAX 400

struct fuzz_input {
	const uint8_t *next;
	size_t left;
};

/* The next 'size' bytes as a number; zeroes when the input is at its end. */
static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned size)
{
	uint64_t value = 0;
	size_t n = MIN(size, in->left);

	memcpy(&value, in->next, n);
	in->next += n;
	in->left -= n;
	return value;
}

struct fuzz_guest {
	struct test_vm *vm;
	struct virtio_device *dev;
	struct driver_queue q[2];
	unsigned queue_count;
};

/* The feature sets that a script may choose from. */
static inline void fuzz_start(struct fuzz_guest *g, uint64_t choice)
{
	uint64_t features = VIRTIO_F_VERSION_1;

	features |= (choice & 1) != 0 ? VIRTIO_F_EVENT_IDX : 0;
	features |= (choice & 2) != 0 ? VIRTIO_F_INDIRECT_DESC : 0;
	features |= (choice & 4) != 0 ? g->dev->features & GENMASK(23, 0) : 0;
	g->vm->ram_used = 0;
	if (!driver_start(g->vm, FUZZ_BASE, features, g->q, g->queue_count, FUZZ_QUEUE_SIZE)) {
		abort();
	}
}

static inline struct driver_queue *fuzz_queue(struct fuzz_guest *g, uint64_t choice)
{
	return &g->q[choice % g->queue_count];
}

static inline void fuzz_poke(struct fuzz_guest *g, struct fuzz_input *in)
{
	uint64_t at = fuzz_take(in, 2);
	uint64_t size = fuzz_take(in, 1) % 32;

	for (; size != 0; size--) {
		g->vm->ram[at++ % FUZZ_RAM_SIZE] = (uint8_t)fuzz_take(in, 1);
	}
}

static inline void fuzz_descriptor(struct fuzz_guest *g, struct fuzz_input *in)
{
	struct driver_queue *d = fuzz_queue(g, fuzz_take(in, 1));
	struct virtq_desc *desc = &d->desc[fuzz_take(in, 1) % FUZZ_QUEUE_SIZE];

	desc->addr = TEST_RAM_BASE + fuzz_take(in, 2);
	desc->len = (uint32_t)fuzz_take(in, 2);
	desc->flags = (uint16_t)fuzz_take(in, 1);
	desc->next = (uint16_t)fuzz_take(in, 1);
}

/* One step; what 'code' is none of these the target handles itself. */
static inline bool fuzz_step(struct fuzz_guest *g, struct fuzz_input *in, unsigned code)
{
	struct driver_queue *d;
	uint64_t offset, value;

	switch (code) {
	case 0:
		offset = 4 * (fuzz_take(in, 1) % (VIRTIO_MMIO_SIZE / 4));
		value = fuzz_take(in, 4);
		test_access(g->vm, true, FUZZ_BASE + offset, 4, &value);
		return true;
	case 1:
		offset = fuzz_take(in, 2) % (VIRTIO_MMIO_SIZE - 7);
		test_access(g->vm, false, FUZZ_BASE + offset, 1u << (fuzz_take(in, 1) & 3), &value);
		return true;
	case 2:
		fuzz_poke(g, in);
		return true;
	case 3:
		fuzz_descriptor(g, in);
		return true;
	case 4:
		d = fuzz_queue(g, fuzz_take(in, 1));
		driver_publish(d, (uint16_t)fuzz_take(in, 1));
		return true;
	case 5:
		value = fuzz_take(in, 1);
		test_access(g->vm, true, FUZZ_BASE + VIRTIO_MMIO_QUEUE_NOTIFY, 4, &value);
		return true;
	case 6:
		fuzz_start(g, fuzz_take(in, 1));
		return true;
	default:
		return false;
	}
}

#endif
