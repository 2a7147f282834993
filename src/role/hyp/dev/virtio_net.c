/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/virtio_net.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/vcpu/vcpu.h"
#include "lib/str.h"
#include "role/hyp/dev/net_offload.h"
#include "role/hyp/sched.h"

#define QUEUE_RX 0
#define QUEUE_TX 1
#define QUEUE_SIZE 128
#define TURN_US 1000 /* of a transmit queue; what is left waits for the next one */

struct virtio_net {
	struct virtio_device dev;
	struct virtq queues[2];
	struct virtio_net_config config;
	struct net_port port;
	struct work resume;
	struct sched_job sending; /* goes on with the transmit queue, after 'resume' has begun it */
	bool is_sending;       /* it is begun; its CPU only */
	bool short_of_buffers; /* a frame was NET_FULL when the receive queue went up to 'full_at'; under its lock */
	uint16_t full_at;
	bool has_more; /* the driver has added some since, and nobody was told; atomic */
	uint8_t whole[NET_FRAME_MAX]; /* a frame or segment that is finished here, on its way in; under the rx lock */
};

void net_frame_read(const struct net_frame *frame, uint32_t offset, uint8_t *to, uint32_t size)
{
	struct virtq_chain *chain = frame->rest;

	if (chain == NULL) {
		memcpy(to, frame->data + (offset - frame->header_size), size);
		return;
	}
	virtq_rewind(chain, sizeof(struct virtio_net_hdr) + offset);
	virtq_read(chain, to, size);
}

/* ---- guest to network ---- */

/*
 * Whether a driver that agreed to these features may leave what the header says to the device. Flags that only the
 * other direction has are ignored (5.1.6.2.2).
 */
