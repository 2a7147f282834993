/* SPDX-License-Identifier: MIT */
/* The network of a VM that has no other: what it sends comes back to it. */
#ifndef ROLE_HYP_DEV_NET_LOOPBACK_H
#define ROLE_HYP_DEV_NET_LOOPBACK_H

#include "role/hyp/dev/net_port.h"

extern const struct net_port_ops net_loopback;

#endif
