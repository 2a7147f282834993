/* SPDX-License-Identifier: MIT */
/* Shared memories, as the node /shared-memory says, and the devices of VMs that name them. */
#include "abi/shared_memory.h"
#include "lib/fdt.h"
#include "lib/str.h"
#include "role/hyp/manifest_reader.h"

int manifest_next_region(const struct manifest *m, int previous)
{
	return fdt_next_child(m->fdt, m->regions, previous);
}

/* The size has been checked, or is now; false after a message. */
static bool read_size(const struct reader *r, uint64_t *size)
{
	uint32_t kib = 0;

	if (!reader_required(r, "size-kib", fdt_read_u32(r->fdt, r->node, "size-kib", &kib),
			     "a number of KiB, as in <64>")) {
		return false;
	}
	if (kib == 0 || !IS_ALIGNED(KIB(kib), PAGE_SIZE) || KIB(kib) > GUEST_SHARED_SIZE) {
		complain(r, "size-kib", "%u KiB are not possible; give a multiple of 4 up to %u", kib,
			 GUEST_SHARED_SIZE >> 10);
		return false;
	}
	*size = KIB(kib);
	return true;
}

enum err manifest_read_region(const struct manifest *m, int node, struct region_config *config, struct report *report)
{
	static const char *const keys[] = { "size-kib", NULL };
	struct reader r = { .fdt = m->fdt, .node = node, .report = report };

	*config = (struct region_config){ .name = fdt_node_name(m->fdt, node) };
	if (!reader_check_name(&r, config->name, "the shared memory")) {
		return ERR_INVALID;
	}
	r.device = config->name;
	if (!reader_check_keys(&r, keys) || !reader_check_childless(&r) || !read_size(&r, &config->size)) {
		return ERR_INVALID;
	}
	return OK;
}

/* ---- who uses one ---- */

bool manifest_is_shared_memory(const void *fdt, int device)
{
	const char *compatible = NULL;

	return fdt_read_string(fdt, device, "compatible", &compatible) == OK &&
	       strcmp(compatible, "shared-memory") == 0;
}

/* How many devices name a region before the one given; all of them if that is -1. */
static unsigned count_peers(const struct manifest *m, const char *name, int until)
{
	unsigned count = 0;

	for (int vm = manifest_next_vm(m, -1); vm >= 0; vm = manifest_next_vm(m, vm)) {
		int devices = fdt_child(m->fdt, vm, "devices");

		for (int device = fdt_next_child(m->fdt, devices, -1); device >= 0;
		     device = fdt_next_child(m->fdt, devices, device)) {
			const char *found = NULL;

			if (device == until) {
				return count;
			}
			if (manifest_is_shared_memory(m->fdt, device) &&
			    fdt_read_string(m->fdt, device, "region", &found) == OK && strcmp(found, name) == 0) {
				count++;
			}
		}
	}
	return count;
}

unsigned manifest_region_peers(const struct manifest *m, const char *name)
{
	return count_peers(m, name, -1);
}

/* Where its memory is: each region begins a block, so that both stages may use those. */
static bool place(const struct reader *r, const struct vm_config *c, struct vm_region_config *d)
{
	uint64_t base = GUEST_SHARED_BASE;

	if (c->region_count != 0) {
		const struct vm_region_config *last = &c->regions[c->region_count - 1];

		base = ALIGN_UP(last->base + last->size, BLOCK_SIZE);
	}
	if (!range_in(base, d->size, GUEST_SHARED_BASE, GUEST_SHARED_SIZE)) {
		complain(r, "region",
			 "the %llu KiB of '%s' do not fit behind the VM's other shared memories, for which there are "
			 "%u KiB in all; make them smaller",
			 (unsigned long long)d->size >> 10, d->region, GUEST_SHARED_SIZE >> 10);
		return false;
	}
	d->base = base;
	return true;
}

/* What 'region' says leads to a region, that no other device of the VM has. */
static bool find_region(const struct manifest *m, const struct reader *r, const struct vm_config *c,
			struct vm_region_config *d)
{
	struct reader region = *r;

	if (!reader_required(r, "region", fdt_read_string(r->fdt, r->node, "region", &d->region),
			     "the name of a shared memory, as in \"board\"")) {
		return false;
	}
	region.node = fdt_child(r->fdt, m->regions, d->region);
	if (region.node < 0) {
		complain(r, "region", "there is no '%.31s' in /shared-memory; add it or correct the name", d->region);
		return false;
	}
	for (unsigned i = 0; i < c->region_count; i++) {
		if (strcmp(c->regions[i].region, d->region) == 0) {
			complain(r, "region", "the device '%s' of this VM has '%.31s' already; remove one of them",
				 c->regions[i].name, d->region);
			return false;
		}
	}
	d->peer = count_peers(m, d->region, r->node);
	if (d->peer >= SHARED_MEMORY_PEER_MAX) {
		complain(r, "region", "'%.31s' is used by %d devices already, which is the most that there can be",
			 d->region, SHARED_MEMORY_PEER_MAX);
		return false;
	}
	return read_size(&region, &d->size);
}

bool manifest_read_shared_memory(const struct manifest *m, const struct reader *r, struct vm_config *c)
{
	static const char *const keys[] = { "compatible", "region", "read-only", NULL };
	struct vm_region_config *d = &c->regions[c->region_count];

	if (c->region_count == GUEST_SHARED_SLOTS) {
		complain(r, NULL, "one shared memory too many; a VM has up to %d", GUEST_SHARED_SLOTS);
		return false;
	}
	*d = (struct vm_region_config){ .name = r->device };
	if (!reader_check_keys(r, keys) || !reader_check_childless(r) || !find_region(m, r, c, d) ||
	    !reader_flag(r, "read-only", &d->read_only) || !place(r, c, d)) {
		return false;
	}
	c->region_count++;
	return true;
}
