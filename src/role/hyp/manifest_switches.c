/* SPDX-License-Identifier: MIT */
/* The switches, as the node /switches says. */
#include "lib/fdt.h"
#include "lib/str.h"
#include "role/hyp/manifest_reader.h"

/* A decimal number up to 255; moves behind it. */
static bool parse_byte(const char **text, uint32_t *out)
{
	const char *p = *text;
	uint32_t value = 0;

	for (; *p >= '0' && *p <= '9' && value <= 255; p++) {
		value = value * 10 + (uint32_t)(*p - '0');
	}
	if (p == *text || value > 255) {
		return false;
	}
	*text = p;
	*out = value;
	return true;
}

/* "a.b.c.d/n", as people write it, without bits behind the prefix. */
static bool parse_network(const char *text, uint32_t *network, uint8_t *prefix)
{
	static const char ends[5] = { '.', '.', '.', '/', '\0' };
	uint32_t parts[5];

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parse_byte(&text, &parts[i]) || *text != ends[i]) {
			return false;
		}
		text++;
	}
	*network = parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3];
	*prefix = (uint8_t)parts[4];
	return parts[4] >= 8 && parts[4] <= 29 && (*network & (~0u >> parts[4])) == 0;
}

enum err manifest_read_switch(const struct manifest *m, int node, struct switch_config *config, struct report *report)
{
	static const char *const keys[] = { "dhcp", NULL };
	struct reader r = { .fdt = m->fdt, .node = node, .report = report };
	const char *text = NULL;

	*config = (struct switch_config){ .name = fdt_node_name(m->fdt, node) };
	if (!reader_check_name(&r, config->name, "the switch")) {
		return ERR_INVALID;
	}
	r.device = config->name;
	if (!reader_check_keys(&r, keys) || !reader_check_childless(&r) ||
	    !reader_optional(&r, "dhcp", fdt_read_string(m->fdt, node, "dhcp", &text),
			     "a network, as in \"10.7.0.0/24\"")) {
		return ERR_INVALID;
	}
	config->dhcp = text != NULL;
	if (config->dhcp && !parse_network(text, &config->network, &config->prefix)) {
		complain(&r, "dhcp", "'%.31s' is no network; give one with 8 to 29 bits, as in \"10.7.0.0/24\"", text);
		return ERR_INVALID;
	}
	return OK;
}

int manifest_next_switch(const struct manifest *m, int previous)
{
	return fdt_next_child(m->fdt, m->switches, previous);
}

unsigned manifest_switch_ports(const struct manifest *m, const char *name)
{
	unsigned count = 0;

	for (int vm = manifest_next_vm(m, -1); vm >= 0; vm = manifest_next_vm(m, vm)) {
		int devices = fdt_child(m->fdt, vm, "devices");

		for (int device = fdt_next_child(m->fdt, devices, -1); device >= 0;
		     device = fdt_next_child(m->fdt, devices, device)) {
			const char *found = NULL;

			if (fdt_read_string(m->fdt, device, "switch", &found) == OK && strcmp(found, name) == 0) {
				count++;
			}
		}
	}
	return count;
}
