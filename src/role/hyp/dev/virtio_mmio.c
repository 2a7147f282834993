/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtio_mmio.h"

#include "arch/atomic.h"
#include "core/vcpu/vcpu.h"
#include "lib/str.h"

#define VERSION 2
#define VENDOR_ID 0x54565254u /* "TRVT" */

/* Status bits that a driver sets, in the order in which it may (3.1.1), and FAILED. */
#define DRIVER_STATUS                                                                                             \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK | \
	 VIRTIO_STATUS_FAILED)

static uint32_t status_of(const struct virtio_device *dev)
{
	return atomic_load_acquire(&dev->status);
}

static void interrupt(struct virtio_device *dev, uint32_t reason)
{
	atomic_or(&dev->interrupt_status, reason);
	vgic_pulse_spi(&dev->vm->vgic, dev->intid);
}

/* ---- turns ---- */

bool virtio_begin(struct virtio_device *dev, unsigned queue)
{
	const uint32_t relevant = VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_DEVICE_NEEDS_RESET | VIRTIO_STATUS_FAILED;
	struct virtq *q = &dev->queues[queue];

	spin_lock(&q->lock);
	if ((status_of(dev) & relevant) == VIRTIO_STATUS_DRIVER_OK && virtq_begin(q, &dev->vm->mem)) {
		return true;
	}
	spin_unlock(&q->lock);
	return false;
}

void virtio_end(struct virtio_device *dev, unsigned queue)
{
	struct virtq *q = &dev->queues[queue];
	uint32_t reason = virtq_end(q) ? VIRTIO_MMIO_INTERRUPT_USED_BUFFER : 0;

	if (q->broken) {
		/* 2.1.2: the device stops until it is reset, and says so. */
		atomic_or(&dev->status, VIRTIO_STATUS_DEVICE_NEEDS_RESET);
		reason |= VIRTIO_MMIO_INTERRUPT_CONFIG_CHANGE;
	}
	if (reason != 0) {
		interrupt(dev, reason);
	}
	spin_unlock(&q->lock);
}

static void notify(struct virtio_device *dev, struct vcpu *vcpu, uint32_t queue)
{
	if (queue < dev->ops->queue_count && virtio_begin(dev, queue)) {
		dev->ops->serve(dev, queue);
		if (dev->queues[queue].unfinished) {
			vcpu_repeat(vcpu); /* in between come interrupts, and whoever shares the CPU */
		}
		virtio_end(dev, queue);
		if (dev->ops->served != NULL) {
			dev->ops->served(dev, queue);
		}
	}
}

/* ---- status ---- */

/* Lock held. No queue is in use when the status becomes 0, so nobody adds DEVICE_NEEDS_RESET to it afterwards. */
static void reset(struct virtio_device *dev)
{
	for (unsigned i = 0; i < dev->ops->queue_count; i++) {
		spin_lock(&dev->queues[i].lock);
		virtq_stop(&dev->queues[i]);
		spin_unlock(&dev->queues[i].lock);
	}
	if (dev->ops->reset != NULL) {
		dev->ops->reset(dev);
	}
	dev->features_select = dev->driver_features_select = dev->queue_select = 0;
	dev->driver_features = 0;
	atomic_store(&dev->interrupt_status, 0);
	atomic_store_release(&dev->status, 0);
}

/*
 * What of the bits 'set' the device takes on, given those that it has. That ACKNOWLEDGE comes first is the driver's
 * duty (3.1.1) and no matter to the device: U-Boot 2023.01 leaves it out after a reset.
 */
static uint32_t acceptable_status(const struct virtio_device *dev, uint32_t has, uint32_t set)
{
	bool features_fit = (dev->driver_features & ~dev->features) == 0 &&
			    (dev->driver_features & VIRTIO_F_VERSION_1) != 0;

	if (((has | set) & VIRTIO_STATUS_DRIVER) == 0 || !features_fit) {
		set &= ~VIRTIO_STATUS_FEATURES_OK;
	}
	if (((has | set) & VIRTIO_STATUS_FEATURES_OK) == 0) {
		set &= ~VIRTIO_STATUS_DRIVER_OK;
	}
	return set;
}

/* Lock held. Only writing 0 takes bits away (2.1.1). */
static void write_status(struct virtio_device *dev, uint32_t value)
{
	if (value == 0) {
		reset(dev);
		return;
	}
	atomic_or(&dev->status, acceptable_status(dev, status_of(dev), value & DRIVER_STATUS));
}

static void write_driver_features(struct virtio_device *dev, uint32_t value)
{
	unsigned shift = 32 * dev->driver_features_select;

	if ((status_of(dev) & VIRTIO_STATUS_FEATURES_OK) != 0) {
		return;
	}
	if (dev->driver_features_select < 2) {
		dev->driver_features = (dev->driver_features & ~(GENMASK(31, 0) << shift)) | (uint64_t)value << shift;
	}
}

/* ---- the selected queue ---- */

