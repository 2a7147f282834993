/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtio_console.h"

#include "core/mm/pool.h"
#include "lib/ring.h"

#define QUEUE_RX 0
#define QUEUE_TX 1
#define QUEUE_SIZE 16
#define INPUT_SIZE 4096
#define PIECE_SIZE 64

/*
 * The longest turn: what is over is dropped. Linux cuts what is written to a port into pieces of 32 KiB and notifies of
 * each, so nothing of its output is lost. A slow chardev shortens the turn by refusing bytes.
 */
#define TURN_SIZE_MAX 32768

struct virtio_console {
	struct virtio_device dev;
	struct virtq queues[2];
	struct virtio_console_config config;
	struct chardev out;
	struct ring input; /* under the receive queue's lock */
	uint8_t input_bytes[INPUT_SIZE];
};

static struct virtio_console *console_of(struct virtio_device *dev)
{
	return container_of(dev, struct virtio_console, dev);
}

/* ---- guest to outside ---- */

/* Hands one chain's bytes to the chardev, as many as 'budget' allows. False if the chardev would not take them all. */
static bool send_chain(struct virtio_console *console, struct virtq *q, struct virtq_chain *chain, uint64_t *budget)
{
	uint64_t size;
	uint8_t piece[PIECE_SIZE];

	virtq_read(chain, NULL, q->progress);
	while (*budget != 0 && (size = virtq_read(chain, piece, MIN(sizeof(piece), *budget))) != 0) {
		for (uint64_t i = 0; i < size; i++) {
			if (!chardev_put(&console->out, piece[i])) {
				return false;
			}
			q->progress++;
		}
		*budget -= size;
	}
	q->progress = 0;
	return true;
}

/*
 * A turn of the transmit queue. A chain that the chardev did not take whole stays first until
 * virtio_console_tx_ready().
 */
static void send(struct virtio_console *console)
{
	struct virtq *q = &console->queues[QUEUE_TX];
	uint64_t budget = TURN_SIZE_MAX;
	struct virtq_chain *chain;

	while ((chain = virtq_pop(q)) != NULL) {
		if (!send_chain(console, q, chain, &budget)) {
			virtq_unpop(q, 1);
			return;
		}
		virtq_push(q, chain->head, 0);
	}
}

void virtio_console_tx_ready(struct virtio_device *dev)
{
	if (virtio_begin(dev, QUEUE_TX)) {
		send(console_of(dev));
		virtio_end(dev, QUEUE_TX);
	}
}

/* ---- outside to guest ---- */

/* A turn of the receive queue: fills buffers while there are some, and input. */
static void receive(struct virtio_console *console)
{
	struct virtq *q = &console->queues[QUEUE_RX];

	while (!ring_empty(&console->input)) {
		struct virtq_chain *chain = virtq_pop(q);
		uint8_t byte;

		if (chain == NULL) {
			return;
		}
		if (chain->writable_size == 0) {
			virtq_break(q); /* a receive buffer must be one */
			return;
		}
		while (chain->writable_size != 0 && ring_get(&console->input, &byte)) {
			virtq_write(chain, &byte, 1);
		}
		virtq_push(q, chain->head, chain->written);
	}
}

bool virtio_console_input(struct virtio_device *dev, uint8_t byte)
{
	struct virtio_console *console = console_of(dev);
	bool running = virtio_begin(dev, QUEUE_RX);
	bool taken;

	/* Before the driver is there, nothing is kept: it would be read by whatever program comes first. */
	if (!running) {
		return false;
	}
	taken = ring_put(&console->input, byte);
	receive(console);
	virtio_end(dev, QUEUE_RX);
	return taken;
}

static void console_serve(struct virtio_device *dev, unsigned queue)
{
	if (queue == QUEUE_TX) {
		send(console_of(dev));
	} else {
		receive(console_of(dev));
	}
}

/* ---- life ---- */

static void console_reset(struct virtio_device *dev)
{
	struct virtio_console *console = console_of(dev);

	spin_lock(&console->queues[QUEUE_RX].lock);
	ring_init(&console->input, console->input_bytes, sizeof(console->input_bytes));
	spin_unlock(&console->queues[QUEUE_RX].lock);
}

static void console_destroy(struct virtio_device *dev)
{
	pool_free_object(console_of(dev), sizeof(struct virtio_console));
}

static const struct virtio_ops console_ops = {
	.device_id = VIRTIO_ID_CONSOLE,
	.queue_count = 2,
	.serve = console_serve,
	.reset = console_reset,
	.destroy = console_destroy,
};

enum err virtio_console_create(struct vm *vm, ipa_t base, unsigned intid, struct chardev out,
			       struct virtio_device **dev)
{
	struct virtio_console *console = pool_alloc_object(sizeof(*console));
	enum err e;

	if (console == NULL) {
		return ERR_NO_MEMORY;
	}
	console->out = out;
	console->config.max_nr_ports = 1;
	ring_init(&console->input, console->input_bytes, sizeof(console->input_bytes));
	for (unsigned i = 0; i < ARRAY_SIZE(console->queues); i++) {
		console->queues[i].size_max = QUEUE_SIZE;
		console->queues[i].want_notify = true; /* of receive buffers too: input may be waiting for them */
	}
	console->dev.ops = &console_ops;
	console->dev.config = &console->config;
	console->dev.config_size = sizeof(console->config);
	console->dev.queues = console->queues;
	e = virtio_create(&console->dev, vm, base, intid);
	if (e != OK) {
		console_destroy(&console->dev);
		return e;
	}
	*dev = &console->dev;
	return OK;
}
