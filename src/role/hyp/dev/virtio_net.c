/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtio_net.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/vcpu/vcpu.h"
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
	struct work resume;
	uint8_t whole[NET_FRAME_MAX]; /* a frame whose checksum is made here, on its way in; under the rx lock */
};

void net_frame_read_rest(const struct net_frame *frame, uint8_t *to)
{
	struct virtq_chain *chain = frame->rest;

	if (chain == NULL) {
		memcpy(to, frame->data, frame->size - NET_FRAME_MIN);
		return;
	}
	virtq_rewind(chain, sizeof(struct virtio_net_hdr) + NET_FRAME_MIN);
	virtq_read(chain, to, frame->size - NET_FRAME_MIN);
}

/* ---- guest to network ---- */

/* False if the chain holds no frame: too short, too long, or it wants an offload that we have not offered. */
static bool read_frame(const struct virtio_net *net, struct virtq_chain *chain, struct net_frame *frame)
{
	bool may_checksum = (net->dev.driver_features & VIRTIO_NET_F_CSUM) != 0;
	struct virtio_net_hdr hdr;

	if (virtq_read(chain, &hdr, sizeof(hdr)) != sizeof(hdr) || hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE ||
	    (hdr.flags & ~(may_checksum ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0)) != 0 ||
	    chain->readable_size < NET_FRAME_MIN || chain->readable_size > NET_FRAME_MAX) {
		return false;
	}
	*frame = (struct net_frame){ .size = (uint32_t)chain->readable_size, .rest = chain };
	if (hdr.flags != 0) {
		frame->partial_checksum = true;
		frame->checksum_start = hdr.csum_start;
		frame->checksum_offset = hdr.csum_offset;
		if (hdr.csum_start < NET_FRAME_MIN ||
		    (uint32_t)hdr.csum_start + hdr.csum_offset + sizeof(uint16_t) > frame->size) {
			return false;
		}
	}
	virtq_read(chain, frame->header, NET_FRAME_MIN);
	return true;
}

/* Sends what is in the queue, as far as the network takes it. */
static void serve_tx(struct virtio_net *net, struct virtq *q)
{
	struct net_counters *counters = &net->port.counters;
	struct virtq_chain *chain;

	while ((chain = virtq_pop(q)) != NULL) {
		struct net_frame frame;
		enum net_result result = read_frame(net, chain, &frame) ? net->port.ops->send(&net->port, &frame)
									: NET_DROPPED;

		if (result == NET_FULL) {
			counters->tx_waits++;
			virtq_unpop(q, 1);
			return;
		}
		if (result == NET_TAKEN) {
			counters->tx_frames++;
			counters->tx_bytes += frame.size;
		} else {
			counters->tx_dropped++;
		}
		virtq_push(q, chain->head, 0);
	}
}

/* Receive buffers are found when a frame comes, so the driver notifies only when one has found none. */
static void net_serve(struct virtio_device *dev, unsigned queue)
{
	struct virtq *q = &dev->queues[queue];

	if (queue == QUEUE_TX) {
		serve_tx(container_of(dev, struct virtio_net, dev), q);
	} else {
		virtq_want_less(q);
	}
}

static void net_served(struct virtio_device *dev, unsigned queue)
{
	struct net_port *port = &container_of(dev, struct virtio_net, dev)->port;

	if (queue == QUEUE_RX && port->ops->has_room != NULL) {
		port->ops->has_room(port);
	}
}

static void resume(struct work *work)
{
	struct virtio_net *net = container_of(work, struct virtio_net, resume);

	if (virtio_begin(&net->dev, QUEUE_TX)) {
		serve_tx(net, &net->queues[QUEUE_TX]);
		virtio_end(&net->dev, QUEUE_TX);
	}
}

static const struct work_ops resume_ops = { .run = resume };

