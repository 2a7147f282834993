/* SPDX-License-Identifier: MIT */
/* A virtio driver as a guest has it: split virtqueues in guest memory, and the MMIO registers. */
#ifndef TEST_VIRTIO_GUEST_H
#define TEST_VIRTIO_GUEST_H

#include "abi/virtio.h"
#include "dev_host.h"

#define DRIVER_QUEUE_MAX 256

struct driver_buffer {
	uint64_t ipa;
	uint32_t size;
	bool writable;
};

struct driver_queue {
	struct test_vm *vm;
	uint16_t size;
	bool event_idx;
	uint64_t desc_ipa, avail_ipa, used_ipa;
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint16_t free[DRIVER_QUEUE_MAX]; /* descriptors */
	unsigned free_count;
	uint16_t added, kicked; /* avail.idx now, and when the need of a kick was last asked */
	uint16_t seen;          /* used elements consumed */
};

static inline void driver_queue_init(struct driver_queue *d, struct test_vm *vm, uint16_t size, bool event_idx)
{
	*d = (struct driver_queue){ .vm = vm, .size = size, .event_idx = event_idx };
	d->desc_ipa = test_vm_alloc(vm, 16 * size, VIRTQ_DESC_ALIGN);
	d->avail_ipa = test_vm_alloc(vm, VIRTQ_AVAIL_SIZE(size), VIRTQ_AVAIL_ALIGN);
	d->used_ipa = test_vm_alloc(vm, VIRTQ_USED_SIZE(size), VIRTQ_USED_ALIGN);
	d->desc = test_vm_ptr(vm, d->desc_ipa);
	d->avail = test_vm_ptr(vm, d->avail_ipa);
	d->used = test_vm_ptr(vm, d->used_ipa);
	memset(d->desc, 0, 16 * size);
	memset(d->avail, 0, VIRTQ_AVAIL_SIZE(size));
	memset(d->used, 0, VIRTQ_USED_SIZE(size));
	for (unsigned i = 0; i < size; i++) {
		d->free[d->free_count++] = (uint16_t)(size - 1 - i);
	}
}

static inline uint16_t *driver_used_event(struct driver_queue *d) { return &d->avail->ring[d->size]; }

static inline uint16_t *driver_avail_event(struct driver_queue *d)
{
	return (uint16_t *)(void *)&d->used->ring[d->size];
}

/* Shows the device a chain that begins at 'head'. */
static inline void driver_publish(struct driver_queue *d, uint16_t head)
{
	d->avail->ring[d->added % d->size] = head;
	__atomic_store_n(&d->avail->idx, ++d->added, __ATOMIC_RELEASE);
}

/* Adds a chain of direct descriptors; its head, or -1 if there are not enough free ones. */
static inline int driver_add(struct driver_queue *d, const struct driver_buffer *buffers, unsigned count)
{
	uint16_t head, index;

	if (count == 0 || d->free_count < count) {
		return -1;
	}
	head = index = d->free[--d->free_count];
	for (unsigned i = 0; i < count; i++) {
		struct virtq_desc *desc = &d->desc[index];

		desc->addr = buffers[i].ipa;
		desc->len = buffers[i].size;
		desc->flags = buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0;
		if (i + 1 < count) {
			desc->flags |= VIRTQ_DESC_F_NEXT;
			desc->next = index = d->free[--d->free_count];
		}
	}
	driver_publish(d, head);
	return head;
}

/* Adds a chain whose last 'count' - 'direct' buffers stand in an indirect table at 'table'. */
static inline int driver_add_indirect(struct driver_queue *d, const struct driver_buffer *buffers, unsigned count,
				      unsigned direct, uint64_t table)
{
	struct virtq_desc *inner = test_vm_ptr(d->vm, table);
	uint16_t head, index;

	if (count <= direct || d->free_count < direct + 1) {
		return -1;
	}
	head = index = d->free[--d->free_count];
	for (unsigned i = 0; i < direct; i++) {
		d->desc[index] = (struct virtq_desc){ .addr = buffers[i].ipa, .len = buffers[i].size };
		d->desc[index].flags = (uint16_t)(VIRTQ_DESC_F_NEXT | (buffers[i].writable ? VIRTQ_DESC_F_WRITE : 0));
		index = d->desc[index].next = d->free[--d->free_count];
	}
	for (unsigned i = 0; i < count - direct; i++) {
		const struct driver_buffer *b = &buffers[direct + i];
		unsigned flags = (b->writable ? VIRTQ_DESC_F_WRITE : 0) |
				 (direct + i + 1 < count ? VIRTQ_DESC_F_NEXT : 0);

		inner[i] = (struct virtq_desc){ b->ipa, b->size, (uint16_t)flags, (uint16_t)(i + 1) };
	}
	d->desc[index] = (struct virtq_desc){ table, 16 * (count - direct), VIRTQ_DESC_F_INDIRECT, 0 };
	driver_publish(d, head);
	return head;
}

