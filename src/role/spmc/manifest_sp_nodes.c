/* SPDX-License-Identifier: MIT */
/* An SP's manifest: its memory and device regions, buffers and boot information. */
#include "ffa/mailbox.h"
#include "lib/checked.h"
#include "lib/str.h"
#include "role/spmc/manifest_sp.h"

/* "attributes" of a region */
enum { ATTR_READ = 1, ATTR_WRITE = 2, ATTR_EXECUTE = 4, ATTR_NS = 8, ATTR_ALL = 15 };

/* "interrupts": a word of attributes behind each id */
#define INTERRUPT_PRIORITY_SHIFT 0
#define INTERRUPT_PRIORITY_WIDTH 8
#define INTERRUPT_SECURE BIT(8)
#define INTERRUPT_LEVEL BIT(9)
#define INTERRUPT_TYPE_SHIFT 10
#define INTERRUPT_TYPE_WIDTH 2
#define INTERRUPT_ALL GENMASK(11, 0)
enum { INTERRUPT_PPI = 1, INTERRUPT_SPI = 2 };

#define PPI_FIRST 16u
#define SPI_FIRST 32u
#define SPI_LAST 1019u
/* PPIs of the timers that EL2 and the normal world run by (Arm BSA, 3.8): no partition's, nor ours to take away. */
#define PPIS_TAKEN (BIT(19) | BIT(20) | BIT(26) | BIT(27) | BIT(28) | BIT(30))

#define PAGES_MAX (BIT(48) >> PAGE_SHIFT)

/* What memory and device regions have in common. */
struct region {
	char name[SP_NAME_MAX];
	uint64_t base, pages;
	uint64_t attributes;
};

/* A name for messages to come: the description, else the node's name. */
static bool read_region_name(const struct sp_reader *s, const struct manifest_node *n, unsigned description, char *name)
{
	(void)str_copy(name, s->r.node, SP_NAME_MAX);
	return node_text(&s->r, n, description, name, SP_NAME_MAX);
}

static bool refuse_dma(const struct sp_reader *s, const struct manifest_node *n, unsigned key)
{
	return !node_has(n, key) || reader_refuse(&s->r, n->keys[key], NO_DMA);
}

static bool check_attributes(const struct sp_reader *s, uint64_t attributes)
{
	if ((attributes & ATTR_READ) == 0) {
		return reader_refuse(&s->r, "attributes", "bit 0 (read) is missing");
	}
	if ((attributes & ATTR_EXECUTE) != 0 && (attributes & (ATTR_WRITE | ATTR_NS)) != 0) {
		return reader_refuse(&s->r, "attributes", "memory to execute cannot be %s",
				     (attributes & ATTR_WRITE) != 0 ? "written too" : "Non-secure");
	}
	return true;
}

/* The range is possible, of its kind in the SPMC manifest, not ours, and no other region of this SP. */
static bool check_range(const struct sp_reader *s, const struct region *region, enum spmc_memory kind)
{
	const struct sp_manifest *m = s->out;
	unsigned long long base = region->base, size = region->pages << PAGE_SHIFT;

	if (!IS_ALIGNED(base, PAGE_SIZE)) {
		return reader_refuse(&s->r, NULL, "0x%llx is not the start of a page", base);
	}
	if (!spmc_has_memory(s->spmc, kind, base, size)) {
		return reader_refuse(&s->r, NULL,
				     "0x%llx with 0x%llx bytes is not in a range of that kind in the SPMC "
				     "manifest",
				     base, size);
	}
	if (spmc_has_own(s->spmc, base, size)) {
		return reader_refuse(&s->r, NULL, "0x%llx with 0x%llx bytes overlaps the SPMC", base, size);
	}
	for (unsigned i = 0; i < m->memory_count; i++) {
		if (range_overlaps(base, size, m->memory[i].base, m->memory[i].pages << PAGE_SHIFT)) {
			return reader_refuse(&s->r, NULL, "overlaps the memory region '%s'", m->memory[i].name);
		}
	}
	for (unsigned i = 0; i < m->device_count; i++) {
		if (range_overlaps(base, size, m->devices[i].base, m->devices[i].pages << PAGE_SHIFT)) {
			return reader_refuse(&s->r, NULL, "overlaps the device region '%s'", m->devices[i].name);
		}
	}
	return true;
}

