/* SPDX-License-Identifier: MIT */
/*
 * A learning Ethernet switch between the network devices of VMs.
 *
 * The addresses that the manifest gives its ports are fixed: nobody else can use them as a source or draw their frames
 * to himself. Others are learned and forgotten after NET_SWITCH_AGE_S.
 *
 * A frame for one receiver that has no buffer waits in its sender's transmit queue until there is one (back-pressure),
 * and with it all that stands behind, whoever that is for. So the time is counted: a receiver may keep a sender waiting
 * for NET_SWITCH_PATIENCE_MS in all, and each frame that it takes from that sender is worth 1/NET_SWITCH_FRAMES of
 * that again. While it has none left, what finds no buffer is dropped. What goes to many never waits, nor does what
 * goes to a port without a driver.
 *
 * Locks: 'lock' guards the addresses, who waits and has waited. It is held inside a sender's transmit queue lock and
 * never while a frame is delivered. Ports stay for good, so the list of them needs none.
 */
#ifndef ROLE_HYP_DEV_NET_SWITCH_H
#define ROLE_HYP_DEV_NET_SWITCH_H

#include "arch/spinlock.h"
#include "core/vcpu/timer.h"
#include "lib/err.h"
#include "lib/list.h"
#include "role/hyp/dev/net_dhcp.h"
#include "role/hyp/dev/net_port.h"

#define NET_SWITCH_AGE_S 300
#define NET_SWITCH_PATIENCE_MS 500
#define NET_SWITCH_FRAMES 128
#define NET_SWITCH_NAME_MAX 32
#define NET_SWITCH_PORT_NAME_MAX 64

struct net_switch_port {
	char name[NET_SWITCH_PORT_NAME_MAX];
	struct net_switch *on;
	struct net_port *port;
	unsigned index;
	/* Under the switch's lock: */
	struct list waiters;    /* ports with a frame for this one, by waiting_node */
	struct list waiting_node;
	struct net_switch_port *waits_for; /* NULL: it does not wait */
	uint64_t waits_since;
	struct timer patience;  /* on the CPU where it was started last; runs out without being stopped */
	bool patience_runs;
	/* Under the transmit queue's lock, of a frame to many whose turn was too short: */
	unsigned flood_next; /* the port that it goes on with; 0: there is no such frame */
	bool flood_taken;    /* by somebody so far */
	/*
	 * Under the switch's lock: ticks that this one has waited, by the receiver's index, less what is made up for.
	 */
	uint64_t waited[];
};

struct net_address {
	uint8_t mac[NET_MAC_SIZE];
	bool fixed;
	struct net_switch_port *port; /* NULL: free */
	uint64_t seen; /* counter ticks */
};

struct net_switch_counters {
	uint64_t forwarded; /* to one port */
	uint64_t flooded; /* to all others */
	uint64_t dropped; /* reflected, spoofed, or from a group */
	uint64_t learned;
	uint64_t dhcp; /* answers given */
};

struct net_switch {
	char name[NET_SWITCH_NAME_MAX];
	struct list node;
	struct net_switch_port **ports;
	unsigned port_count, port_max;
	struct net_dhcp dhcp;
	uint64_t patience; /* ticks */
	struct spinlock lock;
	struct net_address *addresses;
	unsigned address_count; /* a power of two */
	struct net_switch_counters counters; /* atomic increments */
};

/* A switch with room for 'port_max' ports, at least one. NULL if there is no memory. */
struct net_switch *net_switch_create(const char *name, unsigned port_max);
/* Some sender has lost patience with this receiver. */
bool net_switch_is_stuck(const struct net_switch_port *to);
/*
 * Connects a device's port, which was connected to nothing that matters. Before any VM runs. ERR_EXISTS if its address
 * is another port's: *other is that one. ERR_NO_MEMORY. The device's end disconnects it.
 */
enum err net_switch_plug(struct net_switch *sw, struct net_port *port, const char *name,
			 const struct net_switch_port **other);

#endif
