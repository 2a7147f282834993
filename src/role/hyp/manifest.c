/* SPDX-License-Identifier: MIT */
#include "role/hyp/manifest.h"

#include "lib/fdt.h"
#include "lib/str.h"

#define LOAD_OFFSET_ALIGN PAGE_SIZE

/* A node that is being read, and what its messages call it. */
struct reader {
	const void *fdt;
	int node;
	const char *vm;     /* NULL: the manifest as a whole */
	const char *device; /* NULL: not inside a device */
	struct report *report;
};

#define complain(r, key, ...) report_device_error((r)->report, (r)->vm, (r)->device, key, __VA_ARGS__)

static bool name_ok(const char *name)
{
	size_t length = strnlen(name, MANIFEST_NAME_MAX + 1);

	for (size_t i = 0; i < length; i++) {
		char c = name[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!word && (i == 0 || (c != '-' && c != '_' && c != '.'))) {
			return false;
		}
	}
	return length != 0 && length <= MANIFEST_NAME_MAX;
}

/* libfdt finds a name in any tree that was checked; "" stands for none so that every caller has a string. */
static const char *node_name(const void *fdt, int node)
{
	const char *name = fdt_get_name(fdt, node, NULL);

	return name != NULL ? name : "";
}

static bool check_name(const struct reader *r, const char *name, const char *what)
{
	if (!name_ok(name)) {
		report_error(r->report, r->vm, NULL,
			     "%s '%.31s' has a bad name: use 1 to %d letters, digits, '-', '_' and '.', a letter or "
			     "digit first",
			     what, name, MANIFEST_NAME_MAX);
		return false;
	}
	return true;
}

static const char *const none[] = { NULL };

/* True if every property of the node is in the list, which ends with NULL. */
static bool check_keys(const struct reader *r, const char *const known[])
{
	int property;

	fdt_for_each_property_offset(property, r->fdt, r->node)
	{
		const char *key = "";
		unsigned i = 0;

		(void)fdt_getprop_by_offset(r->fdt, property, &key, NULL);
		while (known[i] != NULL && strcmp(known[i], key) != 0) {
			i++;
		}
		if (known[i] == NULL) {
			complain(r, key, "unknown key; correct or remove it (docs/manifest.md lists the keys)");
			return false;
		}
	}
	return true;
}

/* True if every child is a node that may be there; the list ends with NULL. */
static bool check_children(const struct reader *r, const char *const known[])
{
	int child;

	fdt_for_each_subnode(child, r->fdt, r->node)
	{
		const char *name = node_name(r->fdt, child);
		unsigned i = 0;

		while (known[i] != NULL && strcmp(known[i], name) != 0) {
			i++;
		}
		if (known[i] == NULL) {
			complain(r, name, "unknown node; correct or remove it (docs/manifest.md lists the nodes)");
			return false;
		}
	}
	return true;
}

/* The two shapes in which every key is read: one that must be there, and one that may be. */
static bool required(const struct reader *r, const char *key, enum err e, const char *form)
{
	if (e == ERR_NOT_FOUND) {
		complain(r, key, "the key is missing; give %s", form);
	} else if (e != OK) {
		complain(r, key, "must be %s", form);
	}
	return e == OK;
}

static bool optional(const struct reader *r, const char *key, enum err e, const char *form)
{
	return e == ERR_NOT_FOUND || required(r, key, e, form);
}

static const char file_form[] = "the name of a file in the bundle, as in \"Image\"";

static bool read_vcpus(const struct reader *r, struct vm_config *c)
{
	uint32_t count = 0;

	if (!required(r, "vcpus", fdt_read_u32(r->fdt, r->node, "vcpus", &count), "a number of vCPUs, as in <4>")) {
		return false;
	}
	if (count == 0 || count > GUEST_CPU_MAX) {
		complain(r, "vcpus", "%u vCPUs are not possible; a VM has 1 to %u", count, GUEST_CPU_MAX);
		return false;
	}
	c->vcpu_count = count;
	return true;
}

