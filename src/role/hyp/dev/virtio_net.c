/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtio_net.h"

#include "core/mm/pool.h"
#include "lib/str.h"

#define QUEUE_RX 0
#define QUEUE_TX 1
#define QUEUE_SIZE 128
#define MTU 1500

struct virtio_net {
	struct virtio_device dev;
	struct virtq queues[2];
	struct virtio_net_config config;
	struct net_port port;
	uint8_t frame
		[NET_FRAME_MAX]; /* being sent: the network looks at it, so the guest must not; under the tx lock */
};

/* ---- guest to network ---- */

/*
 * Copies the frame of one chain into net->frame. 0 if it is none: too short, too long, or wants an offload that we have
 * not offered.
 */
static uint32_t take_frame(struct virtio_net *net, struct virtq_chain *chain)
{
	struct virtio_net_hdr hdr;
	uint64_t size;

	if (virtq_read(chain, &hdr, sizeof(hdr)) != sizeof(hdr) || hdr.flags != 0 ||
	    hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		return 0;
	}
	size = chain->readable_size;
	if (size < NET_FRAME_MIN || size > NET_FRAME_MAX) {
		return 0;
	}
	virtq_read(chain, net->frame, size);
	return (uint32_t)size;
}

static void net_serve(struct virtio_device *dev, unsigned queue)
{
	struct virtio_net *net = container_of(dev, struct virtio_net, dev);
	struct net_port *port = &net->port;
	struct virtq *q = &dev->queues[queue];
	struct virtq_chain *chain;

	if (queue != QUEUE_TX) {
		return; /* receive buffers are found when a frame comes */
	}
	while ((chain = virtq_pop(q)) != NULL) {
		uint32_t size = take_frame(net, chain);

		if (size != 0 && port->ops->send(port, net->frame, size)) {
			port->counters.tx_frames++;
			port->counters.tx_bytes += size;
		} else {
			port->counters.tx_dropped++;
		}
		virtq_push(q, chain->head, 0);
	}
}

/* ---- network to guest ---- */

/*
 * How many chains the next 'size' bytes need: one, or several if the driver can merge buffers. 0, with nothing
 * popped, if there are not enough. Otherwise q->chain is the last of them.
 */
static unsigned pop_buffers(struct virtq *q, uint64_t size, bool merge)
{
	uint64_t room = 0;
	unsigned count = 0;

	while (room < size) {
		struct virtq_chain *chain = count == 0 || merge ? virtq_pop(q) : NULL;

		if (chain == NULL) {
			virtq_unpop(q, count);
			return 0;
		}
		count++;
		if (chain->writable_size == 0) {
			virtq_break(q); /* a receive buffer must be one */
		}
		room += chain->writable_size;
	}
	return count;
}

/* Writes what is left of header and frame into a chain and returns it used. */
static void fill_buffer(struct virtq *q, struct virtq_chain *chain, const struct virtio_net_hdr *hdr,
			const uint8_t *frame, uint32_t size, uint32_t *done)
{
	if (*done < sizeof(*hdr)) {
		*done += (uint32_t)virtq_write(chain, (const uint8_t *)hdr + *done, sizeof(*hdr) - *done);
	}
	if (*done >= sizeof(*hdr)) {
		uint32_t at = *done - (uint32_t)sizeof(*hdr);

		*done += (uint32_t)virtq_write(chain, frame + at, size - at);
	}
	virtq_push(q, chain->head, chain->written);
}

/* A turn of the receive queue has begun. */
static bool put_frame(struct virtq *q, bool merge, const uint8_t *frame, uint32_t size)
{
	struct virtio_net_hdr hdr = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	unsigned count = pop_buffers(q, sizeof(hdr) + size, merge);
	uint32_t done = 0;

	if (count == 0) {
		return false;
	}
	hdr.num_buffers = (uint16_t)count;
	if (count == 1) {
		fill_buffer(q, &q->chain, &hdr, frame, size, &done);
		return true;
	}
	/*
	 * The first buffer had to wait until their number was known. A driver that changed them meanwhile gets what
	 * fits.
	 */
	virtq_unpop(q, count);
	while (count-- != 0) {
		struct virtq_chain *chain = virtq_pop(q);

		if (chain == NULL) {
			return false;
		}
		fill_buffer(q, chain, &hdr, frame, size, &done);
	}
	return true;
}

bool net_port_deliver(struct net_port *port, const uint8_t *frame, uint32_t size)
{
	struct virtio_net *net = container_of(port, struct virtio_net, port);
	bool merge, taken;

	if (!virtio_begin(&net->dev, QUEUE_RX)) {
		return false;
	}
	merge = (net->dev.driver_features & VIRTIO_NET_F_MRG_RXBUF) != 0;
	taken = put_frame(&net->queues[QUEUE_RX], merge, frame, size);
	if (taken) {
		port->counters.rx_frames++;
		port->counters.rx_bytes += size;
	} else {
		port->counters.rx_dropped++;
	}
	virtio_end(&net->dev, QUEUE_RX);
	return taken;
}

/* ---- life ---- */

static void net_destroy(struct virtio_device *dev)
{
	pool_free_object(container_of(dev, struct virtio_net, dev), sizeof(struct virtio_net));
}

static const struct virtio_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.queue_count = 2,
	.serve = net_serve,
	.destroy = net_destroy,
};

struct net_port *virtio_net_port(struct virtio_device *dev)
{
	return &container_of(dev, struct virtio_net, dev)->port;
}

enum err virtio_net_create(struct vm *vm, ipa_t base, unsigned intid, const uint8_t mac[NET_MAC_SIZE],
			   const struct net_port_ops *ops, void *network, struct virtio_device **dev)
{
	struct virtio_net *net = pool_alloc_object(sizeof(*net));
	enum err e;

	if (net == NULL) {
		return ERR_NO_MEMORY;
	}
	memcpy(net->config.mac, mac, NET_MAC_SIZE);
	net->config.status = VIRTIO_NET_S_LINK_UP;
	net->config.max_virtqueue_pairs = 1;
	net->config.mtu = MTU;
	net->port.ops = ops;
	net->port.network = network;
	memcpy(net->port.mac, mac, NET_MAC_SIZE);
	net->queues[QUEUE_RX].size_max = QUEUE_SIZE;
	net->queues[QUEUE_TX].size_max = QUEUE_SIZE;
	net->queues[QUEUE_TX].want_notify = true;
	net->dev.ops = &net_ops;
	net->dev.features = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MRG_RXBUF;
	net->dev.config = &net->config;
	net->dev.config_size = sizeof(net->config);
	net->dev.queues = net->queues;
	e = virtio_create(&net->dev, vm, base, intid);
	if (e != OK) {
		net_destroy(&net->dev);
		return e;
	}
	*dev = &net->dev;
	return OK;
}
