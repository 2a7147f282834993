/* SPDX-License-Identifier: MIT */
/*
 * Where a virtual network device is plugged in. The device holds the port; the network behind it is a const table of
 * operations and its own context.
 *
 * Locks: the network is called with the sender's transmit queue locked and may deliver to any device at once, the
 * sender included, since delivering locks a receive queue only, and nothing is sent from there.
 */
#ifndef ROLE_HYP_DEV_NET_PORT_H
#define ROLE_HYP_DEV_NET_PORT_H

#include "abi/virtio.h"
#include "lib/base.h"

/*
 * An Ethernet frame without its check sequence: header only, up to NET_MTU bytes of payload and a VLAN tag. One that is
 * still to be cut into segments (VIRTIO_NET_HDR_GSO_TCPV4, V6) holds an IP packet of any size.
 */
#define NET_FRAME_MIN 14
#define NET_MTU 1500
#define NET_VLAN_TAG_SIZE 4
#define NET_FRAME_MAX (NET_FRAME_MIN + NET_VLAN_TAG_SIZE + NET_MTU)
#define NET_FRAME_GSO_MAX (NET_FRAME_MIN + NET_VLAN_TAG_SIZE + 65535)
#define NET_MAC_SIZE 6
/* What is copied of a frame to decide by: the Ethernet header or, of one to be cut, all headers up to the data. */
#define NET_HEADER_MAX (NET_FRAME_MIN + NET_VLAN_TAG_SIZE + 60 + 60)

struct net_port;
struct virtq_chain;

/*
 * A frame on its way. The header has been copied, since the network decides by it; what follows is still in the
 * sender's memory, and goes from there straight to the receiver's.
 */
struct net_frame {
	uint8_t header[NET_HEADER_MAX];
	uint32_t header_size; /* NET_FRAME_MIN or, if gso_type says so, as net_offload_check() found it */
	uint32_t size; /* of all, header_size to NET_FRAME_MAX or NET_FRAME_GSO_MAX */
	/* The checksum at start + offset is still to be made, over all from start on (VIRTIO_NET_HDR_F_NEEDS_CSUM). */
	bool partial_checksum;
	uint16_t checksum_start, checksum_offset; /* start + offset + 2 <= size */
	uint8_t gso_type; /* VIRTIO_NET_HDR_GSO_: not NONE only with partial_checksum */
	uint16_t gso_size; /* bytes of data in each segment */
	/* Segments that a receiver has taken before it was NET_FULL, for the next try; NULL: there is none. */
	uint64_t *progress;
	uint64_t until; /* when the sender's turn ends, in counter ticks: what takes longer is NET_UNFINISHED */
	struct virtq_chain *rest; /* everything behind the header, or NULL: it is in 'data' */
	const uint8_t *data;
};

/* How many bytes of headers and payload a frame with that Ethernet header has at most, uncut (5.1.4.1 on the MTU). */
static inline uint32_t net_frame_limit(const uint8_t *header)
{
	bool tagged = header[NET_FRAME_MIN - 2] == 0x81 && header[NET_FRAME_MIN - 1] == 0;

	return tagged ? NET_FRAME_MAX : NET_FRAME_MAX - NET_VLAN_TAG_SIZE;
}

/* Copies bytes [offset, offset + size) of the frame, which lie behind its header. May be called again. */
void net_frame_read(const struct net_frame *frame, uint32_t offset, uint8_t *to, uint32_t size);

enum net_result {
	NET_TAKEN,
	NET_DROPPED,
	NET_FULL, /* no room now: keep it, until net_port_resume() */
	NET_UNFINISHED, /* some of it was taken: send it again soon, in a turn of its own. Only with 'progress' */
};

struct net_port_ops {
	/* The device sends a frame, which is valid during the call. */
	enum net_result (*send)(struct net_port *port, const struct net_frame *frame);
	/*
	 * The driver has given the device receive buffers, after a delivery found too few. Only a sender's transmit
	 * queue may be locked. Or NULL.
	 */
	void (*has_room)(struct net_port *port);
	/*
	 * The driver, or the VM, has reset the device: it sends nothing, and what is delivered is dropped, until a
	 * driver sets it up. The device's lock is held. Or NULL.
	 */
	void (*down)(struct net_port *port);
	/* The device ends; no VM has run yet. Or NULL. */
	void (*gone)(struct net_port *port);
};

struct net_counters {
	uint64_t tx_frames, tx_bytes;
	uint64_t tx_dropped; /* refused by the network, or not a frame */
	uint64_t tx_waits; /* how often it had to wait for a receiver */
	uint64_t rx_frames, rx_bytes;
	uint64_t rx_dropped; /* no buffer for it */
};

struct net_port {
	const struct net_port_ops *ops;
	void *network;
	uint8_t mac[NET_MAC_SIZE];
	struct net_counters counters; /* tx_* under the transmit queue's lock, rx_* under the receive queue's */
};

/* ---- virtio_net.c has these ---- */

/*
 * Gives the device a frame. NET_FULL if its driver has no buffer for it: then has_room() is called when it has. Any
 * CPU. NET_DROPPED if no driver uses the device.
 */
enum net_result net_port_deliver(struct net_port *port, const struct net_frame *frame);
/* A frame that was NET_FULL to send can be tried again. Any CPU, no lock held. */
void net_port_resume(struct net_port *port);
/* Counts a frame that the network will not deliver after all. */
void net_port_count_drop(struct net_port *port);

#endif
