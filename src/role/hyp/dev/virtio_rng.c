/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtio_rng.h"

#include "core/mm/pool.h"
#include "core/port/entropy.h"

#define QUEUE_SIZE 8
#define REQUEST_SIZE_MAX 256 /* bytes: more is asked for again; random numbers take their time */

struct virtio_rng {
	struct virtio_device dev;
	struct virtq queue;
};

/* A driver takes fewer bytes than it asked for, none too if the source is dry: it asks again. */
static void rng_serve(struct virtio_device *dev, unsigned queue)
{
	struct virtq *q = &dev->queues[queue];
	struct virtq_chain *chain;

	while ((chain = virtq_pop(q)) != NULL) {
		uint64_t word;

		while (chain->writable_size != 0 && chain->written < REQUEST_SIZE_MAX && entropy_get(&word)) {
			virtq_write(chain, &word, sizeof(word));
		}
		virtq_push(q, chain->head, chain->written);
	}
}

static void rng_destroy(struct virtio_device *dev)
{
	pool_free_object(container_of(dev, struct virtio_rng, dev), sizeof(struct virtio_rng));
}

static const struct virtio_ops rng_ops = {
	.device_id = VIRTIO_ID_RNG,
	.queue_count = 1,
	.serve = rng_serve,
	.destroy = rng_destroy,
};

enum err virtio_rng_create(struct vm *vm, ipa_t base, unsigned intid, struct virtio_device **dev)
{
	struct virtio_rng *rng = pool_alloc_object(sizeof(*rng));
	enum err e;

	if (rng == NULL) {
		return ERR_NO_MEMORY;
	}
	rng->queue.size_max = QUEUE_SIZE;
	rng->queue.want_notify = true;
	rng->dev.ops = &rng_ops;
	rng->dev.queues = &rng->queue;
	e = virtio_create(&rng->dev, vm, base, intid);
	if (e != OK) {
		rng_destroy(&rng->dev);
		return e;
	}
	*dev = &rng->dev;
	return OK;
}