/* ---- memory-regions ---- */

enum {
	MEM_DESCRIPTION,
	MEM_BASE_ADDRESS,
	MEM_RELATIVE_OFFSET,
	MEM_PAGES_COUNT,
	MEM_ATTRIBUTES,
	MEM_SMMU_ID,
	MEM_STREAM_IDS,
	MEM_STREAM_PERMISSIONS,
	MEM_PHANDLE,
};

static const char *const memory_keys[] = {
	[MEM_DESCRIPTION] = "description",
	[MEM_BASE_ADDRESS] = "base-address",
	[MEM_RELATIVE_OFFSET] = "load-address-relative-offset",
	[MEM_PAGES_COUNT] = "pages-count",
	[MEM_ATTRIBUTES] = "attributes",
	[MEM_SMMU_ID] = "smmu-id",
	[MEM_STREAM_IDS] = "stream-ids",
	[MEM_STREAM_PERMISSIONS] = "stream-ids-access-permissions",
	[MEM_PHANDLE] = "phandle",
};

static bool read_memory_base(const struct sp_reader *s, const struct manifest_node *n, uint64_t *base)
{
	uint64_t offset = 0;

	if (node_has(n, MEM_BASE_ADDRESS) == node_has(n, MEM_RELATIVE_OFFSET)) {
		return reader_refuse(&s->r, memory_keys[MEM_BASE_ADDRESS],
				     "give either base-address or load-address-relative-offset");
	}
	if (!node_number(&s->r, n, MEM_BASE_ADDRESS, UINT64_MAX, base) ||
	    !node_number(&s->r, n, MEM_RELATIVE_OFFSET, UINT64_MAX, &offset)) {
		return false;
	}
	return node_has(n, MEM_BASE_ADDRESS) || add_u64(s->sp->load_address, offset, base) ||
	       reader_refuse(&s->r, memory_keys[MEM_RELATIVE_OFFSET], "0x%llx leads beyond all addresses",
			     (unsigned long long)offset);
}

/* Memory of the package may be a region, which then has other permissions than the rest of it. */
static bool place_memory(struct sp_reader *s, struct sp_memory_region *m)
{
	uint64_t size = m->pages << PAGE_SHIFT;

	m->in_package = range_in(m->base, size, s->sp->load_address, s->sp->mem_size);
	return m->in_package || !range_overlaps(m->base, size, s->sp->load_address, s->sp->mem_size) ||
	       reader_refuse(&s->r, NULL, "lies half in the package's memory, half outside");
}

static const struct sp_memory_region *region_by_phandle(const struct sp_manifest *m, uint32_t phandle)
{
	for (unsigned i = 0; i < m->memory_count; i++) {
		if (phandle != 0 && m->memory[i].phandle == phandle) {
			return &m->memory[i];
		}
	}
	return NULL;
}

static bool read_memory_region(struct sp_reader *s)
{
	struct sp_manifest *out = s->out;
	struct sp_memory_region *m = &out->memory[out->memory_count];
	struct region region = { 0 };
	struct manifest_node n;
	uint64_t phandle = 0;

	if (out->memory_count == SP_REGIONS_MAX) {
		return reader_refuse(&s->r, NULL, "more than %d memory regions", SP_REGIONS_MAX);
	}
	if (!reader_read_told(&s->r, &n, memory_keys) || !read_region_name(s, &n, MEM_DESCRIPTION, region.name) ||
	    !read_memory_base(s, &n, &region.base) ||
	    !node_required_number(&s->r, &n, MEM_PAGES_COUNT, PAGES_MAX, &region.pages) ||
	    !node_required_number(&s->r, &n, MEM_ATTRIBUTES, ATTR_ALL, &region.attributes) ||
	    !node_number(&s->r, &n, MEM_PHANDLE, UINT32_MAX, &phandle) || !refuse_dma(s, &n, MEM_SMMU_ID) ||
	    !refuse_dma(s, &n, MEM_STREAM_IDS) || !refuse_dma(s, &n, MEM_STREAM_PERMISSIONS) ||
	    !check_attributes(s, region.attributes) ||
	    !check_range(s, &region, (region.attributes & ATTR_NS) != 0 ? SPMC_MEMORY_NS : SPMC_MEMORY_SECURE)) {
		return false;
	}
	if (region_by_phandle(out, (uint32_t)phandle) != NULL) {
		return reader_refuse(&s->r, memory_keys[MEM_PHANDLE], "another region has it too");
	}
	*m = (struct sp_memory_region){
		.base = region.base,
		.pages = region.pages,
		.read = true,
		.write = (region.attributes & ATTR_WRITE) != 0,
		.execute = (region.attributes & ATTR_EXECUTE) != 0,
		.ns = (region.attributes & ATTR_NS) != 0,
		.phandle = (uint32_t)phandle,
	};
	memcpy(m->name, region.name, sizeof(m->name));
	out->memory_count++;
	return place_memory(s, m) && reader_skip_children(&s->r, "memory-regions");
}

