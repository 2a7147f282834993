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

#include "lib/base.h"

/* An Ethernet frame without its check sequence: header only, up to 1500 bytes of payload and a VLAN tag. */
#define NET_FRAME_MIN 14
#define NET_FRAME_MAX 1518
#define NET_MAC_SIZE 6

struct net_port;

struct net_port_ops {
	/*
	 * The device sends a frame, NET_FRAME_MIN to NET_FRAME_MAX bytes in EL2's memory, valid during the call.
	 * Whether it arrives anywhere is the network's business. False if it was dropped.
	 */
	bool (*send)(struct net_port *port, const uint8_t *frame, uint32_t size);
};

struct net_counters {
	uint64_t tx_frames, tx_bytes;
	uint64_t tx_dropped; /* refused by the network, or not a frame */
	uint64_t rx_frames, rx_bytes;
	uint64_t rx_dropped; /* no buffer for it */
};

struct net_port {
	const struct net_port_ops *ops;
	void *network;
	uint8_t mac[NET_MAC_SIZE];
	struct net_counters counters; /* tx_* under the transmit queue's lock, rx_* under the receive queue's */
};

/*
 * Gives the device a frame of NET_FRAME_MIN to NET_FRAME_MAX bytes. False if it was dropped, because no driver uses the
 * device or there was no buffer for it. Any CPU. virtio_net.c has it.
 */
bool net_port_deliver(struct net_port *port, const uint8_t *frame, uint32_t size);

#endif
