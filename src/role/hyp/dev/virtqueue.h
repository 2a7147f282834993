/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a split virtqueue (VIRTIO 1.2, 2.7). Whatever the driver may have written, a queue either yields
 * chains that are whole and lie in the guest's RAM, or it is broken until it is started anew.
 *
 * A device works through a queue in turns. virtq_begin() takes note of how much is available; virtq_pop() and
 * virtq_push() handle that and no more; virtq_end() shows the driver what was used. A turn is thus at most as long as
 * the queue, whatever other vCPUs add meanwhile: they are not kept from notifying, so each addition gets its own turn.
 * All functions below want the queue's lock.
 *
 * What is ordered with what (2.7.13, 2.7.14):
 *   - reading avail.idx acquires: descriptors and ring entries that the driver wrote before it are seen;
 *   - writing used.idx releases: data and used elements are seen before it;
 *   - a full barrier stands between a store and the load that must not pass it: used.idx and then used_event or
 *     avail.flags; avail_event and then avail.idx. The driver has the same on its side, so one of the two always sees
 *     what the other did, and no notification is lost.
 */
#ifndef ROLE_HYP_DEV_VIRTQUEUE_H
#define ROLE_HYP_DEV_VIRTQUEUE_H

#include "abi/virtio.h"
#include "arch/spinlock.h"
#include "core/vcpu/guest_mem.h"

#define VIRTQ_SIZE_MAX 128

struct virtq_segment {
	uint8_t *data; /* of guest_mem_place(): look first whether it is here */
	uint32_t size;
};

/*
 * One chain, copied out of the guest and checked. Its buffers read as two streams of bytes, since a driver may cut
 * messages into descriptors as it likes (2.7.4): first what the device reads, then what it writes. All of it is RAM.
 * What of that has been given away (guest_mem.h) is found when it is read or written, so that a look at the tables
 * costs no more than what is moved. Such bytes read as zeroes, writes to them go nowhere, and the queue is broken.
 */
struct virtq_chain {
	struct virtq_segment segments[VIRTQ_SIZE_MAX]; /* readable ones first */
	unsigned segment_count;
	unsigned readable_count;
	uint64_t readable_size; /* not yet read */
	uint64_t writable_size; /* not yet written or skipped */
	uint32_t written;       /* bytes without a gap from the beginning, for the used element */
	uint16_t head;
	bool gap;            /* something writable was skipped */
	unsigned in, out;    /* the segment where reading, writing goes on, */
	uint32_t in_offset, out_offset; /* and where in it */
};

struct virtq {
	struct spinlock lock;
	uint16_t size_max; /* fixed by the device: what QueueNumMax shows */
	bool want_notify;  /* the device has something to do when buffers are added; virtq_want_more() may set it */

	/* What the driver set up; constant while 'ready'. */
	bool ready;
	bool event_idx; /* VIRTIO_F_EVENT_IDX */
	bool indirect;  /* VIRTIO_F_INDIRECT_DESC */
	uint16_t size;  /* a power of two */
	uint64_t desc_ipa, avail_ipa, used_ipa;

	bool broken;
	uint16_t last_avail;  /* next entry to pop; runs freely, as all indexes here */
	uint16_t avail_idx;   /* end of this turn */
	uint16_t avail_event; /* what we last wrote there */
	uint16_t used_idx;    /* next entry to push */
	uint16_t used_shown;  /* what used.idx holds */
	bool unfinished;   /* the turn ended before its work: there shall be another one soon */
	uint64_t progress; /* the device's own: how far it was in the first chain when it put that back; 0 at start */

	/* Valid from begin to end: EL2's view of the three areas, looked up anew for each turn. */
	const struct guest_mem *mem;
	const struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;

	struct virtq_chain chain; /* of the last virtq_pop */
};

/*
 * Starts it with the size and addresses that are set. False, and it stays off, if they are not what 2.7 demands or
 * not RAM.
 */
bool virtq_start(struct virtq *q, const struct guest_mem *mem, uint64_t features);
/* Forgets all that the driver set up. */
void virtq_stop(struct virtq *q);

/* Begins a turn. False if there is none to be had (not ready, broken): then virtq_end() is not called. */
bool virtq_begin(struct virtq *q, const struct guest_mem *mem);
/* The next chain of this turn, or NULL if none is left or the queue is broken. Valid until the next pop. */
struct virtq_chain *virtq_pop(struct virtq *q);
/* Puts back the last 'count' chains, which were popped in this turn and not pushed. */
void virtq_unpop(struct virtq *q, unsigned count);
/* The chain with that head is done, 'written' bytes having been written. Seen by the driver after virtq_end(). */
void virtq_push(struct virtq *q, uint16_t head, uint32_t written);
/* The driver misbehaved in what the chain says. */
void virtq_break(struct virtq *q);
/*
 * From now on the driver shall notify when it adds buffers. True if it has added some already since the turn began;
 * they can be popped.
 */
bool virtq_want_more(struct virtq *q);
/* The opposite: it need not notify any more. */
void virtq_want_less(struct virtq *q);
/* Ends the turn. True if the driver wants to be interrupted for what was used. */
bool virtq_end(struct virtq *q);

/*
 * Reads (to == NULL: skips) the next bytes of the readable stream; returns how many, fewer than 'size' only at its
 * end.
 */
uint64_t virtq_read(struct virtq_chain *chain, void *to, uint64_t size);
/* Writes the next bytes of the writable stream; from == NULL skips them. As above. */
uint64_t virtq_write(struct virtq_chain *chain, const void *from, uint64_t size);
/* Writes what it reads from another chain; returns how many bytes, fewer only at the end of either. */
uint64_t virtq_copy(struct virtq_chain *to, struct virtq_chain *from, uint64_t size);
/* The readable stream goes on 'offset' bytes behind its beginning; 'offset' is not beyond its end. */
void virtq_rewind(struct virtq_chain *chain, uint64_t offset);

#endif