static bool may_offload(uint64_t features, const struct virtio_net_hdr *hdr)
{
	if ((hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) {
		return hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE;
	}
	if ((features & VIRTIO_NET_F_CSUM) == 0) {
		return false;
	}
	return hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE ||
	       (hdr->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && (features & VIRTIO_NET_F_HOST_TSO4) != 0) ||
	       (hdr->gso_type == VIRTIO_NET_HDR_GSO_TCPV6 && (features & VIRTIO_NET_F_HOST_TSO6) != 0);
}

/* False if the chain holds no frame: too short, too long, or it wants an offload that we do not do. */
static bool read_frame(const struct virtio_net *net, struct virtq *q, uint64_t until, struct net_frame *frame)
{
	struct virtq_chain *chain = &q->chain;
	struct virtio_net_hdr hdr;
	bool big;

	if (virtq_read(chain, &hdr, sizeof(hdr)) != sizeof(hdr) || !may_offload(net->dev.driver_features, &hdr)) {
		return false;
	}
	big = hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE;
	if (chain->readable_size < NET_FRAME_MIN || chain->readable_size > (big ? NET_FRAME_GSO_MAX : NET_FRAME_MAX)) {
		return false;
	}
	frame->size = (uint32_t)chain->readable_size;
	frame->header_size = NET_FRAME_MIN;
	frame->partial_checksum = (hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
	frame->checksum_start = hdr.csum_start;
	frame->checksum_offset = hdr.csum_offset;
	frame->gso_type = hdr.gso_type;
	frame->gso_size = hdr.gso_size;
	frame->progress = &q->progress;
	frame->until = until;
	frame->rest = chain;
	if (frame->partial_checksum && (hdr.csum_start < NET_FRAME_MIN ||
					(uint32_t)hdr.csum_start + hdr.csum_offset + sizeof(uint16_t) > frame->size)) {
		return false;
	}
	virtq_read(chain, frame->header, big ? NET_HEADER_MAX : NET_FRAME_MIN);
	if (!big) {
		return frame->size <= net_frame_limit(frame->header);
	}
	frame->header_size = net_offload_check(frame, frame->header);
	return frame->header_size != 0;
}

/*
 * Sends what is in the queue, as far as the network takes it and the turn lasts: how long a frame takes is for its
 * receivers to say, whose buffers may be many and small.
 */
static void serve_tx(struct virtio_net *net, struct virtq *q)
{
	uint64_t until = cpu_now() + read_cntfrq_el0() / 1000 * TURN_US / 1000;
	struct net_counters *counters = &net->port.counters;
	struct virtq_chain *chain;

	while (!q->unfinished && (chain = virtq_pop(q)) != NULL) {
		struct net_frame frame;
		enum net_result result = read_frame(net, q, until, &frame) ? net->port.ops->send(&net->port, &frame)
									   : NET_DROPPED;

		if (result == NET_FULL || result == NET_UNFINISHED) {
			counters->tx_waits += result == NET_FULL;
			q->unfinished = result == NET_UNFINISHED;
			virtq_unpop(q, 1);
			return;
		}
		q->progress = 0;
		if (result == NET_TAKEN) {
			counters->tx_frames++;
			counters->tx_bytes += frame.size;
		} else {
			counters->tx_dropped++;
		}
		virtq_push(q, chain->head, 0);
		q->unfinished = q->last_avail != q->avail_idx && cpu_now() >= until;
	}
}

/*
 * A turn of the receive queue sees new buffers, after one that was short of them. Any turn may be the first to see
 * them, and with VIRTIO_F_EVENT_IDX the driver does not notify then.
 */
static void look_for_more(struct virtio_net *net, const struct virtq *q)
{
	if (net->short_of_buffers && q->avail_idx != net->full_at) {
		net->short_of_buffers = false;
		atomic_store(&net->has_more, true);
	}
}

/* After such a turn: those who wait for buffers are told. */
static void tell_of_more(struct virtio_net *net)
{
	if (unlikely(atomic_load(&net->has_more)) && atomic_swap(&net->has_more, false) &&
	    net->port.ops->has_room != NULL) {
		net->port.ops->has_room(&net->port);
	}
}

/* Receive buffers are found when a frame comes, so the driver notifies only after one has found too few. */
static void serve_rx(struct virtio_net *net, struct virtq *q)
{
	look_for_more(net, q);
	if (!net->short_of_buffers) {
		virtq_want_less(q);
	}
}

static void net_serve(struct virtio_device *dev, unsigned queue)
{
	struct virtio_net *net = container_of(dev, struct virtio_net, dev);

	if (queue == QUEUE_TX) {
		serve_tx(net, &dev->queues[queue]);
	} else {
		serve_rx(net, &dev->queues[queue]);
	}
}

static void net_served(struct virtio_device *dev, unsigned queue)
{
	if (queue == QUEUE_RX) {
		tell_of_more(container_of(dev, struct virtio_net, dev));
	}
}

static bool send_some(struct sched_job *job)
{
	struct virtio_net *net = container_of(job, struct virtio_net, sending);

	net->is_sending = false;
	if (virtio_begin(&net->dev, QUEUE_TX)) {
		serve_tx(net, &net->queues[QUEUE_TX]);
		net->is_sending = net->queues[QUEUE_TX].unfinished;
		virtio_end(&net->dev, QUEUE_TX);
	}
	return net->is_sending;
}

static const struct sched_job_ops sending_ops = { .slice = send_some };

static void resume(struct work *work)
{
	struct virtio_net *net = container_of(work, struct virtio_net, resume);

	if (!net->is_sending) {
		net->is_sending = true;
		sched_begin(sched_share(net->dev.vm), &net->sending, true);
	}
}

static const struct work_ops resume_ops = { .run = resume };

/* In the sender's own share of the CPU, however fast its receiver's driver gives buffers. */
void net_port_resume(struct net_port *port)
{
	struct virtio_net *net = container_of(port, struct virtio_net, port);

	cpu_post(net->dev.vm->vcpus[0]->cpu, &net->resume);
}

/* ---- network to guest ---- */

/*
 * Pops the chains for the next 'size' bytes: one, or several if the driver can merge buffers; q->chain is the last of
 * them. NET_FULL if there are not enough, NET_DROPPED if there never will be; then nothing is popped.
 */
static enum net_result pop_buffers(struct virtq *q, uint64_t size, bool merge, unsigned *count)
{
	uint64_t room = 0;

	for (*count = 0; room < size; (*count)++) {
		struct virtq_chain *chain = *count == 0 || merge ? virtq_pop(q) : NULL;

		if (chain == NULL) {
			bool no_more_fit = q->broken || *count == q->size || (*count == 1 && !merge);

			virtq_unpop(q, *count);
			return no_more_fit ? NET_DROPPED : NET_FULL;
		}
		if (chain->writable_size == 0) {
			virtq_break(q); /* a receive buffer must be one */
		}
		room += chain->writable_size;
	}
	return NET_TAKEN;
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
	const uint32_t header = sizeof(d->hdr), rest = header + d->frame->header_size, end = header + d->frame->size;

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
static enum net_result put_frame(struct virtq *q, bool merge, const struct net_frame *frame)
{
	struct delivery d = { .hdr.gso_type = frame->gso_type, .frame = frame };
	unsigned count;
	enum net_result result = pop_buffers(q, sizeof(d.hdr) + frame->size, merge, &count);

	if (result != NET_TAKEN) {
		return result;
	}
	if (frame->partial_checksum) {
		d.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		d.hdr.csum_start = frame->checksum_start;
		d.hdr.csum_offset = frame->checksum_offset;
	}
	if (frame->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		d.hdr.gso_size = frame->gso_size;
		d.hdr.hdr_len = (uint16_t)frame->header_size;
	}
	d.hdr.num_buffers = (uint16_t)count;
	if (frame->rest != NULL) {
		virtq_rewind(frame->rest, sizeof(d.hdr) + frame->header_size);
	}
	if (count == 1) {
		fill_buffer(q, &q->chain, &d);
		return NET_TAKEN;
	}
	/*
	 * The first buffer had to wait until their number was known. A driver that changed them meanwhile gets what
	 * fits.
	 */
	virtq_unpop(q, count);
	while (count-- != 0) {
		struct virtq_chain *chain = virtq_pop(q);

		if (chain == NULL) {
			return NET_DROPPED;
		}
		fill_buffer(q, chain, &d);
	}
	return NET_TAKEN;
}

static enum net_result put_or_ask(struct virtio_net *net, bool merge, const struct net_frame *frame)
{
	struct virtq *q = &net->queues[QUEUE_RX];
	enum net_result result = put_frame(q, merge, frame);

	if (result == NET_FULL && virtq_want_more(q)) {
		result = put_frame(q, merge, frame);
	}
	look_for_more(net, q);
	if (result == NET_FULL) {
		net->short_of_buffers = true;
		net->full_at = q->avail_idx;
	}
	return result;
}

/* The first 'size' bytes of net->whole. */
static enum net_result put_whole(struct virtio_net *net, bool merge, uint32_t size)
{
	struct net_frame frame = { .header_size = NET_FRAME_MIN, .size = size, .data = net->whole + NET_FRAME_MIN };

	memcpy(frame.header, net->whole, NET_FRAME_MIN);
	return put_or_ask(net, merge, &frame);
}

/*
 * A frame that is to be cut, to a driver that does not take it uncut. What has been taken is not sent again, if the
 * frame can be sent again at all.
 */
static enum net_result put_segments(struct virtio_net *net, bool merge, const struct net_frame *frame)
{
	uint32_t count = net_offload_segments(frame);
	uint64_t done = frame->progress != NULL ? *frame->progress : 0;
	enum net_result result = NET_TAKEN;

	while (done < count && result == NET_TAKEN) {
		result = put_whole(net, merge, net_offload_segment(frame, (uint32_t)done, net->whole));
		done += result == NET_TAKEN;
		if (frame->progress != NULL && result == NET_TAKEN && done < count && cpu_now() >= frame->until) {
			result = NET_UNFINISHED;
		}
	}
	if (frame->progress != NULL) {
		*frame->progress = done;
	}
	return result;
}

static enum net_result put_in_turn(struct virtio_net *net, const struct net_frame *frame)
{
	uint64_t features = net->dev.driver_features;
	bool merge = (features & VIRTIO_NET_F_MRG_RXBUF) != 0;
	uint64_t tso = frame->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 ? VIRTIO_NET_F_GUEST_TSO4 : VIRTIO_NET_F_GUEST_TSO6;
	bool checksums = (features & VIRTIO_NET_F_GUEST_CSUM) != 0;

	if (frame->gso_type != VIRTIO_NET_HDR_GSO_NONE && (!checksums || (features & tso) == 0)) {
		return put_segments(net, merge, frame);
	}
	if (frame->partial_checksum && !checksums) {
		net_offload_checksum(frame, net->whole);
		return put_whole(net, merge, frame->size);
	}
	return put_or_ask(net, merge, frame);
}

void net_port_count_drop(struct net_port *port)
{
	atomic_add(&port->counters.rx_dropped, 1);
}

enum net_result net_port_deliver(struct net_port *port, const struct net_frame *frame)
{
	struct virtio_net *net = container_of(port, struct virtio_net, port);
	enum net_result result;

	if (!virtio_begin(&net->dev, QUEUE_RX)) {
		return NET_DROPPED;
	}
	result = put_in_turn(net, frame);
	if (result == NET_TAKEN) {
		port->counters.rx_frames++;
		port->counters.rx_bytes += frame->size;
	} else if (result == NET_DROPPED) {
		net_port_count_drop(port);
	}
	virtio_end(&net->dev, QUEUE_RX);
	tell_of_more(net);
	return result;
}

/* ---- life ---- */

static void net_reset(struct virtio_device *dev)
{
	struct net_port *port = &container_of(dev, struct virtio_net, dev)->port;

	if (port->ops->down != NULL) {
		port->ops->down(port);
	}
}

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
	.reset = net_reset,
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
	net->config.mtu = NET_MTU;
	net->port.ops = ops;
	net->port.network = network;
	net->resume.ops = &resume_ops;
	net->sending.ops = &sending_ops;
	memcpy(net->port.mac, mac, NET_MAC_SIZE);
	net->queues[QUEUE_RX].size_max = QUEUE_SIZE;
	net->queues[QUEUE_TX].size_max = QUEUE_SIZE;
	net->queues[QUEUE_TX].want_notify = true;
	net->dev.ops = &net_ops;
	net->dev.features = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MRG_RXBUF |
			    VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_HOST_TSO4 |
			    VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6;
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
