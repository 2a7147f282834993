/* SPDX-License-Identifier: MIT */
/* The SPMC manifest: who we are, the CPUs, the memory of both worlds, and where the packages of the SPs are. */
#include "lib/str.h"
#include "role/spmc/manifest_reader.h"

#define ADDRESS_MAX (BIT(48) - 1)
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

bool spmc_has_memory(const struct spmc_manifest *m, enum spmc_memory kind, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < m->range_count; i++) {
		if (m->ranges[i].kind == kind && range_in(base, size, m->ranges[i].base, m->ranges[i].size)) {
			return true;
		}
	}
	return false;
}

bool spmc_has_own(const struct spmc_manifest *m, uint64_t base, uint64_t size)
{
	return range_overlaps(base, size, m->image_base, m->image_size) ||
	       range_overlaps(base, size, m->load_address, m->binary_size);
}

/* ---- attribute: what the SPMD is told, so that it must be what we are ---- */

static bool read_attribute(struct manifest_reader *r, struct spmc_manifest *m)
{
	enum { SPMC_ID, MAJ_VER, MIN_VER, EXEC_STATE, LOAD_ADDRESS, ENTRYPOINT, BINARY_SIZE };
	static const char *const keys[] = { "spmc_id",      "maj_ver",    "min_ver",    "exec_state",
					    "load_address", "entrypoint", "binary_size" };
	const uint64_t minor_max = FFA_VERSION_1_2 & 0xffff;
	uint64_t id = 0, major = 0, minor = 0, state = 0, entry = 0;
	struct manifest_node n;

	if (!reader_read(r, &n, keys) || !node_required_number(r, &n, SPMC_ID, UINT16_MAX, &id) ||
	    !node_required_number(r, &n, MAJ_VER, UINT16_MAX, &major) ||
	    !node_required_number(r, &n, MIN_VER, UINT16_MAX, &minor) ||
	    !node_number(r, &n, EXEC_STATE, UINT32_MAX, &state) ||
	    !node_number(r, &n, LOAD_ADDRESS, ADDRESS_MAX, &m->load_address) ||
	    !node_number(r, &n, ENTRYPOINT, ADDRESS_MAX, &entry) ||
	    !node_number(r, &n, BINARY_SIZE, ADDRESS_MAX, &m->binary_size)) {
		return false;
	}
	if (id != FFA_ID_SPMC) {
		return reader_refuse(r, keys[SPMC_ID], "0x%llx is not possible; it is 0x%x", (unsigned long long)id,
				     FFA_ID_SPMC);
	}
	if (major != 1 || minor > minor_max) {
		return reader_refuse(r, keys[major != 1 ? MAJ_VER : MIN_VER], "FF-A 1.0 to 1.%u is possible",
				     (unsigned)minor_max);
	}
	m->version = (uint32_t)(major << FFA_VERSION_MAJOR_SHIFT | minor);
	if (state != 0) {
		return reader_refuse(r, keys[EXEC_STATE], "must be 0, which is AArch64");
	}
	return reader_no_children(r, NULL);
}

/* ---- cpus ---- */

/* Keeps the list in ascending order, which is that of the linear ids that firmware and Linux give to CPUs. */
static bool add_cpu(const struct manifest_reader *r, struct spmc_manifest *m, uint64_t mpidr)
{
	unsigned at = m->cpu_count;

	if ((mpidr & ~MPIDR_AFFINITY) != 0) {
		return reader_refuse(r, "reg", "0x%llx is no affinity", (unsigned long long)mpidr);
	}
	if (m->cpu_count == SPMC_CPUS_MAX) {
		return reader_refuse(r, NULL, "more than %d CPUs", SPMC_CPUS_MAX);
	}
	for (; at > 0 && m->cpu_mpidr[at - 1] >= mpidr; at--) {
		if (m->cpu_mpidr[at - 1] == mpidr) {
			return reader_refuse(r, "reg", "another CPU is 0x%llx too", (unsigned long long)mpidr);
		}
		m->cpu_mpidr[at] = m->cpu_mpidr[at - 1];
	}
	m->cpu_mpidr[at] = mpidr;
	m->cpu_count++;
	return true;
}