/* ---- device-regions ---- */

enum {
	DEV_DESCRIPTION,
	DEV_BASE_ADDRESS,
	DEV_PAGES_COUNT,
	DEV_ATTRIBUTES,
	DEV_SMMU_ID,
	DEV_STREAM_IDS,
	DEV_INTERRUPTS,
	DEV_INTERRUPTS_TARGET,
	DEV_EXCLUSIVE_ACCESS,
	DEV_PHANDLE,
};

static const char *const device_keys[] = {
	[DEV_DESCRIPTION] = "description",
	[DEV_BASE_ADDRESS] = "base-address",
	[DEV_PAGES_COUNT] = "pages-count",
	[DEV_ATTRIBUTES] = "attributes",
	[DEV_SMMU_ID] = "smmu-id",
	[DEV_STREAM_IDS] = "stream-ids",
	[DEV_INTERRUPTS] = "interrupts",
	[DEV_INTERRUPTS_TARGET] = "interrupts-target",
	[DEV_EXCLUSIVE_ACCESS] = "exclusive-access",
	[DEV_PHANDLE] = "phandle",
};

/* 'id' is a device's, it is of the type that 'attributes' says, and none of this SP's others. */
static bool check_interrupt(const struct sp_reader *s, uint32_t id, uint32_t attributes)
{
	const char *key = device_keys[DEV_INTERRUPTS];
	unsigned type = (unsigned)FIELD_GET(INTERRUPT_TYPE, attributes);

	if ((attributes & ~INTERRUPT_ALL) != 0) {
		return reader_refuse(&s->r, key, "0x%x of interrupt %u has bits above 11", attributes, id);
	}
	if (id < PPI_FIRST || id > SPI_LAST || type != (id < SPI_FIRST ? INTERRUPT_PPI : INTERRUPT_SPI)) {
		return reader_refuse(&s->r, key,
				     "%u is no interrupt of a device of that type: a PPI is 16 to 31, an SPI 32 to %u",
				     id, SPI_LAST);
	}
	if (id < SPI_FIRST && (PPIS_TAKEN & BIT(id)) != 0) {
		return reader_refuse(&s->r, key, "%u is a timer's that the SPMC or the normal world uses", id);
	}
	if (id < SPI_FIRST && (attributes & INTERRUPT_LEVEL) != 0 && s->out->vcpu_count == 1 &&
	    s->spmc->cpu_count > 1) {
		return reader_refuse(&s->r, key,
				     "%u is a level of one CPU, and the SP moves between several; give it an "
				     "execution-ctx-count of %u, or an edge",
				     id, s->spmc->cpu_count);
	}
	for (unsigned i = 0; i < s->out->interrupt_count; i++) {
		if (s->out->interrupts[i].intid == id) {
			return reader_refuse(&s->r, key, "interrupt %u is there twice", id);
		}
	}
	return s->out->interrupt_count < SP_INTERRUPTS_MAX ||
	       reader_refuse(&s->r, key, "more than %d interrupts", SP_INTERRUPTS_MAX);
}

static bool read_interrupts(struct sp_reader *s, const struct manifest_node *n)
{
	uint32_t cells[2 * SP_INTERRUPTS_MAX];
	unsigned count;

	if (!node_cells(&s->r, n, DEV_INTERRUPTS, 2, ARRAY_SIZE(cells), cells, &count)) {
		return false;
	}
	for (unsigned i = 0; i < count; i += 2) {
		if (!check_interrupt(s, cells[i], cells[i + 1])) {
			return false;
		}
		s->out->interrupts[s->out->interrupt_count++] = (struct sp_interrupt){
			.intid = cells[i],
			.priority = (uint8_t)FIELD_GET(INTERRUPT_PRIORITY, cells[i + 1]),
			.secure = (cells[i + 1] & INTERRUPT_SECURE) != 0,
			.level = (cells[i + 1] & INTERRUPT_LEVEL) != 0,
		};
	}
	return true;
}

