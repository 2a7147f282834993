/* SPDX-License-Identifier: MIT */
#include "role/hyp/manifest.h"

#include "lib/fdt.h"
#include "lib/str.h"
#include "role/hyp/manifest_reader.h"

#define LOAD_OFFSET_ALIGN PAGE_SIZE
#define VARIABLES_MIB_USUAL 2u /* the least too: a block of stage 2 */

static bool read_vcpus(const struct reader *r, struct vm_config *c)
{
	uint32_t count = 0;

	if (!reader_required(r, "vcpus", fdt_read_u32(r->fdt, r->node, "vcpus", &count),
			     "a number of vCPUs, as in <4>")) {
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
	if (!reader_optional(r, "affinity", e, "a list of physical CPUs, as in <0 1 2 3>")) {
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

	if (!reader_required(r, "memory-mib", fdt_read_u32(r->fdt, r->node, "memory-mib", &mib),
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

	if (!reader_optional(r, "load-offset", e, "a number of bytes from the start of RAM, as in <0x200000>")) {
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

/*
 * Firmware in flash, where the VM starts; it finds its operating system itself. The second bank is there as on QEMU's
 * virt, because firmware reads it unasked.
 */
static bool read_firmware(const struct reader *r, struct vm_config *c)
{
	static const char *const others[] = { "kernel", "load-offset", "initrd" };
	uint16_t mib = VARIABLES_MIB_USUAL;
	struct span unused;

	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		if (fdt_read_span(r->fdt, r->node, others[i], &unused) == OK) {
			complain(r, others[i],
				 "not beside 'firmware', which finds its system itself; give one of the two");
			return false;
		}
	}
	if (!reader_flag(r, "firmware-read-only", &c->firmware_read_only) ||
	    !reader_number(r, "variables-mib", VARIABLES_MIB_USUAL, GUEST_FLASH_WINDOW >> 20, &mib)) {
		return false;
	}
	if ((mib & (mib - 1)) != 0) {
		complain(r, "variables-mib", "%u is not possible; give a power of two from %u to %u", mib,
			 VARIABLES_MIB_USUAL, GUEST_FLASH_WINDOW >> 20);
		return false;
	}
	c->variables_size = MIB(mib);
	return true;
}

/* A kernel that is loaded to RAM. */
static bool read_kernel(const struct reader *r, struct vm_config *c)
{
	static const char *const others[] = { "firmware-read-only", "variables-mib" };
	struct span unused;

	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		if (fdt_read_span(r->fdt, r->node, others[i], &unused) == OK) {
			complain(r, others[i], "only beside 'firmware'; remove it");
			return false;
		}
	}
	return reader_required(r, "kernel", fdt_read_string(r->fdt, r->node, "kernel", &c->kernel), reader_file_form) &&
	       read_load_offset(r, c) &&
	       reader_optional(r, "initrd", fdt_read_string(r->fdt, r->node, "initrd", &c->initrd), reader_file_form);
}

/* What the VM starts with. */
static bool read_software(const struct reader *r, struct vm_config *c)
{
	enum err e = fdt_read_string(r->fdt, r->node, "firmware", &c->firmware);

	return reader_optional(r, "firmware", e, reader_file_form) &&
	       (e == OK ? read_firmware(r, c) : read_kernel(r, c));
}

static bool read_bootargs(const struct reader *r, struct vm_config *c)
{
	enum err e = fdt_read_string(r->fdt, r->node, "bootargs", &c->bootargs);

	if (!reader_optional(r, "bootargs", e, "one string of printable characters, or left out")) {
		return false;
	}
	if (c->bootargs != NULL && strlen(c->bootargs) > MANIFEST_BOOTARGS_MAX) {
		complain(r, "bootargs", "longer than %d characters; shorten it", MANIFEST_BOOTARGS_MAX);
		return false;
	}
	return true;
}

static bool read_policy(const struct reader *r, const char *key, enum vm_policy *policy)
{
	static const char *const names[] = {
		[VM_POLICY_STOP] = "stop",
		[VM_POLICY_RESTART] = "restart",
		[VM_POLICY_DESTROY] = "destroy",
	};
	const char *name = names[VM_POLICY_STOP];

	if (!reader_optional(r, key, fdt_read_string(r->fdt, r->node, key, &name),
			     "\"stop\", \"restart\" or \"destroy\"")) {
		return false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*policy = (enum vm_policy)i;
			return true;
		}
	}
	complain(r, key, "'%.31s' is not known; use stop, restart or destroy", name);
	return false;
}

/* How it shares CPUs, and its life. */
static bool read_conduct(const struct reader *r, struct vm_config *c)
{
	bool no_autostart;

	c->weight = 100;
	if (!reader_number(r, "weight", 10, 1000, &c->weight) || !reader_number(r, "cap", 1, 99, &c->cap) ||
	    !reader_flag(r, "no-autostart", &no_autostart) || !read_policy(r, "on-power-off", &c->on_power_off) ||
	    !read_policy(r, "on-crash", &c->on_crash)) {
		return false;
	}
	c->autostart = !no_autostart;
	return true;
}

/* Finds the VM's index, and whether a VM before it has its name. */
static bool read_identity(const struct manifest *m, const struct reader *r, struct vm_config *c)
{
	const char *name = fdt_node_name(m->fdt, r->node);

	if (!reader_check_name(r, name, "the VM")) {
		return false;
	}
	for (unsigned i = 0; i < m->vm_count && m->vm_nodes[i] != r->node; i++) {
		if (strcmp(fdt_node_name(m->fdt, m->vm_nodes[i]), name) == 0) {
			report_error(r->report, name, NULL, "the name is taken by an earlier VM; choose another");
			return false;
		}
		c->index++;
	}
	c->name = name;
	return true;
}

/* Nodes of a VM. */
enum { DEVICES, FFA, NODES };

enum err manifest_read_vm(const struct manifest *m, int node, struct vm_config *config, struct report *report)
{
	static const char *const keys[] = { "vcpus",
					    "affinity",
					    "memory-mib",
					    "kernel",
					    "load-offset",
					    "initrd",
					    "bootargs",
					    "weight",
					    "cap",
					    "no-autostart",
					    "on-power-off",
					    "on-crash",
					    "firmware",
					    "firmware-read-only",
					    "variables-mib",
					    "smc-allow",
					    NULL };
	static const char *const names[] = { [DEVICES] = "devices", [FFA] = "ffa", [NODES] = NULL };
	struct reader r = { .fdt = m->fdt, .node = node, .report = report };
	int nodes[NODES];

	*config = (struct vm_config){ 0 };
	if (!read_identity(m, &r, config)) {
		return ERR_INVALID;
	}
	r.vm = config->name;
	if (!reader_check_keys(&r, keys) || !reader_find_children(&r, names, nodes) || !read_vcpus(&r, config) ||
	    !read_affinity(&r, m->cpu_count, config) || !read_memory(&r, config) || !read_software(&r, config) ||
	    !read_bootargs(&r, config) || !read_conduct(&r, config) ||
	    !manifest_read_devices(m, &r, nodes[DEVICES], config) || !manifest_read_ffa(&r, nodes[FFA], config) ||
	    !manifest_read_smcs(&r, config)) {
		return ERR_INVALID;
	}
	return OK;
}

/* ---- the manifest as a whole ---- */

int manifest_next_vm(const struct manifest *m, int previous)
{
	return fdt_next_child(m->fdt, m->vms, previous);
}

enum err manifest_open(struct manifest *manifest, struct span dtb, unsigned cpu_count, struct report *report)
{
	static const char *const root_keys[] = { "compatible", "console-prefix", NULL };
	enum { VMS, SWITCHES, REGIONS, ROOT_NODES };
	static const char *const root_names[] = {
		[VMS] = "vms", [SWITCHES] = "switches", [REGIONS] = "shared-memory", [ROOT_NODES] = NULL
	};
	struct manifest m = { .cpu_count = cpu_count };
	struct reader root = { .node = 0, .report = report };
	const char *compatible = "";
	int nodes[ROOT_NODES];

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
	if (!reader_check_keys(&root, root_keys) || !reader_find_children(&root, root_names, nodes) ||
	    !reader_flag(&root, "console-prefix", &m.console_prefix)) {
		return ERR_INVALID;
	}
	for (unsigned i = 0; i < ROOT_NODES; i++) {
		struct reader r = { .fdt = m.fdt, .node = nodes[i], .report = report };

		if (!reader_check_keys(&r, reader_none)) {
			return ERR_INVALID;
		}
	}
	m.vms = nodes[VMS];
	m.switches = nodes[SWITCHES];
	m.regions = nodes[REGIONS];
	for (int node = manifest_next_vm(&m, -1); node >= 0 && m.vm_count <= MANIFEST_VM_MAX;
	     node = manifest_next_vm(&m, node)) {
		if (m.vm_count < MANIFEST_VM_MAX) {
			m.vm_nodes[m.vm_count] = node;
		}
		m.vm_count++;
	}
	if (m.vm_count == 0 || m.vm_count > MANIFEST_VM_MAX) {
		report_error(report, NULL, "manifest", "the node /vms must hold 1 to %d VMs", MANIFEST_VM_MAX);
		return ERR_INVALID;
	}
	*manifest = m;
	return OK;
}