/* The standard's properties of a CPU beside "reg" are for others. */
static bool read_cpu(struct manifest_reader *r, struct spmc_manifest *m)
{
	enum { DEVICE_TYPE, REG };
	static const char *const keys[] = { "device_type", "reg" };
	struct manifest_node n;
	uint64_t mpidr = 0;
	char type[8] = "";

	if (!reader_read_open(r, &n, keys) || !node_text(r, &n, DEVICE_TYPE, type, sizeof(type))) {
		return false;
	}
	if (strcmp(type, "cpu") != 0) {
		return reader_skip(r, "cpus");
	}
	return node_required_number(r, &n, REG, UINT64_MAX, &mpidr) && add_cpu(r, m, mpidr) && reader_skip(r, "cpus");
}

static bool read_cpus(struct manifest_reader *r, struct spmc_manifest *m)
{
	struct manifest_node n;
	static const char *const keys[] = { "#address-cells", "#size-cells" };
	bool more;

	if (!reader_read_open(r, &n, keys)) {
		return false;
	}
	for (;;) {
		if (!reader_child(r, NULL, &more)) {
			return false;
		}
		if (!more) {
			return true;
		}
		if (!read_cpu(r, m)) {
			return false;
		}
	}
}

/* ---- memory ---- */

static const char *const memory_types[] = {
	[SPMC_MEMORY_SECURE] = "memory",
	[SPMC_MEMORY_NS] = "ns-memory",
	[SPMC_DEVICE_SECURE] = "device-memory",
	[SPMC_DEVICE_NS] = "ns-device-memory",
};

static bool add_range(const struct manifest_reader *r, struct spmc_manifest *m, const struct spmc_range *range)
{
	if (!IS_ALIGNED(range->base | range->size, PAGE_SIZE) || !range_in(range->base, range->size, 0, BIT(48))) {
		return reader_refuse(r, "reg", "0x%llx with 0x%llx bytes is no range of whole pages below 2^48",
				     (unsigned long long)range->base, (unsigned long long)range->size);
	}
	for (unsigned i = 0; i < m->range_count; i++) {
		if (range_overlaps(range->base, range->size, m->ranges[i].base, m->ranges[i].size)) {
			return reader_refuse(r, "reg", "0x%llx with 0x%llx bytes overlaps %s at 0x%llx",
					     (unsigned long long)range->base, (unsigned long long)range->size,
					     memory_types[m->ranges[i].kind], (unsigned long long)m->ranges[i].base);
		}
	}
	if (m->range_count == SPMC_RANGES_MAX) {
		return reader_refuse(r, "reg", "more than %d ranges of memory in all", SPMC_RANGES_MAX);
	}
	m->ranges[m->range_count++] = *range;
	return true;
}

static unsigned memory_type(const char *type)
{
	unsigned kind = 0;

	while (kind < ARRAY_SIZE(memory_types) && strcmp(type, memory_types[kind]) != 0) {
		kind++;
	}
	return kind;
}

/*
 * Any child of the root: its device_type makes it one that describes memory, and its name. Others are the board's
 * drivers', or TF-A's. "reg" holds base and size, of two cells each: the root's #address-cells and #size-cells are
 * checked to say so.
 */
