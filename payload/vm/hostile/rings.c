/* SPDX-License-Identifier: MIT */
#include "payload/lib/string.h"
#include "payload/lib/virtio.h"
#include "payload/vm/hostile/hostile.h"

#define DEVICES 8
#define QUEUES 3

/* The pages of a queue. */
enum { DESCRIPTORS, AVAILABLE, USED, INDIRECT, RING_PAGES };

static struct virtio devices[DEVICES];
static uint32_t device_count;

void rings_init(void)
{
	for (uint32_t id = VIRTIO_ID_NET; id <= VIRTIO_ID_RNG; id++) {
		for (uint32_t nth = 0; device_count < DEVICES && virtio_find(&devices[device_count], id, nth); nth++) {
			device_count++;
		}
	}
}

/* The same for all CPUs. */
static uint64_t ring_page(uint32_t device, uint32_t queue, uint32_t page)
{
	return scratch_base + ((device * QUEUES + queue) * RING_PAGES + page) * PAGE_SIZE;
}

/* Where a buffer or a ring can be. A device writes upwards to the end of RAM at most, so not into the program. */
static uint64_t random_address(void)
{
	switch (random_below(8)) {
	case 0:
		return random_value();
	case 1:
		return random_page() + random_below(PAGE_SIZE);
	case 2:
		return scratch_end - random_below(64);
	default:
		return random_scratch() + random_below(PAGE_SIZE);
	}
}

static uint32_t random_length(void)
{
	static const uint32_t lengths[] = { 0, 1, 8, 12, 16, 512, 1514, 4096, 65536, 1u << 20, 0x7fffffff, 0xffffffff };

	return random_once_in(8) ? (uint32_t)random_value() : lengths[random_below(ARRAY_SIZE(lengths))];
}

static void scribble_descriptor(uint32_t device, uint32_t queue)
{
	uint64_t page = ring_page(device, queue, random_once_in(4) ? INDIRECT : DESCRIPTORS);
	volatile struct virtq_desc *desc = (volatile struct virtq_desc *)page + random_below(256);

	if (random_once_in(4)) { /* a disk's request begins so */
		volatile uint32_t *header = (volatile uint32_t *)random_scratch();

		header[0] = (uint32_t)random_below(16);
		header[2] = (uint32_t)random_value();
		desc->addr = (uint64_t)header;
		desc->len = 16;
		desc->flags = VIRTQ_NEXT;
	} else {
		desc->addr = random_once_in(4) ? ring_page(device, queue, INDIRECT) : random_address();
		desc->len = random_once_in(4) ? 16 * (uint32_t)random_below(260) : random_length();
		desc->flags = (uint16_t)(random_once_in(16) ? random_next() : random_below(8));
	}
	desc->next = (uint16_t)(random_once_in(16) ? random_next() : random_below(128));
}

static void scribble_available(uint32_t device, uint32_t queue)
{
	volatile uint16_t *avail = (volatile uint16_t *)ring_page(device, queue, AVAILABLE);

	for (uint64_t i = random_below(8); i > 0; i--) {
		avail[2 + random_below(130)] = (uint16_t)(random_once_in(16) ? random_next() : random_below(128));
	}
	dsb();
	avail[1] = (uint16_t)(random_once_in(16) ? random_next() : avail[1] + random_below(20));
	avail[0] = (uint16_t)random_below(2);
}

static void set_ring(const struct virtio *dev, uint32_t offset, uint64_t usual)
{
	uint64_t address = random_once_in(16) ? random_address() : usual;

	virtio_set(dev, offset, (uint32_t)address);
	virtio_set(dev, offset + 4, (uint32_t)(address >> 32));
}

/* The handshake as a driver does it, with something wrong now and then. */
static void set_up(uint32_t n)
{
	const struct virtio *dev = &devices[n];
	uint32_t status = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER;

	virtio_set(dev, VIRTIO_STATUS, 0);
	virtio_set(dev, VIRTIO_STATUS, status);
	for (uint32_t half = 0; half < 2; half++) {
		uint32_t wanted = half == 1 || random_once_in(2) ? ~0u : (uint32_t)random_next();

		virtio_set(dev, VIRTIO_DEVICE_FEATURES_SEL, half);
		virtio_set(dev, VIRTIO_DRIVER_FEATURES_SEL, half);
		virtio_set(dev, VIRTIO_DRIVER_FEATURES, virtio_get(dev, VIRTIO_DEVICE_FEATURES) & wanted);
	}
	status |= VIRTIO_FEATURES_OK;
	virtio_set(dev, VIRTIO_STATUS, status);
	for (uint32_t queue = 0; queue < QUEUES; queue++) {
		virtio_set(dev, VIRTIO_QUEUE_SEL, queue);
		virtio_set(dev, VIRTIO_QUEUE_NUM,
			   random_once_in(8) ? (uint32_t)random_value() : virtio_get(dev, VIRTIO_QUEUE_NUM_MAX));
		set_ring(dev, VIRTIO_QUEUE_DESC, ring_page(n, queue, DESCRIPTORS));
		set_ring(dev, VIRTIO_QUEUE_DRIVER, ring_page(n, queue, AVAILABLE));
		set_ring(dev, VIRTIO_QUEUE_DEVICE, ring_page(n, queue, USED));
		memset((void *)ring_page(n, queue, AVAILABLE), 0, 4); /* flags and index */
		virtio_set(dev, VIRTIO_QUEUE_READY, 1);
	}
	virtio_set(dev, VIRTIO_STATUS, status | VIRTIO_DRIVER_OK);
}

static void random_step(uint32_t n)
{
	uint32_t queue = (uint32_t)random_below(QUEUES);

	switch (random_below(8)) {
	case 0:
		scribble_available(n, queue);
		break;
	case 1:
	case 2:
		virtio_set(&devices[n], VIRTIO_QUEUE_NOTIFY, random_once_in(8) ? (uint32_t)random_value() : queue);
		break;
	case 3:
		if (random_once_in(32)) {
			virtio_set(&devices[n], (uint32_t)random_below(VIRTIO_STRIDE) & ~3u, (uint32_t)random_value());
		}
		break;
	default:
		scribble_descriptor(n, queue);
		break;
	}
}

/* CPU 0 resets devices at any time; all CPUs change what is offered, without a lock. */
void rings_round(void)
{
	uint32_t n = (uint32_t)random_below(device_count);

	if (this_cpu()->index == 0 && random_once_in(8)) {
		set_up(n);
	}
	for (uint32_t i = 0; i < 32; i++) {
		random_step(n);
	}
	virtio_set(&devices[n], VIRTIO_INTERRUPT_ACK, 3);
	if ((virtio_get(&devices[n], VIRTIO_STATUS) & VIRTIO_NEEDS_RESET) != 0 && random_once_in(2)) {
		set_up(n);
	}
}