/* 2.7.10: must the device be told of what was added since the last time this was asked? */
static inline bool driver_must_kick(struct driver_queue *d)
{
	uint16_t before = d->kicked;

	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* avail.idx before avail_event or flags */
	d->kicked = d->added;
	if (d->event_idx) {
		return (uint16_t)(d->added - *(volatile uint16_t *)driver_avail_event(d) - 1) <
		       (uint16_t)(d->added - before);
	}
	return d->added != before && (*(volatile uint16_t *)&d->used->flags & VIRTQ_USED_F_NO_NOTIFY) == 0;
}

/* Takes the next used element and frees its direct descriptors; false if there is none. */
static inline bool driver_take(struct driver_queue *d, struct virtq_used_elem *elem)
{
	uint16_t index;

	if (__atomic_load_n(&d->used->idx, __ATOMIC_ACQUIRE) == d->seen) {
		return false;
	}
	*elem = d->used->ring[d->seen++ % d->size];
	index = (uint16_t)elem->id;
	d->free[d->free_count++] = index;
	while ((d->desc[index].flags & VIRTQ_DESC_F_NEXT) != 0) {
		index = d->desc[index].next;
		d->free[d->free_count++] = index;
	}
	return true;
}

/* ---- the registers of the device at 'base' ---- */

static inline void driver_begin(struct test_vm *vm, uint64_t base)
{
	test_write(vm, base + VIRTIO_MMIO_STATUS, 0);
	test_write(vm, base + VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
	test_write(vm, base + VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
}

static inline uint64_t driver_offered(struct test_vm *vm, uint64_t base)
{
	uint64_t low, high;

	test_write(vm, base + VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	low = test_read(vm, base + VIRTIO_MMIO_DEVICE_FEATURES);
	test_write(vm, base + VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	high = test_read(vm, base + VIRTIO_MMIO_DEVICE_FEATURES);
	return low | high << 32;
}

/* Asks for the features; true if the device agrees. */
static inline bool driver_features(struct test_vm *vm, uint64_t base, uint64_t features)
{
	test_write(vm, base + VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	test_write(vm, base + VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	test_write(vm, base + VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	test_write(vm, base + VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
	test_write(vm, base + VIRTIO_MMIO_STATUS,
		   VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
	return (test_read(vm, base + VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_FEATURES_OK) != 0;
}

/* Gives the device queue 'index'; true if it takes it. */
static inline bool driver_queue_ready(struct driver_queue *d, uint64_t base, unsigned index)
{
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_SEL, index);
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_NUM, d->size);
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_DESC_LOW, lo32(d->desc_ipa));
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_DESC_HIGH, hi32(d->desc_ipa));
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_DRIVER_LOW, lo32(d->avail_ipa));
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_DRIVER_HIGH, hi32(d->avail_ipa));
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_DEVICE_LOW, lo32(d->used_ipa));
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_DEVICE_HIGH, hi32(d->used_ipa));
	test_write(d->vm, base + VIRTIO_MMIO_QUEUE_READY, 1);
	return test_read(d->vm, base + VIRTIO_MMIO_QUEUE_READY) == 1;
}

static inline void driver_ok(struct test_vm *vm, uint64_t base)
{
	test_write(vm, base + VIRTIO_MMIO_STATUS, test_read(vm, base + VIRTIO_MMIO_STATUS) | VIRTIO_STATUS_DRIVER_OK);
}

/* The whole of 3.1.1 for a device with 'count' queues. True if all went well. */
static inline bool driver_start(struct test_vm *vm, uint64_t base, uint64_t features, struct driver_queue *queues,
				unsigned count, uint16_t size)
{
	driver_begin(vm, base);
	if (!driver_features(vm, base, features)) {
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		driver_queue_init(&queues[i], vm, size, (features & VIRTIO_F_EVENT_IDX) != 0);
		if (!driver_queue_ready(&queues[i], base, i)) {
			return false;
		}
	}
	driver_ok(vm, base);
	return test_read(vm, base + VIRTIO_MMIO_STATUS) == 0xf;
}

/* Notifies queue 'index' if the device wants that. */
static inline void driver_kick(struct driver_queue *d, uint64_t base, unsigned index)
{
	if (driver_must_kick(d)) {
		test_write(d->vm, base + VIRTIO_MMIO_QUEUE_NOTIFY, index);
	}
}

/* What the interrupt handler of Linux does first. Returns InterruptStatus. */
static inline uint32_t driver_ack(struct test_vm *vm, uint64_t base)
{
	uint32_t status = test_read(vm, base + VIRTIO_MMIO_INTERRUPT_STATUS);

	test_write(vm, base + VIRTIO_MMIO_INTERRUPT_ACK, status);
	return status;
}

static inline bool device_broken(struct test_vm *vm, uint64_t base)
{
	return (test_read(vm, base + VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0;
}

#endif