static bool read_memory(struct manifest_reader *r, struct spmc_manifest *m)
{
	enum { DEVICE_TYPE, REG };
	static const char *const keys[] = { "device_type", "reg" };
	uint32_t cells[4 * SPMC_RANGES_MAX];
	char type[24] = "";
	struct spmc_range range;
	struct manifest_node n;
	bool named = strncmp(r->node, "memory@", 7) == 0;
	unsigned count, kind;

	if (!reader_read_open(r, &n, keys) || (named && !node_require(r, &n, DEVICE_TYPE)) ||
	    !node_text(r, &n, DEVICE_TYPE, type, sizeof(type))) {
		return false;
	}
	kind = memory_type(type);
	if (!named && kind == ARRAY_SIZE(memory_types)) {
		return reader_skip(r, NULL);
	}
	if (!node_require(r, &n, REG) || !node_cells(r, &n, REG, 4, ARRAY_SIZE(cells), cells, &count)) {
		return false;
	}
	if (kind == ARRAY_SIZE(memory_types)) {
		return reader_refuse(r, keys[DEVICE_TYPE],
				     "'%s' is not known; use memory, ns-memory, device-memory "
				     "or ns-device-memory",
				     type);
	}
	range.kind = (enum spmc_memory)kind;
	for (unsigned i = 0; i < count; i += 4) {
		range.base = (uint64_t)cells[i] << 32 | cells[i + 1];
		range.size = (uint64_t)cells[i + 2] << 32 | cells[i + 3];
		if (!add_range(r, m, &range)) {
			return false;
		}
	}
	return reader_no_children(r, NULL);
}

/* ---- hypervisor: a vmN node for each SP ---- */

/* 1..SPMC_SPS_MAX of a node's name "vmN", or 0. */
static unsigned vm_number(const char *name)
{
	unsigned number = 0;

	if (name[0] != 'v' || name[1] != 'm' || name[2] == '0') {
		return 0;
	}
	for (name += 2; *name >= '0' && *name <= '9' && number <= SPMC_SPS_MAX; name++) {
		number = number * 10 + (unsigned)(*name - '0');
	}
	return *name == '\0' && number <= SPMC_SPS_MAX ? number : 0;
}

static bool read_vm(struct manifest_reader *r, uint16_t number, struct spmc_sp *sp)
{
	enum { IS_PARTITION, NAME, LOAD_ADDRESS, MEM_SIZE, VCPU_COUNT, SMC_WHITELIST, SMC_PERMISSIVE };
	static const char *const keys[] = {
		"is_ffa_partition",        "debug_name", "load_address", "mem_size", "vcpu_count", "smc_whitelist",
		"smc_whitelist_permissive"
	};
	struct manifest_node n;
	uint64_t vcpu_count = 0;
	bool partition = false;

	*sp = (struct spmc_sp){ .number = number };
	if (!reader_read(r, &n, keys) || !node_require(r, &n, NAME) ||
	    !node_text(r, &n, NAME, sp->name, sizeof(sp->name)) || !node_flag(r, &n, IS_PARTITION, &partition) ||
	    !node_required_number(r, &n, LOAD_ADDRESS, ADDRESS_MAX, &sp->load_address) ||
	    !node_required_number(r, &n, MEM_SIZE, ADDRESS_MAX, &sp->mem_size) ||
	    !node_required_number(r, &n, VCPU_COUNT, SPMC_CPUS_MAX, &vcpu_count) ||
	    !node_cells(r, &n, SMC_WHITELIST, 1, SP_SMC_ALLOWED_MAX, sp->smc_allowed, &sp->smc_allowed_count) ||
	    !node_flag(r, &n, SMC_PERMISSIVE, &sp->smc_permissive)) {
		return false;
	}
	if (!partition) {
		return reader_refuse(r, keys[IS_PARTITION], "the property is missing, and only partitions run here");
	}
	if (vcpu_count == 0) {
		return reader_refuse(r, keys[VCPU_COUNT], "must be 1 to %d", SPMC_CPUS_MAX);
	}
	sp->vcpu_count = (uint16_t)vcpu_count;
	return reader_no_children(r, "hypervisor");
}

