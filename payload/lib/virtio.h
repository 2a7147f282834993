/* SPDX-License-Identifier: MIT */
/* A small driver for modern virtio devices on MMIO (virtio 1.2, 4.2.2) with split virtqueues, polled. */
#ifndef PAYLOAD_LIB_VIRTIO_H
#define PAYLOAD_LIB_VIRTIO_H

#include "payload/lib/arch.h"

#define VIRTIO_MAGIC 0x000
#define VIRTIO_MAGIC_VALUE 0x74726976
#define VIRTIO_VERSION 0x004
#define VIRTIO_DEVICE_ID 0x008
#define VIRTIO_VENDOR_ID 0x00c
#define VIRTIO_DEVICE_FEATURES 0x010
#define VIRTIO_DEVICE_FEATURES_SEL 0x014
#define VIRTIO_DRIVER_FEATURES 0x020
#define VIRTIO_DRIVER_FEATURES_SEL 0x024
#define VIRTIO_QUEUE_SEL 0x030
#define VIRTIO_QUEUE_NUM_MAX 0x034
#define VIRTIO_QUEUE_NUM 0x038
#define VIRTIO_QUEUE_READY 0x044
#define VIRTIO_QUEUE_NOTIFY 0x050
#define VIRTIO_INTERRUPT_STATUS 0x060
#define VIRTIO_INTERRUPT_ACK 0x064
#define VIRTIO_STATUS 0x070
#define VIRTIO_QUEUE_DESC 0x080
#define VIRTIO_QUEUE_DRIVER 0x090
#define VIRTIO_QUEUE_DEVICE 0x0a0
#define VIRTIO_CONFIG_GENERATION 0x0fc
#define VIRTIO_CONFIG 0x100

#define VIRTIO_ACKNOWLEDGE 1u
#define VIRTIO_DRIVER 2u
#define VIRTIO_DRIVER_OK 4u
#define VIRTIO_FEATURES_OK 8u
#define VIRTIO_NEEDS_RESET 64u
#define VIRTIO_FAILED 128u

#define VIRTIO_ID_NET 1
#define VIRTIO_ID_BLK 2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_RNG 4

#define VIRTIO_F_INDIRECT_DESC BIT(28)
#define VIRTIO_F_EVENT_IDX BIT(29)
#define VIRTIO_F_VERSION_1 BIT(32)

#define VIRTQ_NEXT 1
#define VIRTQ_WRITE 2
#define VIRTQ_INDIRECT 4
#define VIRTQ_NO_INTERRUPT 1

#define VIRTQ_SIZE 16 /* or less, if the device has no more */

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

/* The three rings of one queue, and the driver's place in them. */
struct virtq {
	struct virtq_desc desc[VIRTQ_SIZE] __attribute__((aligned(16)));
	struct {
		uint16_t flags;
		uint16_t idx;
		uint16_t ring[VIRTQ_SIZE + 1]; /* used_event stands behind the last */
	} avail;
	struct {
		uint16_t flags;
		uint16_t idx;
		struct {
			uint32_t id;
			uint32_t len;
		} ring[VIRTQ_SIZE + 1];
	} used __attribute__((aligned(4)));
	uint16_t seen; /* used.idx up to which the driver has looked */
	uint16_t number;
	uint16_t size; /* entries in use */
};

struct virtio {
	uint64_t base;
	uint32_t id;
	uint32_t intid;
	bool edge; /* how the device tree says it interrupts */
	uint64_t features; /* agreed */
};

/* A piece of a request. Pieces that the device writes come last. */
struct virtio_piece {
	const void *start;
	uint32_t len;
	bool device_writes;
};

/* The nth device of that kind in the device tree; false if there is none. */
bool virtio_find(struct virtio *dev, uint32_t id, uint32_t nth);

uint32_t virtio_get(const struct virtio *dev, uint32_t offset);
void virtio_set(const struct virtio *dev, uint32_t offset, uint32_t value);
uint64_t virtio_offered(const struct virtio *dev);

/*
 * Reset, then the handshake up to FEATURES_OK with those of 'wanted' that are offered. False if the device
 * refuses.
 */
bool virtio_start(struct virtio *dev, uint64_t wanted);
/* Empties a queue and gives it to the device. False if the device has no such queue. */
bool virtio_queue(const struct virtio *dev, struct virtq *q, uint16_t number);
void virtio_driver_ok(const struct virtio *dev);

/* Puts a request into descriptors 0 .. count-1 of an otherwise idle queue and makes descriptor 0 available. */
void virtq_fill(struct virtq *q, const struct virtio_piece *pieces, uint16_t count);
/* With VIRTIO_F_EVENT_IDX: asks for an interrupt when the device's used index goes past 'event'. */
void virtq_set_used_event(struct virtq *q, uint16_t event);
/* Makes a chain available by its first descriptor; 'notify' tells the device. */
void virtq_offer(struct virtq *q, uint16_t head);
void virtio_notify(const struct virtio *dev, const struct virtq *q);
/* Waits until the device gives a chain back: false after 'ms'. 'len' is what it says it wrote. */
bool virtq_wait(struct virtq *q, uint32_t ms, uint32_t *head, uint32_t *len);
/* All of that. */
bool virtio_request(const struct virtio *dev, struct virtq *q, const struct virtio_piece *pieces, uint16_t count,
		    uint32_t *len);

#endif
