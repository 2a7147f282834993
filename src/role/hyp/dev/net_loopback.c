/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/net_loopback.h"

const struct net_port_ops net_loopback = { .send = net_port_deliver };