/* A broken node costs one SP: the message names it by its node, since its name may be what is broken. */
static bool read_hypervisor(struct manifest_reader *r, struct spmc_manifest *m, uint64_t *found)
{
	static const char *const keys[] = { "compatible" };
	struct manifest_node n;
	bool more;

	if (!reader_read(r, &n, keys) || !node_compatible(r, &n, 0, "hafnium,hafnium")) {
		return false;
	}
	while (reader_child(r, NULL, &more)) {
		unsigned number = more ? vm_number(r->node) : 0;
		struct manifest_reader at = *r;

		if (!more) {
			return true;
		}
		if (number == 0) {
			(void)reader_refuse(r, NULL, "no partition's; they are vm1 to vm%d", SPMC_SPS_MAX);
		} else if ((*found & BIT(number - 1)) != 0) {
			(void)reader_refuse(r, NULL, "the node is there twice");
		} else if (read_vm(r, (uint16_t)number, &m->sps[number - 1])) {
			*found |= BIT(number - 1);
			continue;
		}
		*r = at;
		if (!reader_skip(r, "hypervisor")) {
			return false;
		}
	}
	return false;
}

/* ---- the whole ---- */

/* Its range is Secure memory that neither we nor an SP before it occupies. */
static bool check_range(const struct manifest_reader *r, const struct spmc_manifest *m, const struct spmc_sp *sp)
{
	if (!IS_ALIGNED(sp->load_address | sp->mem_size, PAGE_SIZE)) {
		return reader_refuse(r, "load_address", "load_address and mem_size must be multiples of 0x1000");
	}
	if (!spmc_has_memory(m, SPMC_MEMORY_SECURE, sp->load_address, sp->mem_size)) {
		return reader_refuse(r, "load_address", "0x%llx with 0x%llx bytes is not in Secure memory",
				     (unsigned long long)sp->load_address, (unsigned long long)sp->mem_size);
	}
	if (spmc_has_own(m, sp->load_address, sp->mem_size)) {
		return reader_refuse(r, "load_address", "0x%llx with 0x%llx bytes overlaps the SPMC",
				     (unsigned long long)sp->load_address, (unsigned long long)sp->mem_size);
	}
	for (unsigned i = 0; i < m->sp_count; i++) {
		if (range_overlaps(sp->load_address, sp->mem_size, m->sps[i].load_address, m->sps[i].mem_size)) {
			return reader_refuse(r, "load_address", "0x%llx with 0x%llx bytes overlaps SP '%s'",
					     (unsigned long long)sp->load_address, (unsigned long long)sp->mem_size,
					     m->sps[i].name);
		}
	}
	return true;
}

/*
 * We are in Secure memory: in a range of it, or where 'attribute' tells the SPMD that we are, which then no other range
 * may touch.
 */
static bool check_image(const struct manifest_reader *r, const struct spmc_manifest *m)
{
	unsigned long long base = m->image_base, size = m->image_size;
	bool in_attribute = range_in(base, size, m->load_address, m->binary_size);

	if (m->load_address != base) {
		reader_warn(r, "load_address", "the SPMC is at 0x%llx and not at 0x%llx", base,
			    (unsigned long long)m->load_address);
	} else if (m->binary_size != 0 && !in_attribute) {
		reader_warn(r, "binary_size", "0x%llx is less than the SPMC with its data, which is 0x%llx bytes",
			    (unsigned long long)m->binary_size, size);
	}
	if (spmc_has_memory(m, SPMC_MEMORY_SECURE, base, size)) {
		return true;
	}
	if (!in_attribute) {
		return reader_refuse(r, NULL,
				     "the SPMC at 0x%llx with 0x%llx bytes is neither in a 'memory' range nor in "
				     "load_address with binary_size",
				     base, size);
	}
	for (unsigned i = 0; i < m->range_count; i++) {
		const struct spmc_range *range = &m->ranges[i];

		if (range->kind != SPMC_MEMORY_SECURE && spmc_has_own(m, range->base, range->size)) {
			return reader_refuse(r, "load_address", "the %s at 0x%llx overlaps the SPMC",
					     memory_types[range->kind], (unsigned long long)range->base);
		}
	}
	return true;
}