static bool is_cpu(const struct spmc_manifest *m, uint64_t mpidr)
{
	for (unsigned i = 0; i < m->cpu_count; i++) {
		if (m->cpu_mpidr[i] == mpidr) {
			return true;
		}
	}
	return false;
}

/* Triples of an SPI among those from 'first' on, which are this device's, and a CPU. */
static bool read_targets(struct sp_reader *s, const struct manifest_node *n, unsigned first)
{
	const char *key = device_keys[DEV_INTERRUPTS_TARGET];
	uint32_t cells[3 * SP_INTERRUPTS_MAX];
	unsigned count;

	if (!node_cells(&s->r, n, DEV_INTERRUPTS_TARGET, 3, ARRAY_SIZE(cells), cells, &count)) {
		return false;
	}
	for (unsigned i = 0; i < count; i += 3) {
		uint64_t mpidr = (uint64_t)cells[i + 1] << 32 | cells[i + 2];
		unsigned at = first;

		while (at < s->out->interrupt_count && s->out->interrupts[at].intid != cells[i]) {
			at++;
		}
		if (at == s->out->interrupt_count || cells[i] < SPI_FIRST || s->out->interrupts[at].has_target) {
			return reader_refuse(&s->r, key, "%u is no SPI in 'interrupts', or is there twice", cells[i]);
		}
		if (!is_cpu(s->spmc, mpidr)) {
			return reader_refuse(&s->r, key, "there is no CPU 0x%llx", (unsigned long long)mpidr);
		}
		s->out->interrupts[at].has_target = true;
		s->out->interrupts[at].target_mpidr = mpidr;
	}
	return true;
}

static bool read_device_region(struct sp_reader *s)
{
	struct sp_manifest *out = s->out;
	struct sp_device_region *d = &out->devices[out->device_count];
	unsigned first_interrupt = out->interrupt_count;
	struct region region = { 0 };
	struct manifest_node n;

	if (out->device_count == SP_REGIONS_MAX) {
		return reader_refuse(&s->r, NULL, "more than %d device regions", SP_REGIONS_MAX);
	}
	if (!reader_read_told(&s->r, &n, device_keys) || !read_region_name(s, &n, DEV_DESCRIPTION, region.name) ||
	    !node_required_number(&s->r, &n, DEV_BASE_ADDRESS, UINT64_MAX, &region.base) ||
	    !node_required_number(&s->r, &n, DEV_PAGES_COUNT, PAGES_MAX, &region.pages) ||
	    !node_required_number(&s->r, &n, DEV_ATTRIBUTES, ATTR_ALL, &region.attributes) ||
	    !refuse_dma(s, &n, DEV_SMMU_ID) || !refuse_dma(s, &n, DEV_STREAM_IDS) ||
	    !check_attributes(s, region.attributes)) {
		return false;
	}
	if ((region.attributes & ATTR_EXECUTE) != 0) {
		return reader_refuse(&s->r, device_keys[DEV_ATTRIBUTES], "nothing is executed from a device");
	}
	if (!check_range(s, &region, (region.attributes & ATTR_NS) != 0 ? SPMC_DEVICE_NS : SPMC_DEVICE_SECURE) ||
	    !read_interrupts(s, &n) || !read_targets(s, &n, first_interrupt)) {
		return false;
	}
	*d = (struct sp_device_region){
		.base = region.base,
		.pages = region.pages,
		.read = true,
		.write = (region.attributes & ATTR_WRITE) != 0,
		.ns = (region.attributes & ATTR_NS) != 0,
	};
	memcpy(d->name, region.name, sizeof(d->name));
	out->device_count++;
	return node_flag(&s->r, &n, DEV_EXCLUSIVE_ACCESS, &d->exclusive) &&
	       reader_skip_children(&s->r, "device-regions");
}

/* ---- the nodes ---- */