/* On the sender's own time: a CPU of its VM does it. */
void net_port_resume(struct net_port *port)
{
	struct virtio_net *net = container_of(port, struct virtio_net, port);

	cpu_post(net->dev.vm->vcpus[0]->cpu, &net->resume);
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

/* What a receiver gets: three pieces one after the other, the last of which may be in the sender's memory. */
struct delivery {
	struct virtio_net_hdr hdr;
	const struct net_frame *frame;
	uint32_t done; /* bytes of header and frame written so far */
};

static void write_from(struct virtq_chain *chain, struct delivery *d, const void *data, uint32_t begin, uint32_t end)
{
	if (d->done >= begin && d->done < end) {
		d->done += (uint32_t)virtq_write(chain, (const uint8_t *)data + (d->done - begin), end - d->done);
	}
}

/* Writes as much of what is left as the chain holds, and returns it used. */
static void fill_buffer(struct virtq *q, struct virtq_chain *chain, struct delivery *d)
{
	const uint32_t header = sizeof(d->hdr), rest = header + NET_FRAME_MIN, end = header + d->frame->size;

	write_from(chain, d, &d->hdr, 0, header);
	write_from(chain, d, d->frame->header, header, rest);
	if (d->frame->rest == NULL) {
		write_from(chain, d, d->frame->data, rest, end);
	} else if (d->done >= rest && d->done < end) {
		d->done += (uint32_t)virtq_copy(chain, d->frame->rest, end - d->done);
	}
	virtq_push(q, chain->head, chain->written);
}

/* A turn of the receive queue has begun. */
static bool put_frame(struct virtq *q, bool merge, const struct net_frame *frame)
{
	struct delivery d = { .hdr.gso_type = VIRTIO_NET_HDR_GSO_NONE, .frame = frame };
	unsigned count = pop_buffers(q, sizeof(d.hdr) + frame->size, merge);

	if (count == 0) {
		return false;
	}
	if (frame->partial_checksum) {
		d.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		d.hdr.csum_start = frame->checksum_start;
		d.hdr.csum_offset = frame->checksum_offset;
	}
	d.hdr.num_buffers = (uint16_t)count;
	if (frame->rest != NULL) {
		virtq_rewind(frame->rest, sizeof(d.hdr) + NET_FRAME_MIN);
	}
	if (count == 1) {
		fill_buffer(q, &q->chain, &d);
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
		fill_buffer(q, chain, &d);
	}
	return true;
}

/* For a driver that takes only finished checksums: the Internet checksum (RFC 1071) over a copy of the frame. */
static void finish_checksum(struct virtio_net *net, const struct net_frame *from, struct net_frame *to)
{
	uint32_t at = (uint32_t)from->checksum_start + from->checksum_offset;
	uint64_t sum = 0;

	memcpy(net->whole, from->header, NET_FRAME_MIN);
	net_frame_read_rest(from, net->whole + NET_FRAME_MIN);
	/* The field holds the sum of the pseudo-header, which belongs in. */
	for (uint32_t i = from->checksum_start; i < from->size; i++) {
		sum += (uint64_t)net->whole[i] << ((i - from->checksum_start) % 2 == 0 ? 8 : 0);
	}
	while (sum >> 16 != 0) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	/* Of the two zeros UDP uses the one for "no checksum" (RFC 768). */
	sum = sum == 0xffff ? sum : ~sum & 0xffff;
	net->whole[at] = (uint8_t)(sum >> 8);
	net->whole[at + 1] = (uint8_t)sum;
	*to = *from;
	to->partial_checksum = false;
	to->rest = NULL;
	to->data = net->whole + NET_FRAME_MIN;
	memcpy(to->header, net->whole, NET_FRAME_MIN);
}

static bool put_in_turn(struct virtio_net *net, const struct net_frame *frame)
{
	struct virtq *q = &net->queues[QUEUE_RX];
	bool merge = (net->dev.driver_features & VIRTIO_NET_F_MRG_RXBUF) != 0;
	struct net_frame finished;

	if (frame->partial_checksum && (net->dev.driver_features & VIRTIO_NET_F_GUEST_CSUM) == 0) {
		finish_checksum(net, frame, &finished);
		frame = &finished;
	}
	return put_frame(q, merge, frame) || (virtq_want_more(q) && put_frame(q, merge, frame));
}

void net_port_count_drop(struct net_port *port)
{
	atomic_add(&port->counters.rx_dropped, 1);
}

enum net_result net_port_deliver(struct net_port *port, const struct net_frame *frame)
{
	struct virtio_net *net = container_of(port, struct virtio_net, port);
	enum net_result result = NET_FULL;

	if (!virtio_begin(&net->dev, QUEUE_RX)) {
		return NET_DROPPED;
	}
	if (put_in_turn(net, frame)) {
		port->counters.rx_frames++;
		port->counters.rx_bytes += frame->size;
		result = NET_TAKEN;
	}
	virtio_end(&net->dev, QUEUE_RX);
	return result;
}

/* ---- life ---- */

static void net_destroy(struct virtio_device *dev)
{
	struct virtio_net *net = container_of(dev, struct virtio_net, dev);

	if (net->port.ops->gone != NULL) {
		net->port.ops->gone(&net->port);
	}
	pool_free_object(net, sizeof(*net));
}

static const struct virtio_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.queue_count = 2,
	.serve = net_serve,
	.served = net_served,
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
	net->resume.ops = &resume_ops;
	memcpy(net->port.mac, mac, NET_MAC_SIZE);
	net->queues[QUEUE_RX].size_max = QUEUE_SIZE;
	net->queues[QUEUE_TX].size_max = QUEUE_SIZE;
	net->queues[QUEUE_TX].want_notify = true;
	net->dev.ops = &net_ops;
	net->dev.features = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MRG_RXBUF |
			    VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM;
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
