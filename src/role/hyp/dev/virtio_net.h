/* SPDX-License-Identifier: MIT */
/* virtio-net (VIRTIO 1.2, 5.1): one pair of queues; checksum and TCP segmentation offload (net_offload.h). */
#ifndef ROLE_HYP_DEV_VIRTIO_NET_H
#define ROLE_HYP_DEV_VIRTIO_NET_H

#include "role/hyp/dev/net_port.h"
#include "role/hyp/dev/virtio_mmio.h"

/*
 * Makes the device, plugged into a network; see virtio_create(). ERR_NO_MEMORY, or what bus_add() says. The network
 * knows the port from the first frame sent or, if it must know earlier, by virtio_net_port().
 */
enum err virtio_net_create(struct vm *vm, ipa_t base, unsigned intid, const uint8_t mac[NET_MAC_SIZE],
			   const struct net_port_ops *ops, void *network, struct virtio_device **dev);
struct net_port *virtio_net_port(struct virtio_device *dev);

#endif
