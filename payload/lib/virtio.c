/* SPDX-License-Identifier: MIT */
#include "payload/lib/virtio.h"

#include "payload/lib/fdt.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"

uint32_t virtio_get(const struct virtio *dev, uint32_t offset)
{
	return mmio_read32(dev->base + offset);
}

void virtio_set(const struct virtio *dev, uint32_t offset, uint32_t value)
{
	mmio_write32(dev->base + offset, value);
}

bool virtio_find(struct virtio *dev, uint32_t id, uint32_t nth)
{
	for (uint32_t node = FDT_ROOT; node != 0; node = fdt_next(node)) {
		if (!fdt_is_compatible(node, "virtio,mmio")) {
			continue;
		}
		*dev = (struct virtio){ .base = fdt_u64(node, "reg", 0), .id = id };
		dev->intid = 32 + fdt_u32(node, "interrupts", 1);
		dev->edge = fdt_u32(node, "interrupts", 2) <= 2;
		if (virtio_get(dev, VIRTIO_MAGIC) == VIRTIO_MAGIC_VALUE && virtio_get(dev, VIRTIO_DEVICE_ID) == id &&
		    nth-- == 0) {
			return true;
		}
	}
	return false;
}

uint64_t virtio_offered(const struct virtio *dev)
{
	uint64_t low;

	virtio_set(dev, VIRTIO_DEVICE_FEATURES_SEL, 0);
	low = virtio_get(dev, VIRTIO_DEVICE_FEATURES);
	virtio_set(dev, VIRTIO_DEVICE_FEATURES_SEL, 1);
	return low | (uint64_t)virtio_get(dev, VIRTIO_DEVICE_FEATURES) << 32;
}

bool virtio_start(struct virtio *dev, uint64_t wanted)
{
	virtio_set(dev, VIRTIO_STATUS, 0);
	if (!WAIT_UNTIL(virtio_get(dev, VIRTIO_STATUS) == 0, 1000)) {
		return false;
	}
	virtio_set(dev, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE);
	virtio_set(dev, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	dev->features = virtio_offered(dev) & (wanted | VIRTIO_F_VERSION_1);
	virtio_set(dev, VIRTIO_DRIVER_FEATURES_SEL, 0);
	virtio_set(dev, VIRTIO_DRIVER_FEATURES, (uint32_t)dev->features);
	virtio_set(dev, VIRTIO_DRIVER_FEATURES_SEL, 1);
	virtio_set(dev, VIRTIO_DRIVER_FEATURES, (uint32_t)(dev->features >> 32));
	virtio_set(dev, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	return (virtio_get(dev, VIRTIO_STATUS) & VIRTIO_FEATURES_OK) != 0;
}

static void set_address(const struct virtio *dev, uint32_t offset, const void *p)
{
	virtio_set(dev, offset, (uint32_t)(uint64_t)p);
	virtio_set(dev, offset + 4, (uint32_t)((uint64_t)p >> 32));
}

bool virtio_queue(const struct virtio *dev, struct virtq *q, uint16_t number)
{
	memset(q, 0, sizeof(*q));
	q->number = number;
	virtio_set(dev, VIRTIO_QUEUE_SEL, number);
	q->size = (uint16_t)MIN(virtio_get(dev, VIRTIO_QUEUE_NUM_MAX), VIRTQ_SIZE);
	if (q->size == 0 || virtio_get(dev, VIRTIO_QUEUE_READY) != 0) {
		return false;
	}
	virtio_set(dev, VIRTIO_QUEUE_NUM, q->size);
	set_address(dev, VIRTIO_QUEUE_DESC, q->desc);
	set_address(dev, VIRTIO_QUEUE_DRIVER, &q->avail);
	set_address(dev, VIRTIO_QUEUE_DEVICE, &q->used);
	virtio_set(dev, VIRTIO_QUEUE_READY, 1);
	return virtio_get(dev, VIRTIO_QUEUE_READY) == 1;
}

void virtio_driver_ok(const struct virtio *dev)
{
	virtio_set(dev, VIRTIO_STATUS, virtio_get(dev, VIRTIO_STATUS) | VIRTIO_DRIVER_OK);
}

void virtq_fill(struct virtq *q, const struct virtio_piece *pieces, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		uint16_t flags = pieces[i].device_writes ? VIRTQ_WRITE : 0;

		if (i + 1 < count) {
			flags |= VIRTQ_NEXT;
		}
		q->desc[i] = (struct virtq_desc){ (uint64_t)pieces[i].start, pieces[i].len, flags, (uint16_t)(i + 1) };
	}
	virtq_offer(q, 0);
}

void virtq_set_used_event(struct virtq *q, uint16_t event)
{
	q->avail.ring[q->size] = event;
}

void virtq_offer(struct virtq *q, uint16_t head)
{
	q->avail.ring[q->avail.idx % q->size] = head;
	dsb();
	*(volatile uint16_t *)&q->avail.idx = (uint16_t)(q->avail.idx + 1);
	dsb();
}

void virtio_notify(const struct virtio *dev, const struct virtq *q)
{
	virtio_set(dev, VIRTIO_QUEUE_NOTIFY, q->number);
}

bool virtq_wait(struct virtq *q, uint32_t ms, uint32_t *head, uint32_t *len)
{
	if (!WAIT_UNTIL(*(volatile uint16_t *)&q->used.idx != q->seen, ms)) {
		return false;
	}
	dsb();
	*head = q->used.ring[q->seen % q->size].id;
	*len = q->used.ring[q->seen % q->size].len;
	q->seen++;
	return true;
}

bool virtio_request(const struct virtio *dev, struct virtq *q, const struct virtio_piece *pieces, uint16_t count,
		    uint32_t *len)
{
	uint32_t head;

	virtq_fill(q, pieces, count);
	virtio_notify(dev, q);
	return virtq_wait(q, 5000, &head, len) && head == 0;
}