/* The list without holes: what is left out has had its message. */
static void gather_sps(struct manifest_reader *r, struct spmc_manifest *m, uint64_t found)
{
	for (unsigned i = 0; i < SPMC_SPS_MAX; i++) {
		if ((found & BIT(i)) != 0) {
			r->sp = m->sps[i].name;
			if (check_range(r, m, &m->sps[i])) {
				m->sps[m->sp_count++] = m->sps[i];
			}
		}
	}
	r->sp = NULL;
}

static bool check_root(const struct manifest_reader *r, const struct manifest_node *n)
{
	enum { COMPATIBLE, ADDRESS_CELLS, SIZE_CELLS };
	uint64_t address_cells = 2, size_cells = 1;

	if (!node_compatible(r, n, COMPATIBLE, "arm,ffa-core-manifest-1.0") ||
	    !node_number(r, n, ADDRESS_CELLS, UINT32_MAX, &address_cells) ||
	    !node_number(r, n, SIZE_CELLS, UINT32_MAX, &size_cells)) {
		return false;
	}
	return (address_cells == 2 && size_cells == 2) ||
	       reader_refuse(r, "#address-cells", "#address-cells and #size-cells must be 2");
}

enum root_node { ATTRIBUTE, CPUS, HYPERVISOR, ROOT_NODES };
static const char *const root_nodes[] = { "attribute", "cpus", "hypervisor" };

static unsigned root_node(const char *name)
{
	unsigned node = 0;

	while (node < ROOT_NODES && strcmp(name, root_nodes[node]) != 0) {
		node++;
	}
	return node;
}

static bool read_root_child(struct manifest_reader *r, struct spmc_manifest *m, unsigned node, uint64_t *found)
{
	switch (node) {
	case ATTRIBUTE:
		return read_attribute(r, m);
	case CPUS:
		return read_cpus(r, m);
	case HYPERVISOR:
		return read_hypervisor(r, m, found);
	default:
		return read_memory(r, m);
	}
}

static bool read_root(struct manifest_reader *r, struct spmc_manifest *m, uint64_t *found)
{
	static const char *const keys[] = { "compatible", "#address-cells", "#size-cells" };
	struct manifest_node n;
	unsigned seen = 0;
	bool more = true;

	if (!reader_read_open(r, &n, keys) || !check_root(r, &n)) {
		return false;
	}
	for (;;) {
		unsigned node;

		if (!reader_child(r, NULL, &more)) {
			return false;
		}
		if (!more) {
			break;
		}
		node = root_node(r->node);
		if (node < ROOT_NODES && (seen & (1u << node)) != 0) {
			return reader_refuse(r, NULL, "the node is there twice");
		}
		if (!read_root_child(r, m, node, found)) {
			return false;
		}
		seen |= 1u << node;
	}
	for (unsigned node = 0; node < ROOT_NODES; node++) {
		if ((seen & (1u << node)) == 0) {
			return reader_refuse(r, NULL, "the node '%s' is missing", root_nodes[node]);
		}
	}
	return true;
}

enum err spmc_manifest_read(struct span blob, uint64_t image_base, uint64_t image_size, struct spmc_manifest *out,
			    const struct spmc_report *report)
{
	struct manifest_reader r = { .report = report };
	uint64_t found = 0;

	out->image_base = out->load_address = image_base;
	out->image_size = image_size;
	out->binary_size = 0;
	out->cpu_count = out->range_count = out->sp_count = 0;
	if (!reader_start(&r, blob) || !read_root(&r, out, &found)) {
		return ERR_INVALID;
	}
	if (out->cpu_count == 0 || out->range_count == 0) {
		(void)reader_refuse(&r, NULL, "there is no %s in it", out->cpu_count == 0 ? "CPU" : "memory");
		return ERR_INVALID;
	}
	if (!check_image(&r, out)) {
		return ERR_INVALID;
	}
	gather_sps(&r, out, found);
	return OK;
}
