/* SPDX-License-Identifier: MIT */
/* Any bytes as a device tree: what fdt_open passes can be walked and read all over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_property(const void *fdt, int node, const char *name, uint64_t *sum)
{
	uint32_t u32, cells[8];
	uint64_t u64;
	unsigned count;
	const char *s;
	struct span value;

	if (fdt_read_span(fdt, node, name, &value) == OK) {
		for (uint64_t i = 0; i < value.size; i++) {
			*sum += value.data[i];
		}
	}
	if (fdt_read_string(fdt, node, name, &s) == OK) {
		*sum += strlen(s);
	}
	*sum += fdt_read_u32(fdt, node, name, &u32) == OK ? u32 : 0;
	*sum += fdt_read_u64(fdt, node, name, &u64) == OK ? u64 : 0;
	*sum += fdt_read_cells(fdt, node, name, cells, 8, &count) == OK ? cells[count - 1] : 0;
}

/* A node and the names of those below it. */
static void read_node(const void *fdt, int node, uint64_t *sum)
{
	int property, child = -1;

	fdt_for_each_property_offset(property, fdt, node)
	{
		const char *name;

		if (fdt_getprop_by_offset(fdt, property, &name, NULL) == NULL || name == NULL) {
			abort();
		}
		read_property(fdt, node, name, sum);
	}
	if (strcmp(fdt_node_name(fdt, node), fdt_get_name(fdt, node, NULL)) != 0) {
		abort();
	}
	while ((child = fdt_next_child(fdt, node, child)) >= 0) {
		*sum += fdt_child(fdt, node, fdt_node_name(fdt, child)) >= 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1); /* aligned */
	const void *fdt;
	uint64_t sum = 0;
	int node = -1;

	memcpy(copy, data, size);
	if (fdt_open(span_of(copy, size), &fdt) == OK) {
		while ((node = fdt_next_node(fdt, node, NULL)) >= 0) {
			read_node(fdt, node, &sum);
		}
	}
	free(copy);
	return sum == UINT64_MAX;
}