static bool read_regions(struct sp_reader *s, const char *name, const char *compatible,
			 bool (*read_region)(struct sp_reader *s))
{
	static const char *const keys[] = { "compatible", "#address-cells", "#size-cells" };
	struct manifest_node n;
	bool more;

	if (!reader_read_told(&s->r, &n, keys) || !node_compatible(&s->r, &n, 0, compatible)) {
		return false;
	}
	for (;;) {
		if (!reader_child(&s->r, NULL, &more)) {
			return false;
		}
		if (!more) {
			return true;
		}
		if (!read_region(s)) {
			return false;
		}
		s->r.node = name;
	}
}

static bool read_rxtx(struct sp_reader *s)
{
	static const char *const keys[] = { "compatible", "rx-buffer", "tx-buffer" };
	struct manifest_node n;
	uint64_t rx = 0, tx = 0;

	if (!reader_read_told(&s->r, &n, keys) || !node_compatible(&s->r, &n, 0, "arm,ffa-manifest-rx_tx-buffer") ||
	    !node_required_number(&s->r, &n, 1, UINT32_MAX, &rx) ||
	    !node_required_number(&s->r, &n, 2, UINT32_MAX, &tx)) {
		return false;
	}
	s->out->has_rxtx = true;
	s->rx_phandle = (uint32_t)rx;
	s->tx_phandle = (uint32_t)tx;
	return reader_skip_children(&s->r, NULL);
}

static bool read_boot_info(struct sp_reader *s)
{
	static const char *const keys[] = { "compatible", "ffa_manifest", "hob_list" };
	struct manifest_node n;

	if (!reader_read_told(&s->r, &n, keys) || !node_compatible(&s->r, &n, 0, "arm,ffa-manifest-boot-info") ||
	    !node_flag(&s->r, &n, 1, &s->out->boot_info_fdt)) {
		return false;
	}
	if (node_has(&n, 2)) {
		return reader_refuse(&s->r, keys[2], "a package has no place for a HOB list");
	}
	s->has_boot_info = true;
	return reader_skip_children(&s->r, NULL);
}

bool sp_read_node(struct sp_reader *s)
{
	if (strcmp(s->r.node, "memory-regions") == 0) {
		return read_regions(s, s->r.node, "arm,ffa-manifest-memory-regions", read_memory_region);
	}
	if (strcmp(s->r.node, "device-regions") == 0) {
		return read_regions(s, s->r.node, "arm,ffa-manifest-device-regions", read_device_region);
	}
	if (strcmp(s->r.node, "rx_tx-info") == 0) {
		return read_rxtx(s);
	}
	if (strcmp(s->r.node, "boot-info") == 0) {
		return read_boot_info(s);
	}
	if (strcmp(s->r.node, "services") == 0) {
		return reader_refuse(&s->r, NULL,
				     "is of arm,ffa-manifest-1.1; here the partition has its UUIDs itself");
	}
	if (strcmp(s->r.node, "rx-tx-buffer") == 0) {
		return reader_refuse(&s->r, NULL, "its name must be rx_tx-info");
	}
	return reader_skip_told(&s->r, NULL);
}

bool sp_resolve_rxtx(struct sp_reader *s)
{
	const struct sp_memory_region *rx = region_by_phandle(s->out, s->rx_phandle);
	const struct sp_memory_region *tx = region_by_phandle(s->out, s->tx_phandle);

	if (!s->out->has_rxtx) {
		return true;
	}
	s->r.node = "rx_tx-info";
	if (rx == NULL || tx == NULL || rx == tx) {
		return reader_refuse(&s->r, NULL, "rx-buffer and tx-buffer must be two memory regions");
	}
	if (rx->ns || tx->ns || !tx->write || rx->execute) {
		return reader_refuse(&s->r, NULL, "the buffers must be Secure data, and tx-buffer one to write");
	}
	if (rx->pages != tx->pages || rx->pages > FFA_RXTX_PAGES_MAX) {
		return reader_refuse(&s->r, NULL, "the buffers must have the same size, 1 to %d pages",
				     FFA_RXTX_PAGES_MAX);
	}
	s->out->rx_base = rx->base;
	s->out->tx_base = tx->base;
	s->out->rxtx_size = rx->pages << PAGE_SHIFT;
	return true;
}
