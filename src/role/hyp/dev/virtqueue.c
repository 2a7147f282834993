/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtqueue.h"

#include "arch/atomic.h"
#include "arch/barrier.h"
#include "arch/copy.h"
#include "lib/str.h"

/* ---- the rings ---- */

static uint16_t *used_event(const struct virtq *q)
{
	return &q->avail->ring[q->size];
}

static uint16_t *avail_event(const struct virtq *q)
{
	return (uint16_t *)(void *)&q->used->ring[q->size];
}

/* Finds the three areas. False if one is not RAM (any more). */
static bool look_up(struct virtq *q, const struct guest_mem *mem)
{
	q->mem = mem;
	q->desc = guest_mem_ptr(mem, q->desc_ipa, q->size * sizeof(struct virtq_desc));
	q->avail = guest_mem_ptr(mem, q->avail_ipa, VIRTQ_AVAIL_SIZE(q->size));
	q->used = guest_mem_ptr(mem, q->used_ipa, VIRTQ_USED_SIZE(q->size));
	return q->desc != NULL && q->avail != NULL && q->used != NULL;
}

bool virtq_start(struct virtq *q, const struct guest_mem *mem, uint64_t features)
{
	if (!IS_POWER_OF_2(q->size) || q->size > q->size_max || !IS_ALIGNED(q->desc_ipa, VIRTQ_DESC_ALIGN) ||
	    !IS_ALIGNED(q->avail_ipa, VIRTQ_AVAIL_ALIGN) || !IS_ALIGNED(q->used_ipa, VIRTQ_USED_ALIGN) ||
	    !look_up(q, mem)) {
		return false;
	}
	q->event_idx = (features & VIRTIO_F_EVENT_IDX) != 0;
	q->indirect = (features & VIRTIO_F_INDIRECT_DESC) != 0;
	q->broken = false;
	q->last_avail = q->avail_idx = q->avail_event = q->used_idx = q->used_shown = 0;
	q->progress = 0;
	atomic_store(&q->used->flags, q->want_notify || q->event_idx ? 0 : VIRTQ_USED_F_NO_NOTIFY);
	if (q->event_idx) {
		atomic_store(avail_event(q), 0);
	}
	q->ready = true;
	return true;
}

void virtq_stop(struct virtq *q)
{
	q->ready = false;
	q->size = 0;
	q->desc_ipa = q->avail_ipa = q->used_ipa = 0;
}

void virtq_break(struct virtq *q)
{
	q->broken = true;
}

/*
 * Notes how far the available ring goes and, with VIRTIO_F_EVENT_IDX, asks for a notification of whatever comes after.
 * The driver may add while we ask, and would then rely on us to look again. An honest one can do that only until the
 * queue is full, so the tries are bounded.
 */
static bool note_available(struct virtq *q)
{
	for (unsigned tries = 0; tries <= q->size; tries++) {
		q->avail_idx = atomic_load_acquire(&q->avail->idx);
		if ((uint16_t)(q->avail_idx - q->last_avail) > q->size) {
			return false;
		}
		if (!q->event_idx || !q->want_notify || q->avail_event == q->avail_idx) {
			return true;
		}
		q->avail_event = q->avail_idx;
		atomic_store(avail_event(q), q->avail_event);
		dmb_ish(); /* avail_event before avail.idx, see the header */
	}
	return false;
}

bool virtq_begin(struct virtq *q, const struct guest_mem *mem)
{
	if (!q->ready || q->broken) {
		return false;
	}
	q->unfinished = false;
	if (!look_up(q, mem) || !note_available(q)) {
		/* The turn yields nothing, and virtq_end() finds the queue broken. */
		q->broken = true;
	}
	return true;
}

bool virtq_want_more(struct virtq *q)
{
	uint16_t known = q->avail_idx;

	q->want_notify = true;
	if (q->broken) {
		return false; /* its rings may not be there */
	}
	atomic_store(&q->used->flags, 0);
	dmb_ish(); /* flags before avail.idx, see the header */
	if (!note_available(q)) {
		q->broken = true;
	}
	return !q->broken && q->avail_idx != known;
}

