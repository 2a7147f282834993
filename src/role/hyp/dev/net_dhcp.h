/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a switch's VMs: a DHCP responder (RFC 2131) without leases to remember, since the port says which
 * address its VM has.
 */
#ifndef ROLE_HYP_DEV_NET_DHCP_H
#define ROLE_HYP_DEV_NET_DHCP_H

#include "lib/base.h"

#define NET_DHCP_ANSWER_SIZE 342 /* Ethernet, IP, UDP, and the 300 bytes that every BOOTP message has */
#define NET_DHCP_FIRST_HOST 2    /* what port 0 gets; 1 is the responder itself */

struct net_dhcp {
	bool enabled;
	uint32_t network; /* host order, host bits clear */
	uint8_t prefix;   /* 8..29 */
};

/* How many ports the network has addresses for. */
unsigned net_dhcp_capacity(const struct net_dhcp *dhcp);
/* True if the frame is a message of a DHCP client to any server: UDP port 67 in an unfragmented IPv4 packet. */
bool net_dhcp_is_request(const uint8_t *frame, uint32_t size);
/*
 * Writes the answer for that port, a whole frame; returns its size, or 0 if there is none to give. 'frame' is a
 * request by the function above.
 */
uint32_t net_dhcp_answer(const struct net_dhcp *dhcp, unsigned port, const uint8_t *frame, uint32_t size,
			 uint8_t answer[NET_DHCP_ANSWER_SIZE]);

#endif