/* One CPU for all vCPUs, or one for each. Without the key the vCPUs are dealt out in turn. */
static bool read_affinity(const struct reader *r, unsigned cpu_count, struct vm_config *c)
{
	uint32_t cells[GUEST_CPU_MAX];
	unsigned count = 0;
	enum err e = fdt_read_cells(r->fdt, r->node, "affinity", cells, GUEST_CPU_MAX, &count);

	if (e == ERR_RANGE) {
		complain(r, "affinity", "too many CPUs; give one for all, or one for each of the %u vCPUs",
			 c->vcpu_count);
		return false;
	}
	if (!optional(r, "affinity", e, "a list of physical CPUs, as in <0 1 2 3>")) {
		return false;
	}
	if (e == OK && count != 1 && count != c->vcpu_count) {
		complain(r, "affinity", "%u CPUs are given; give one for all, or one for each of the %u vCPUs", count,
			 c->vcpu_count);
		return false;
	}
	for (unsigned i = 0; i < c->vcpu_count; i++) {
		uint32_t cpu = count == 0 ? i % cpu_count : cells[count == 1 ? 0 : i];

		if (cpu >= cpu_count) {
			complain(r, "affinity", "physical CPU %u does not exist; this machine has 0 to %u", cpu,
				 cpu_count - 1);
			return false;
		}
		c->affinity[i] = (uint16_t)cpu;
	}
	return true;
}

static bool read_memory(const struct reader *r, struct vm_config *c)
{
	uint32_t mib = 0;

	if (!required(r, "memory-mib", fdt_read_u32(r->fdt, r->node, "memory-mib", &mib),
		      "a number of MiB, as in <512>")) {
		return false;
	}
	if (mib == 0 || !IS_ALIGNED(MIB(mib), BLOCK_SIZE) || MIB(mib) > GUEST_RAM_MAX) {
		complain(r, "memory-mib", "%u MiB are not possible; give an even number from 2 to %llu", mib,
			 (unsigned long long)(GUEST_RAM_MAX >> 20));
		return false;
	}
	c->memory_size = MIB(mib);
	return true;
}

static bool read_load_offset(const struct reader *r, struct vm_config *c)
{
	enum err e = fdt_read_u64(r->fdt, r->node, "load-offset", &c->load_offset);

	if (!optional(r, "load-offset", e, "a number of bytes from the start of RAM, as in <0x200000>")) {
		return false;
	}
	c->raw = e == OK;
	if (c->raw && (!IS_ALIGNED(c->load_offset, LOAD_OFFSET_ALIGN) || c->load_offset >= c->memory_size)) {
		complain(r, "load-offset", "0x%llx is not possible; give a multiple of 0x%llx inside the VM's %llu MiB",
			 (unsigned long long)c->load_offset, (unsigned long long)LOAD_OFFSET_ALIGN,
			 (unsigned long long)(c->memory_size >> 20));
		return false;
	}
	return true;
}

static bool read_bootargs(const struct reader *r, struct vm_config *c)
{
	enum err e = fdt_read_string(r->fdt, r->node, "bootargs", &c->bootargs);

	if (!optional(r, "bootargs", e, "one string of printable characters, or left out")) {
		return false;
	}
	if (c->bootargs != NULL && strlen(c->bootargs) > MANIFEST_BOOTARGS_MAX) {
		complain(r, "bootargs", "longer than %d characters; shorten it", MANIFEST_BOOTARGS_MAX);
		return false;
	}
	return true;
}

