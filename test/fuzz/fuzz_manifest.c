/* SPDX-License-Identifier: MIT */
/* Any bytes as a manifest: what is accepted lies inside the limits, what is refused brings a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi/shared_memory.h"
#include "role/hyp/manifest.h"

#define CPUS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned messages;

static void count(struct report *report, const char *text)
{
	(void)report;
	if (strlen(text) == 0 || strlen(text) > 255) {
		abort();
	}
	messages++;
}

static const struct report_ops ops = { .error = count };

static bool config_ok(const struct vm_config *c)
{
	for (unsigned i = 0; i < c->vcpu_count; i++) {
		if (c->affinity[i] >= CPUS) {
			return false;
		}
	}
	for (unsigned i = 0; i < c->device_count; i++) {
		if (c->devices[i].name == NULL || (c->devices[i].kind == VM_DEVICE_BLK && c->devices[i].file == NULL)) {
			return false;
		}
	}
	for (unsigned i = 0; i < c->region_count; i++) {
		const struct vm_region_config *r = &c->regions[i];

		if (r->name == NULL || r->region == NULL || r->peer >= SHARED_MEMORY_PEER_MAX ||
		    !IS_ALIGNED(r->size, PAGE_SIZE) || !IS_ALIGNED(r->base, BLOCK_SIZE) ||
		    !range_in(r->base, r->size, GUEST_SHARED_BASE, GUEST_SHARED_SIZE) ||
		    (i > 0 && r->base < r[-1].base + r[-1].size)) {
			return false;
		}
	}
	return c->region_count <= GUEST_SHARED_SLOTS && c->vcpu_count != 0 && c->vcpu_count <= GUEST_CPU_MAX &&
	       c->device_count <= GUEST_VIRTIO_SLOTS && c->memory_size != 0 && IS_ALIGNED(c->memory_size, BLOCK_SIZE) &&
	       c->memory_size <= GUEST_RAM_MAX && strlen(c->name) <= MANIFEST_NAME_MAX && strlen(c->kernel) != 0 &&
	       (c->bootargs == NULL || strlen(c->bootargs) <= MANIFEST_BOOTARGS_MAX) &&
	       (!c->raw || c->load_offset < c->memory_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1); /* aligned */
	struct report report = { .ops = &ops };
	struct manifest m;

	memcpy(copy, data, size);
	messages = 0;
	if (manifest_open(&m, span_of(copy, size), CPUS, &report) != OK) {
		if (messages != 1) {
			abort();
		}
		free(copy);
		return 0;
	}
	for (int node = manifest_next_region(&m, -1); node >= 0; node = manifest_next_region(&m, node)) {
		struct region_config c;
		unsigned before = messages;

		if (manifest_read_region(&m, node, &c, &report) != OK && messages != before + 1) {
			abort();
		}
	}
	for (int node = manifest_next_vm(&m, -1); node >= 0; node = manifest_next_vm(&m, node)) {
		struct vm_config c;
		unsigned before = messages;

		if (manifest_read_vm(&m, node, &c, &report) == OK ? !config_ok(&c) : messages != before + 1) {
			abort();
		}
	}
	free(copy);
	return 0;
}
