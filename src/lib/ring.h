/* SPDX-License-Identifier: MIT */
/* A byte ring. 'size' is a power of two; head and tail run freely. The user holds the lock. */
#ifndef LIB_RING_H
#define LIB_RING_H

#include "lib/base.h"

struct ring {
	uint8_t *data;
	uint32_t size;
	uint32_t head; /* bytes ever written */
	uint32_t tail; /* bytes ever read */
};

static inline void ring_init(struct ring *r, uint8_t *data, uint32_t size)
{
	*r = (struct ring){ .data = data, .size = size };
}
static inline uint32_t ring_count(const struct ring *r) { return r->head - r->tail; }
static inline bool ring_full(const struct ring *r) { return ring_count(r) == r->size; }
static inline bool ring_empty(const struct ring *r) { return r->head == r->tail; }

/* False, and nothing written, if the ring is full. */
static inline bool ring_put(struct ring *r, uint8_t byte)
{
	if (ring_full(r)) {
		return false;
	}
	r->data[r->head++ & (r->size - 1)] = byte;
	return true;
}

/* The oldest byte, which stays. False if the ring is empty. */
static inline bool ring_peek(const struct ring *r, uint8_t *byte)
{
	if (ring_empty(r)) {
		return false;
	}
	*byte = r->data[r->tail & (r->size - 1)];
	return true;
}

/* False if the ring is empty. */
static inline bool ring_get(struct ring *r, uint8_t *byte)
{
	if (!ring_peek(r, byte)) {
		return false;
	}
	r->tail++;
	return true;
}

#endif