static bool read_blk(const struct reader *r, struct vm_device_config *d)
{
	static const char *const keys[] = { "compatible", "file", "read-only", NULL };
	struct span value;
	enum err e;

	if (!check_keys(r, keys) ||
	    !required(r, "file", fdt_read_string(r->fdt, r->node, "file", &d->file), file_form)) {
		return false;
	}
	e = fdt_read_span(r->fdt, r->node, "read-only", &value);
	if (e == OK && value.size != 0) {
		complain(r, "read-only", "takes no value: the key alone makes the disk read-only");
		return false;
	}
	d->read_only = e == OK;
	return true;
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

	if (!check_keys(r, keys)) {
		return false;
	}
	e = fdt_read_span(r->fdt, r->node, "mac", &value);
	if (e == OK && (value.size != sizeof(d->mac) || (value.data[0] & 1) != 0 || memcmp(value.data, zero, 6) == 0)) {
		complain(r, "mac", "must be the six bytes of a unicast address, as in [52 54 00 12 34 56]");
		return false;
	}
	memcpy(d->mac, value.data, sizeof(d->mac));
	if (!optional(r, "switch", fdt_read_string(r->fdt, r->node, "switch", &d->network),
		      "the name of a switch, as in \"lan\"")) {
		return false;
	}
	if (d->network != NULL && (m->switches < 0 || fdt_subnode_offset(r->fdt, m->switches, d->network) < 0)) {
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

	if (!required(r, "compatible", fdt_read_string(r->fdt, r->node, "compatible", &compatible),
		      "the kind of the device, as in \"virtio-blk\"")) {
		return false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(device_kinds); i++) {
		if (strcmp(device_kinds[i], compatible) == 0) {
			*kind = (enum vm_device_kind)i;
			return true;
		}
	}
	complain(r, "compatible", "'%.31s' is not known; use virtio-blk, virtio-net, virtio-console or virtio-rng",
		 compatible);
	return false;
}

static bool read_device(const struct reader *r, const struct manifest *m, unsigned vm_index, unsigned slot,
			struct vm_device_config *d)
{
	static const char *const keys[] = { "compatible", NULL };

	*d = (struct vm_device_config){ .name = r->device };
	if (!read_kind(r, &d->kind) || !check_children(r, none)) {
		return false;
	}
	switch (d->kind) {
	case VM_DEVICE_BLK:
		return read_blk(r, d);
	case VM_DEVICE_NET:
		return read_net(r, m, vm_index, slot, d);
	case VM_DEVICE_CONSOLE:
	case VM_DEVICE_RNG:
		return check_keys(r, keys);
	}
	return false;
}

static bool read_devices(const struct manifest *m, const struct reader *vm, struct vm_config *c)
{
	struct reader r = *vm;
	int devices = fdt_subnode_offset(vm->fdt, vm->node, "devices");
	int node;

	if (devices < 0) {
		return true;
	}
	r.node = devices;
	r.device = "devices";
	if (!check_keys(&r, none)) {
		return false;
	}
	fdt_for_each_subnode(node, vm->fdt, devices)
	{
		r.node = node;
		r.device = node_name(vm->fdt, node);
		if (!check_name(vm, r.device, "device")) {
			return false;
		}
		if (c->device_count == GUEST_VIRTIO_SLOTS) {
			complain(&r, NULL, "one device too many; a VM has up to %d", GUEST_VIRTIO_SLOTS);
			return false;
		}
		for (unsigned i = 0; i < c->device_count; i++) {
			if (strcmp(c->devices[i].name, r.device) == 0) {
				complain(&r, NULL, "the name is taken by another device; choose another");
				return false;
			}
		}
		if (!read_device(&r, m, c->index, c->device_count, &c->devices[c->device_count])) {
			return false;
		}
		c->device_count++;
	}
	return true;
}

/* Finds the VM's index, and whether a VM before it has its name. */
static bool read_identity(const struct manifest *m, const struct reader *r, struct vm_config *c)
{
	const char *name = node_name(m->fdt, r->node);

	if (!check_name(r, name, "the VM")) {
		return false;
	}
	for (int node = manifest_next_vm(m, -1); node >= 0 && node != r->node; node = manifest_next_vm(m, node)) {
		if (strcmp(node_name(m->fdt, node), name) == 0) {
			report_error(r->report, name, NULL, "the name is taken by an earlier VM; choose another");
			return false;
		}
		c->index++;
	}
	c->name = name;
	return true;
}

enum err manifest_read_vm(const struct manifest *m, int node, struct vm_config *config, struct report *report)
{
	static const char *const keys[] = { "vcpus",       "affinity", "memory-mib", "kernel",
					    "load-offset", "initrd",   "bootargs",   NULL };
	static const char *const nodes[] = { "devices", NULL };
	struct reader r = { .fdt = m->fdt, .node = node, .report = report };
	const void *fdt = m->fdt;

	*config = (struct vm_config){ 0 };
	if (!read_identity(m, &r, config)) {
		return ERR_INVALID;
	}
	r.vm = config->name;
	if (!check_keys(&r, keys) || !check_children(&r, nodes) || !read_vcpus(&r, config) ||
	    !read_affinity(&r, m->cpu_count, config) || !read_memory(&r, config) ||
	    !required(&r, "kernel", fdt_read_string(fdt, node, "kernel", &config->kernel), file_form) ||
	    !read_load_offset(&r, config) ||
	    !optional(&r, "initrd", fdt_read_string(fdt, node, "initrd", &config->initrd), file_form) ||
	    !read_bootargs(&r, config) || !read_devices(m, &r, config)) {
		return ERR_INVALID;
	}
	return OK;
}

/* ---- switches ---- */

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

	*config = (struct switch_config){ .name = node_name(m->fdt, node) };
	if (!check_name(&r, config->name, "the switch")) {
		return ERR_INVALID;
	}
	r.device = config->name;
	if (!check_keys(&r, keys) || !check_children(&r, none) ||
	    !optional(&r, "dhcp", fdt_read_string(m->fdt, node, "dhcp", &text), "a network, as in \"10.7.0.0/24\"")) {
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
	int node = -1;

	if (m->switches >= 0) {
		node = previous < 0 ? fdt_first_subnode(m->fdt, m->switches) : fdt_next_subnode(m->fdt, previous);
	}
	return MAX(node, -1);
}

unsigned manifest_switch_ports(const struct manifest *m, const char *name)
{
	unsigned count = 0;
	int device;

	for (int vm = manifest_next_vm(m, -1); vm >= 0; vm = manifest_next_vm(m, vm)) {
		int devices = fdt_subnode_offset(m->fdt, vm, "devices");

		fdt_for_each_subnode(device, m->fdt, devices)
		{
			const char *found = NULL;

			if (fdt_read_string(m->fdt, device, "switch", &found) == OK && strcmp(found, name) == 0) {
				count++;
			}
		}
	}
	return count;
}

/* ---- the manifest as a whole ---- */

int manifest_next_vm(const struct manifest *m, int previous)
{
	int node = previous < 0 ? fdt_first_subnode(m->fdt, m->vms) : fdt_next_subnode(m->fdt, previous);

	return MAX(node, -1);
}

enum err manifest_open(struct manifest *manifest, struct span dtb, unsigned cpu_count, struct report *report)
{
	static const char *const root_keys[] = { "compatible", NULL };
	static const char *const root_nodes[] = { "vms", "switches", NULL };
	struct manifest m = { .cpu_count = cpu_count };
	struct reader root = { .node = 0, .report = report };
	struct reader vms, switches;
	const char *compatible = "";

	if (fdt_open(dtb, &m.fdt) != OK) {
		report_error(report, NULL, "manifest", "it is not a device tree, or a damaged one; make it with dtc");
		return ERR_INVALID;
	}
	root.fdt = m.fdt;
	root.device = NULL;
	if (fdt_read_string(m.fdt, 0, "compatible", &compatible) != OK ||
	    strcmp(compatible, MANIFEST_COMPATIBLE) != 0) {
		report_error(report, NULL, "manifest", "the root's 'compatible' must be \"" MANIFEST_COMPATIBLE "\"");
		return ERR_INVALID;
	}
	m.vms = fdt_subnode_offset(m.fdt, 0, "vms");
	m.switches = fdt_subnode_offset(m.fdt, 0, "switches");
	vms = switches = root;
	vms.node = m.vms;
	switches.node = m.switches;
	if (!check_keys(&root, root_keys) || !check_children(&root, root_nodes) ||
	    (m.vms >= 0 && !check_keys(&vms, none)) || (m.switches >= 0 && !check_keys(&switches, none))) {
		return ERR_INVALID;
	}
	if (m.vms >= 0) {
		for (int node = manifest_next_vm(&m, -1); node >= 0 && m.vm_count <= MANIFEST_VM_MAX;
		     node = manifest_next_vm(&m, node)) {
			m.vm_count++;
		}
	}
	if (m.vm_count == 0 || m.vm_count > MANIFEST_VM_MAX) {
		report_error(report, NULL, "manifest", "the node /vms must hold 1 to %d VMs", MANIFEST_VM_MAX);
		return ERR_INVALID;
	}
	*manifest = m;
	return OK;
}
