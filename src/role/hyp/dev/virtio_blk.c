/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtio_blk.h"

#include "core/mm/pool.h"
#include "lib/str.h"

/*
 * A notification is served at once, on the CPU that makes it and with interrupts masked, so a deep queue would bring
 * nothing. A turn moves TURN_SIZE bytes at most; the driver's notification is repeated for what is left. A request
 * has a header, a status and at most SEGMENTS_MAX data buffers. 64 KiB is the smallest segment that a kernel with 64
 * KiB pages accepts. A driver that does not ask for the limits, as firmware's do not, makes requests of any size.
 */
#define QUEUE_SIZE 16
#define SEGMENTS_MAX (QUEUE_SIZE - 2)
#define SEGMENT_SIZE_MAX 65536
#define RANGE_SIZE_MAX (SEGMENTS_MAX * SEGMENT_SIZE_MAX) /* of one discard or write-zeroes */
#define RANGE_SECTORS_MAX (RANGE_SIZE_MAX / VIRTIO_BLK_SECTOR_SIZE)
#define TURN_SIZE MIB(4)

struct virtio_blk {
	struct virtio_device dev;
	struct virtq queue; /* its lock guards the disk too */
	struct virtio_blk_config config;
	uint64_t budget; /* bytes that this turn may still move */
	uint8_t *data;
	uint64_t sectors;
	bool read_only;
	char serial[VIRTIO_BLK_ID_BYTES]; /* padded with zeroes, not ended by one if it fills all (5.2.6) */
};

/* Where sectors [first, first + size / 512) are; NULL if they are not whole or not all there. */
static uint8_t *disk_range(const struct virtio_blk *blk, uint64_t first, uint64_t size)
{
	uint64_t count = size / VIRTIO_BLK_SECTOR_SIZE;

	if (size % VIRTIO_BLK_SECTOR_SIZE != 0 || count > blk->sectors || first > blk->sectors - count) {
		return NULL;
	}
	return blk->data + first * VIRTIO_BLK_SECTOR_SIZE;
}

/*
 * How many bytes of a request of 'size' this turn moves, behind '*done' which earlier turns have moved. The driver may
 * have changed the request meanwhile: then it gets something of both.
 */
static uint64_t next_part(struct virtio_blk *blk, uint64_t size, uint64_t *done)
{
	uint64_t part;

	*done = MIN(blk->queue.progress, size);
	part = MIN(size - *done, blk->budget);
	blk->budget -= part;
	blk->queue.progress = *done + part;
	blk->queue.unfinished = *done + part != size;
	return part;
}

static uint8_t serve_in(struct virtio_blk *blk, struct virtq_chain *chain, uint64_t sector)
{
	uint64_t size = chain->writable_size - 1; /* the status byte */
	const uint8_t *from = disk_range(blk, sector, size);
	uint64_t done, part;

	if (from == NULL) {
		return VIRTIO_BLK_S_IOERR;
	}
	part = next_part(blk, size, &done);
	virtq_write(chain, NULL, done);
	chain->written = (uint32_t)done; /* by earlier turns: no gap */
	chain->gap = false;
	virtq_write(chain, from + done, part);
	return VIRTIO_BLK_S_OK;
}

static uint8_t serve_out(struct virtio_blk *blk, struct virtq_chain *chain, uint64_t sector)
{
	uint64_t size = chain->readable_size;
	uint8_t *to = disk_range(blk, sector, size);
	uint64_t done, part;

	if (to == NULL || blk->read_only) {
		return VIRTIO_BLK_S_IOERR;
	}
	part = next_part(blk, size, &done);
	virtq_read(chain, NULL, done);
	virtq_read(chain, to + done, part);
	return VIRTIO_BLK_S_OK;
}

static uint8_t serve_get_id(struct virtio_blk *blk, struct virtq_chain *chain)
{
	virtq_write(chain, blk->serial, MIN(sizeof(blk->serial), chain->writable_size - 1));
	return VIRTIO_BLK_S_OK;
}

/*
 * Discard and write-zeroes, one range (max_*_seg is 1). Both leave zeroes: the disk has nothing that discarding would
 * free, and so it reads the same ever after.
 */
static uint8_t serve_zero(struct virtio_blk *blk, struct virtq_chain *chain, bool discard)
{
	struct virtio_blk_discard_write_zeroes range;
	uint64_t size;
	uint8_t *to;

	if (chain->readable_size != sizeof(range)) {
		return VIRTIO_BLK_S_IOERR;
	}
	virtq_read(chain, &range, sizeof(range));
	if ((range.flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) != 0 || (discard && range.flags != 0)) {
		return VIRTIO_BLK_S_UNSUPP;
	}
	size = (uint64_t)range.num_sectors * VIRTIO_BLK_SECTOR_SIZE;
	to = disk_range(blk, range.sector, size);
	if (to == NULL || size > RANGE_SIZE_MAX || blk->read_only) {
		return VIRTIO_BLK_S_IOERR;
	}
	if (size > blk->budget) {
		blk->queue.unfinished = true;
		return VIRTIO_BLK_S_OK;
	}
	blk->budget -= size;
	memset(to, 0, size);
	return VIRTIO_BLK_S_OK;
}