/* Lock held, and the queue's. */
static void write_queue_ready(struct virtio_device *dev, struct virtq *q, uint32_t value)
{
	if (value == 0) {
		virtq_stop(q);
	} else if (!q->ready && (status_of(dev) & VIRTIO_STATUS_FEATURES_OK) != 0) {
		/* If it is refused, QueueReady reads as 0 and the driver knows. */
		virtq_start(q, &dev->vm->mem, dev->driver_features);
	}
}

static uint64_t with_low(uint64_t old, uint32_t value)
{
	return (old & ~GENMASK(31, 0)) | value;
}

static uint64_t with_high(uint64_t old, uint32_t value)
{
	return lo32(old) | (uint64_t)value << 32;
}

/* Lock held, and the queue's. Size and addresses are fixed while the queue is in use. */
static void write_queue(struct virtio_device *dev, struct virtq *q, uint64_t offset, uint32_t value)
{
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		write_queue_ready(dev, q, value);
		return;
	}
	if (q->ready) {
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		q->size = value <= q->size_max ? (uint16_t)value : 0;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		q->desc_ipa = with_low(q->desc_ipa, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		q->desc_ipa = with_high(q->desc_ipa, value);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
		q->avail_ipa = with_low(q->avail_ipa, value);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
		q->avail_ipa = with_high(q->avail_ipa, value);
		break;
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
		q->used_ipa = with_low(q->used_ipa, value);
		break;
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		q->used_ipa = with_high(q->used_ipa, value);
		break;
	default:
		break;
	}
}

/* The selected queue, or NULL if there is none of that number. */
static struct virtq *selected_queue(const struct virtio_device *dev)
{
	return dev->queue_select < dev->ops->queue_count ? &dev->queues[dev->queue_select] : NULL;
}

/* ---- registers ---- */

/* Lock held. */
static uint32_t read_register(const struct virtio_device *dev, uint64_t offset)
{
	const struct virtq *q = selected_queue(dev);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return VIRTIO_MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return dev->ops->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR_ID;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return dev->features_select < 2 ? (uint32_t)(dev->features >> (32 * dev->features_select)) : 0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return q != NULL ? q->size_max : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return q != NULL && q->ready;
	case VIRTIO_MMIO_STATUS:
		return status_of(dev);
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX; /* no region has that number */
	default:
		return 0; /* ConfigGeneration too: no device type here changes its configuration */
	}
}

/* Lock held. */
static void write_register(struct virtio_device *dev, uint64_t offset, uint32_t value)
{
	struct virtq *q;

	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		dev->features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		dev->driver_features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_driver_features(dev, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		dev->queue_select = value;
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(dev, value);
		break;
	default:
		q = selected_queue(dev);
		if (q != NULL) {
			spin_lock(&q->lock);
			write_queue(dev, q, offset, value);
			spin_unlock(&q->lock);
		}
		break;
	}
}

/* Any width and alignment; zero behind the end. */
static uint64_t read_config(const struct virtio_device *dev, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	if (offset < dev->config_size) {
		memcpy(&value, (const uint8_t *)dev->config + offset, MIN(size, dev->config_size - offset));
	}
	return value;
}

/* 4.2.2.2: registers are 32 bits wide, and a driver that does otherwise reads 0. */
static bool mmio_read(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t *value)
{
	struct virtio_device *dev = device;

	(void)vcpu;
	if (offset >= VIRTIO_MMIO_CONFIG) {
		*value = read_config(dev, offset - VIRTIO_MMIO_CONFIG, size);
	} else if (size != 4 || offset % 4 != 0) {
		*value = 0;
	} else if (offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		*value = atomic_load(&dev->interrupt_status);
	} else {
		spin_lock(&dev->lock);
		*value = read_register(dev, offset);
		spin_unlock(&dev->lock);
	}
	return true;
}

/* What is written in another width, or to the configuration, is ignored. */
static bool mmio_write(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t value)
{
	struct virtio_device *dev = device;

	if (offset >= VIRTIO_MMIO_CONFIG || size != 4 || offset % 4 != 0) {
		return true;
	}
	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY) {
		notify(dev, vcpu, (uint32_t)value);
	} else if (offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		atomic_and(&dev->interrupt_status, ~(uint32_t)value);
	} else {
		spin_lock(&dev->lock);
		write_register(dev, offset, (uint32_t)value);
		spin_unlock(&dev->lock);
	}
	return true;
}

static const struct bus_ops mmio_ops = { .read = mmio_read, .write = mmio_write };

enum err virtio_create(struct virtio_device *dev, struct vm *vm, ipa_t base, unsigned intid)
{
	dev->vm = vm;
	dev->intid = intid;
	dev->features |= VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC;
	return bus_add(&vm->bus, base, VIRTIO_MMIO_SIZE, &mmio_ops, dev);
}

void virtio_wait(struct virtio_device *dev)
{
	for (unsigned i = 0; i < dev->ops->queue_count; i++) {
		spin_lock(&dev->queues[i].lock);
		spin_unlock(&dev->queues[i].lock);
	}
}

void virtio_reset(struct virtio_device *dev)
{
	spin_lock(&dev->lock);
	reset(dev);
	spin_unlock(&dev->lock);
}

void virtio_destroy(struct virtio_device *dev)
{
	dev->ops->destroy(dev);
}