void virtq_want_less(struct virtq *q)
{
	q->want_notify = false;
	if (!q->broken) {
		atomic_store(&q->used->flags, q->event_idx ? 0 : VIRTQ_USED_F_NO_NOTIFY);
	}
}

void virtq_unpop(struct virtq *q, unsigned count)
{
	q->last_avail = (uint16_t)(q->last_avail - count);
}

void virtq_push(struct virtq *q, uint16_t head, uint32_t written)
{
	struct virtq_used_elem *elem = &q->used->ring[q->used_idx % q->size];

	elem->id = head;
	elem->len = written;
	q->used_idx++;
}

bool virtq_end(struct virtq *q)
{
	uint16_t before = q->used_shown;
	uint16_t now = q->used_idx;

	if (now == before) {
		return false;
	}
	atomic_store_release(&q->used->idx, now);
	q->used_shown = now;
	dmb_ish(); /* used.idx before used_event or flags, see the header */
	if (!q->event_idx) {
		return (atomic_load(&q->avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
	}
	/* 2.7.10: has the index passed the one that the driver waits for? */
	return (uint16_t)(now - atomic_load(used_event(q)) - 1) < (uint16_t)(now - before);
}

/* ---- chains ---- */

/* Adds a buffer to the chain, if it is RAM and keeps the order. */
static bool add_segment(struct virtq_chain *chain, const struct guest_mem *mem, const struct virtq_desc *desc)
{
	bool writable = (desc->flags & VIRTQ_DESC_F_WRITE) != 0;
	uint8_t *data = guest_mem_place(mem, desc->addr, desc->len);

	if (data == NULL || (!writable && chain->readable_count != chain->segment_count)) {
		return false;
	}
	chain->segments[chain->segment_count++] = (struct virtq_segment){ .data = data, .size = desc->len };
	if (writable) {
		chain->writable_size += desc->len;
	} else {
		chain->readable_size += desc->len;
		chain->readable_count++;
	}
	return true;
}

/*
 * Follows a chain from 'index' in a table of 'count' descriptors, each copied once. A loop ends where the chain
 * becomes longer than the queue may be. An indirect table is followed in the place of the rest: it stands last in its
 * chain, and no table is inside another (2.7.5.3.1), so the recursion is one deep.
 */
static bool walk(struct virtq *q, const uint8_t *table, uint32_t count, uint32_t index, bool nested)
{
	struct virtq_chain *chain = &q->chain;
	struct virtq_desc desc;

	do {
		const uint8_t *at = table + (uint64_t)index * sizeof(desc);

		if (index >= count || chain->segment_count >= q->size_max ||
		    !guest_mem_is_here(q->mem, at, sizeof(desc))) {
			return false;
		}
		copy_bytes(&desc, at, sizeof(desc));
		if ((desc.flags & VIRTQ_DESC_F_INDIRECT) != 0) {
			const uint8_t *inner = guest_mem_place(q->mem, desc.addr, desc.len);

			return q->indirect && !nested && (desc.flags & VIRTQ_DESC_F_NEXT) == 0 &&
			       desc.len % sizeof(desc) == 0 && inner != NULL &&
			       walk(q, inner, (uint32_t)(desc.len / sizeof(desc)), 0, true);
		}
		if (!add_segment(chain, q->mem, &desc)) {
			return false;
		}
		index = desc.next;
	} while ((desc.flags & VIRTQ_DESC_F_NEXT) != 0);
	return true;
}

struct virtq_chain *virtq_pop(struct virtq *q)
{
	struct virtq_chain *chain = &q->chain;

	if (q->broken || q->last_avail == q->avail_idx) {
		return NULL;
	}
	chain->head = atomic_load(&q->avail->ring[q->last_avail % q->size]);
	chain->segment_count = chain->readable_count = 0;
	chain->readable_size = chain->writable_size = 0;
	chain->written = 0;
	chain->gap = false;
	chain->in = chain->in_offset = chain->out_offset = 0;
	if (!walk(q, (const uint8_t *)q->desc, q->size, chain->head, false)) {
		q->broken = true;
		return NULL;
	}
	chain->out = chain->readable_count;
	q->last_avail++;
	return chain;
}

/* The next bytes of a stream that are contiguous, at most 'size'; moves on behind them. There are some. */
static uint8_t *next_piece(struct virtq_chain *chain, unsigned *index, uint32_t *offset, uint64_t size, uint32_t *piece)
{
	struct virtq_segment *segment = &chain->segments[*index];
	uint8_t *data = segment->data + *offset;

	*piece = (uint32_t)MIN(size, segment->size - *offset);
	*offset += *piece;
	if (*offset == segment->size) {
		*offset = 0;
		(*index)++;
	}
	return data;
}

/* False, and the queue is broken, if a part of the piece has been given away. */
static bool is_here(struct virtq_chain *chain, const uint8_t *data, uint32_t piece)
{
	struct virtq *q = container_of(chain, struct virtq, chain);
	bool here = guest_mem_is_here(q->mem, data, piece);

	if (unlikely(!here)) {
		virtq_break(q);
	}
	return here;
}

uint64_t virtq_read(struct virtq_chain *chain, void *to, uint64_t size)
{
	uint64_t total = MIN(size, chain->readable_size);
	uint8_t *next = to;
	uint32_t piece;

	for (uint64_t left = total; left != 0; left -= piece) {
		const uint8_t *data = next_piece(chain, &chain->in, &chain->in_offset, left, &piece);

		if (next == NULL) {
			continue;
		}
		if (is_here(chain, data, piece)) {
			copy_bytes(next, data, piece);
		} else {
			memset(next, 0, piece);
		}
		next += piece;
	}
	chain->readable_size -= total;
	return total;
}

uint64_t virtq_write(struct virtq_chain *chain, const void *from, uint64_t size)
{
	uint64_t total = MIN(size, chain->writable_size);
	const uint8_t *next = from;
	uint32_t piece;

	chain->gap = chain->gap || (from == NULL && total != 0);
	for (uint64_t left = total; left != 0; left -= piece) {
		uint8_t *data = next_piece(chain, &chain->out, &chain->out_offset, left, &piece);

		if (next == NULL) {
			continue;
		}
		if (is_here(chain, data, piece)) {
			copy_bytes(data, next, piece); /* another chain's memory (virtq_copy) may be the same */
		}
		next += piece;
		chain->written += chain->gap ? 0 : piece;
	}
	chain->writable_size -= total;
	return total;
}

/* What was given away is read as zeroes. */
static void write_zeroes(struct virtq_chain *to, uint32_t size)
{
	static const uint8_t zeroes[256];

	for (uint32_t piece; size != 0; size -= piece) {
		piece = MIN(size, (uint32_t)sizeof(zeroes));
		virtq_write(to, zeroes, piece);
	}
}

uint64_t virtq_copy(struct virtq_chain *to, struct virtq_chain *from, uint64_t size)
{
	uint64_t total = MIN(size, MIN(from->readable_size, to->writable_size));
	uint32_t piece;

	for (uint64_t left = total; left != 0; left -= piece) {
		const uint8_t *data = next_piece(from, &from->in, &from->in_offset, left, &piece);

		if (is_here(from, data, piece)) {
			virtq_write(to, data, piece);
		} else {
			write_zeroes(to, piece);
		}
	}
	from->readable_size -= total;
	return total;
}

void virtq_rewind(struct virtq_chain *chain, uint64_t offset)
{
	chain->in = chain->in_offset = 0;
	chain->readable_size = 0;
	for (unsigned i = 0; i < chain->readable_count; i++) {
		chain->readable_size += chain->segments[i].size;
	}
	virtq_read(chain, NULL, offset);
}
