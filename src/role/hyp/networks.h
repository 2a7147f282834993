/* SPDX-License-Identifier: MIT */
/* The switches of the manifest. */
#ifndef ROLE_HYP_NETWORKS_H
#define ROLE_HYP_NETWORKS_H

#include "role/hyp/dev/net_switch.h"
#include "role/hyp/manifest.h"

/* In the manifest's order; complete before any VM is made. */
extern struct list networks;

/* Makes all switches; what is wrong with one is said, and its VMs do not start. */
void networks_create(const struct manifest *manifest, struct report *report);
/* By name, or NULL. */
struct net_switch *network_find(const char *name);

#endif