/* The header has been read, and there is room for the status. Returns that, unless queue.unfinished is set. */
static uint8_t serve_request(struct virtio_blk *blk, struct virtq_chain *chain, const struct virtio_blk_req *req)
{
	switch (req->type) {
	case VIRTIO_BLK_T_IN:
		return serve_in(blk, chain, req->sector);
	case VIRTIO_BLK_T_OUT:
		return serve_out(blk, chain, req->sector);
	case VIRTIO_BLK_T_FLUSH:
		return VIRTIO_BLK_S_OK; /* the memory is the medium */
	case VIRTIO_BLK_T_GET_ID:
		return serve_get_id(blk, chain);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return serve_zero(blk, chain, req->type == VIRTIO_BLK_T_DISCARD);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

static void blk_serve(struct virtio_device *dev, unsigned queue)
{
	struct virtio_blk *blk = container_of(dev, struct virtio_blk, dev);
	struct virtq *q = &dev->queues[queue];
	struct virtq_chain *chain;

	blk->budget = TURN_SIZE;
	while ((chain = virtq_pop(q)) != NULL) {
		struct virtio_blk_req req;
		uint8_t status;

		if (virtq_read(chain, &req, sizeof(req)) != sizeof(req) || chain->writable_size == 0) {
			virtq_break(q); /* no place to say what is wrong */
			return;
		}
		status = serve_request(blk, chain, &req);
		if (q->unfinished) {
			virtq_unpop(q, 1);
			return;
		}
		q->progress = 0;
		virtq_write(chain, NULL, chain->writable_size - 1);
		virtq_write(chain, &status, 1);
		virtq_push(q, chain->head, chain->written);
	}
}

static void blk_destroy(struct virtio_device *dev)
{
	pool_free_object(container_of(dev, struct virtio_blk, dev), sizeof(struct virtio_blk));
}

static const struct virtio_ops blk_ops = {
	.device_id = VIRTIO_ID_BLOCK,
	.queue_count = 1,
	.serve = blk_serve,
	.destroy = blk_destroy,
};

static void set_config(struct virtio_blk *blk)
{
	blk->config.capacity = blk->sectors;
	blk->config.size_max = SEGMENT_SIZE_MAX;
	blk->config.seg_max = SEGMENTS_MAX;
	blk->config.blk_size = VIRTIO_BLK_SECTOR_SIZE;
	if (!blk->read_only) {
		blk->config.max_discard_sectors = RANGE_SECTORS_MAX;
		blk->config.max_discard_seg = 1;
		blk->config.discard_sector_alignment = 1;
		blk->config.max_write_zeroes_sectors = RANGE_SECTORS_MAX;
		blk->config.max_write_zeroes_seg = 1;
		blk->config.write_zeroes_may_unmap = 1;
	}
}

enum err virtio_blk_create(struct vm *vm, ipa_t base, unsigned intid, const struct virtio_blk_disk *disk,
			   struct virtio_device **dev)
{
	struct virtio_blk *blk = pool_alloc_object(sizeof(*blk));
	enum err e;

	if (blk == NULL) {
		return ERR_NO_MEMORY;
	}
	blk->data = disk->data;
	blk->sectors = disk->size / VIRTIO_BLK_SECTOR_SIZE;
	blk->read_only = disk->read_only;
	memcpy(blk->serial, disk->serial, strnlen(disk->serial, sizeof(blk->serial)));
	set_config(blk);
	blk->queue.size_max = QUEUE_SIZE;
	blk->queue.want_notify = true;
	blk->dev.ops = &blk_ops;
	blk->dev.features = VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
			    (blk->read_only ? VIRTIO_BLK_F_RO : VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES);
	blk->dev.config = &blk->config;
	blk->dev.config_size = sizeof(blk->config);
	blk->dev.queues = &blk->queue;
	e = virtio_create(&blk->dev, vm, base, intid);
	if (e != OK) {
		blk_destroy(&blk->dev);
		return e;
	}
	*dev = &blk->dev;
	return OK;
}

void virtio_blk_set_data(struct virtio_device *dev, uint8_t *data)
{
	container_of(dev, struct virtio_blk, dev)->data = data;
}
