/* SPDX-License-Identifier: MIT */
#include "role/hyp/networks.h"

#include "lib/str.h"

struct list networks = { &networks, &networks };

static void create(const struct manifest *manifest, const struct switch_config *config, struct report *report)
{
	unsigned ports = manifest_switch_ports(manifest, config->name);
	struct net_switch *sw;

	sw = net_switch_create(config->name, MAX(ports, 1u));
	if (sw == NULL) {
		report_device_error(report, NULL, config->name, NULL, "no memory for the switch");
		return;
	}
	sw->dhcp = (struct net_dhcp){ config->dhcp, config->network, config->prefix };
	if (config->dhcp && ports > net_dhcp_capacity(&sw->dhcp)) {
		report_device_error(report, NULL, config->name, "dhcp",
				    "it has %u addresses for the %u ports; those behind get none",
				    net_dhcp_capacity(&sw->dhcp), ports);
	}
	list_append(&networks, &sw->node);
}

void networks_create(const struct manifest *manifest, struct report *report)
{
	struct switch_config config;

	for (int node = manifest_next_switch(manifest, -1); node >= 0; node = manifest_next_switch(manifest, node)) {
		if (manifest_read_switch(manifest, node, &config, report) != OK) {
			continue;
		}
		if (network_find(config.name) != NULL) {
			report_device_error(report, NULL, config.name, NULL, "the name is taken by an earlier switch");
			continue;
		}
		create(manifest, &config, report);
	}
}

struct net_switch *network_find(const char *name)
{
	list_for_each (node, &networks) {
		struct net_switch *sw = list_entry(node, struct net_switch, node);

		if (strcmp(sw->name, name) == 0) {
			return sw;
		}
	}
	return NULL;
}
