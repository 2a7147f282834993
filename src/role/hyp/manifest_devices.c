/* SPDX-License-Identifier: MIT */
/* The devices of a VM, as its node /devices says. */
#include "lib/fdt.h"
#include "lib/str.h"
#include "role/hyp/manifest_reader.h"

static bool read_blk(const struct reader *r, struct vm_device_config *d)
{
	static const char *const keys[] = { "compatible", "file", "read-only", NULL };

	return reader_check_keys(r, keys) &&
	       reader_required(r, "file", fdt_read_string(r->fdt, r->node, "file", &d->file), reader_file_form) &&
	       reader_flag(r, "read-only", &d->read_only);
}

/* Without the key the address is a locally administered one, the same at every boot. */
static bool read_net(const struct reader *r, const struct manifest *m, unsigned vm_index, unsigned slot,
		     struct vm_device_config *d)
{
	static const char *const keys[] = { "compatible", "mac", "switch", NULL };
	const uint8_t made[6] = { 0x52, 0x54, 0x00, 0x76, (uint8_t)vm_index, (uint8_t)slot };
	static const uint8_t zero[6];
	struct span value = span_of(made, sizeof(made));
	enum err e;

	if (!reader_check_keys(r, keys)) {
		return false;
	}
	e = fdt_read_span(r->fdt, r->node, "mac", &value);
	if (e == OK && (value.size != sizeof(d->mac) || (value.data[0] & 1) != 0 || memcmp(value.data, zero, 6) == 0)) {
		complain(r, "mac", "must be the six bytes of a unicast address, as in [52 54 00 12 34 56]");
		return false;
	}
	memcpy(d->mac, value.data, sizeof(d->mac));
	if (!reader_optional(r, "switch", fdt_read_string(r->fdt, r->node, "switch", &d->network),
			     "the name of a switch, as in \"lan\"")) {
		return false;
	}
	if (d->network != NULL && fdt_child(r->fdt, m->switches, d->network) < 0) {
		complain(r, "switch", "there is no '%.31s' in /switches; add it or correct the name", d->network);
		return false;
	}
	return true;
}

/* The value of 'compatible' is the kind of a device. */
static const char *const device_kinds[] = {
	[VM_DEVICE_BLK] = "virtio-blk",
	[VM_DEVICE_NET] = "virtio-net",
	[VM_DEVICE_CONSOLE] = "virtio-console",
	[VM_DEVICE_RNG] = "virtio-rng",
};

static bool read_kind(const struct reader *r, enum vm_device_kind *kind)
{
	const char *compatible = NULL;

	if (!reader_required(r, "compatible", fdt_read_string(r->fdt, r->node, "compatible", &compatible),
			     "the kind of the device, as in \"virtio-blk\"")) {
		return false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(device_kinds); i++) {
		if (strcmp(device_kinds[i], compatible) == 0) {
			*kind = (enum vm_device_kind)i;
			return true;
		}
	}
	complain(r, "compatible",
		 "'%.31s' is not known; use virtio-blk, virtio-net, virtio-console, virtio-rng or shared-memory",
		 compatible);
	return false;
}

static bool read_virtio(const struct reader *r, const struct manifest *m, unsigned vm_index, unsigned slot,
			struct vm_device_config *d)
{
	static const char *const keys[] = { "compatible", NULL };

	*d = (struct vm_device_config){ .name = r->device };
	if (!read_kind(r, &d->kind) || !reader_check_childless(r)) {
		return false;
	}
	switch (d->kind) {
	case VM_DEVICE_BLK:
		return read_blk(r, d);
	case VM_DEVICE_NET:
		return read_net(r, m, vm_index, slot, d);
	case VM_DEVICE_CONSOLE:
	case VM_DEVICE_RNG:
		return reader_check_keys(r, keys);
	}
	return false;
}

static bool name_taken(const struct vm_config *c, const char *name)
{
	for (unsigned i = 0; i < c->device_count; i++) {
		if (strcmp(c->devices[i].name, name) == 0) {
			return true;
		}
	}
	for (unsigned i = 0; i < c->region_count; i++) {
		if (strcmp(c->regions[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

static bool read_device(const struct reader *r, const struct manifest *m, struct vm_config *c)
{
	if (name_taken(c, r->device)) {
		complain(r, NULL, "the name is taken by another device; choose another");
		return false;
	}
	if (manifest_is_shared_memory(r->fdt, r->node)) {
		return manifest_read_shared_memory(m, r, c);
	}
	if (c->device_count == GUEST_VIRTIO_SLOTS) {
		complain(r, NULL, "one device too many; a VM has up to %d", GUEST_VIRTIO_SLOTS);
		return false;
	}
	if (!read_virtio(r, m, c->index, c->device_count, &c->devices[c->device_count])) {
		return false;
	}
	c->device_count++;
	return true;
}

bool manifest_read_devices(const struct manifest *m, const struct reader *vm, int devices, struct vm_config *c)
{
	struct reader r = *vm;

	r.node = devices;
	r.device = "devices";
	if (!reader_check_keys(&r, reader_none)) {
		return false;
	}
	for (int node = fdt_next_child(vm->fdt, devices, -1); node >= 0;
	     node = fdt_next_child(vm->fdt, devices, node)) {
		r.node = node;
		r.device = fdt_node_name(vm->fdt, node);
		if (!reader_check_name(vm, r.device, "device") || !read_device(&r, m, c)) {
			return false;
		}
	}
	return true;
}
