/* SPDX-License-Identifier: MIT */
/*
 * The virtio-mmio transport (VIRTIO 1.2, 4.2.2) and what all device types share: status, features, queues, interrupt.
 *
 * Locks: 'lock' guards the registers; each queue has its own. Order: lock, then one queue at a time. A device that
 * reaches another device's queue while it works on its own (a network) does so from a transmit to a receive queue only.
 *
 * The interrupt is an edge for each event, latched by the vGIC until the guest takes it. None can be lost: the used
 * ring and InterruptStatus are written before the edge. If an earlier edge is still latched, the two become one, and
 * the guest, which has yet to take that one, will see both. If the guest has taken it already, the latch is free and
 * the new edge is delivered after the handler ends, even if the handler's InterruptACK wiped out its bit: then what
 * it stands for was visible before the handler looked at the rings.
 */
#ifndef ROLE_HYP_DEV_VIRTIO_MMIO_H
#define ROLE_HYP_DEV_VIRTIO_MMIO_H

#include "core/vcpu/vm.h"
#include "lib/err.h"
#include "role/hyp/dev/virtqueue.h"

struct virtio_device;

/* What a device type does. */
struct virtio_ops {
	uint32_t device_id;
	unsigned queue_count;
	/* The driver notified that queue: a turn of it has begun (its lock is held). */
	void (*serve)(struct virtio_device *dev, unsigned queue);
	/* After such a turn, with no lock held: what concerns other devices. NULL: nothing. */
	void (*served)(struct virtio_device *dev, unsigned queue);
	/* The driver, or the VM, resets the device: all queues have been stopped. NULL: nothing to forget. */
	void (*reset)(struct virtio_device *dev);
	void (*destroy)(struct virtio_device *dev); /* frees the object that 'dev' is in */
};

/* First in each device type's object. */
struct virtio_device {
	const struct virtio_ops *ops;
	struct vm *vm;
	unsigned intid;
	uint64_t features;  /* offered */
	const void *config; /* what the device type shows; the driver cannot write it */
	size_t config_size;
	struct virtq *queues;

	struct spinlock lock;
	uint32_t status;           /* atomic; DEVICE_NEEDS_RESET may be added by anybody who holds a queue's lock */
	uint32_t interrupt_status; /* atomic */
	uint32_t features_select;
	uint32_t driver_features_select;
	uint64_t driver_features; /* constant from FEATURES_OK to reset */
	uint32_t queue_select;
};

/*
 * Puts a device, of which the object's maker has filled ops to queues (size_max and want_notify of each queue too), on
 * its VM's bus, VIRTIO_MMIO_SIZE bytes. The interrupt is SPI 'intid', edge-triggered. What bus_add() says.
 */
enum err virtio_create(struct virtio_device *dev, struct vm *vm, ipa_t base, unsigned intid);
/* Returns when no turn of a queue goes on that began before. Any CPU, without a lock of a virtio device. */
void virtio_wait(struct virtio_device *dev);
/* Power-on state. No vCPU of the VM runs. */
void virtio_reset(struct virtio_device *dev);
/* The VM is gone: nothing reaches the device any more. */
void virtio_destroy(struct virtio_device *dev);

/*
 * A turn of a queue that no notification began: data came from outside. False, and no lock is held, if the queue is not
 * in use. Any CPU; no lock of this device is held, except that of a queue that comes before this one.
 */
bool virtio_begin(struct virtio_device *dev, unsigned queue);
/* Ends it: shows what was used, interrupts, or asks for a reset if the queue broke. */
void virtio_end(struct virtio_device *dev, unsigned queue);

#endif
