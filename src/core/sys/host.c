/* SPDX-License-Identifier: MIT */
/*
 * One pass over the tree: the properties that matter are noted while a node's are read, and when its last one is
 * through the node is looked at. Asking libfdt for each thing by itself would walk the tree dozens of times, and boot
 * with it.
 */
#include "core/sys/host.h"

#include "arch/sysreg.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/span.h"
#include "lib/str.h"

#define FDT_SIZE_MAX MIB(2)
#define PA_END BIT(48) /* what EL2 maps; nothing beyond is of use */
#define DEPTH_MAX 8 /* deeper nodes are of no interest */
#define GIC_CELLS_MIN 3
#define GIC_CELLS_MAX 4
#define GIC_SPI_FIRST 32
#define GIC_SPI_COUNT 988
#define GIC_PPI_FIRST 16
#define GIC_PPI_COUNT 16
#define UART_MAX 4
#define TIMER_VIRT_ENTRY 2 /* arm,armv8-timer: secure, non-secure, virtual, hypervisor */
#define TIMER_HYP_ENTRY 3

struct host host;

enum prop {
	PROP_REG,
	PROP_COMPATIBLE,
	PROP_INTERRUPTS,
	PROP_STATUS,
	PROP_ADDRESS_CELLS,
	PROP_SIZE_CELLS,
	PROP_INTERRUPT_CELLS,
	PROP_DEVICE_TYPE,
	PROP_ENABLE_METHOD,
	PROP_METHOD,
	PROP_REDIST_REGIONS,
	PROP_NO_MAP,
	PROP_BOOTARGS,
	PROP_INITRD_END,
	PROP_INITRD_START,
	PROP_KASLR_SEED,
	PROP_RNG_SEED,
	PROP_STDOUT,
	PROP_COUNT,
};

static const char *const prop_names[PROP_COUNT] = {
	[PROP_REG] = "reg",
	[PROP_COMPATIBLE] = "compatible",
	[PROP_INTERRUPTS] = "interrupts",
	[PROP_STATUS] = "status",
	[PROP_ADDRESS_CELLS] = "#address-cells",
	[PROP_SIZE_CELLS] = "#size-cells",
	[PROP_INTERRUPT_CELLS] = "#interrupt-cells",
	[PROP_DEVICE_TYPE] = "device_type",
	[PROP_ENABLE_METHOD] = "enable-method",
	[PROP_METHOD] = "method",
	[PROP_REDIST_REGIONS] = "#redistributor-regions",
	[PROP_NO_MAP] = "no-map",
	[PROP_BOOTARGS] = "bootargs",
	[PROP_INITRD_END] = "linux,initrd-end",
	[PROP_INITRD_START] = "linux,initrd-start",
	[PROP_KASLR_SEED] = "kaslr-seed",
	[PROP_RNG_SEED] = "rng-seed",
	[PROP_STDOUT] = "stdout-path",
};

/* The devices that are looked for. */
enum device {
	DEVICE_GIC,
	DEVICE_PL011,
	DEVICE_PL031,
	DEVICE_PSCI_0_2,
	DEVICE_PSCI_1_0,
	DEVICE_TIMER,
	DEVICE_COUNT,
};

/* All behind the same vendor's name. */
#define VENDOR "arm,"
#define VENDOR_LENGTH (sizeof(VENDOR) - 1)
static const char *const device_names[DEVICE_COUNT] = {
	[DEVICE_GIC] = "gic-v3",        [DEVICE_PL011] = "pl011",       [DEVICE_PL031] = "pl031",
	[DEVICE_PSCI_0_2] = "psci-0.2", [DEVICE_PSCI_1_0] = "psci-1.0", [DEVICE_TIMER] = "armv8-timer",
};

/* A node while its properties go by; the parent's cells say how its "reg" reads. */
struct node {
	const char *name;
	uint32_t present; /* those of 'props' that are there, by bit */
	struct span props[PROP_COUNT];
	uint32_t address_cells, size_cells; /* for its children */
};

/* Interrupts are read when the GIC's form of them is known, and the console is chosen when /chosen is. */
struct pending_irqs {
	struct span gic, timer;
};

struct uart {
	const char *name;
	struct host_range range;
	struct span interrupts;
};

/* The same name mostly lies at one place for all of a tree, so what it is must be found out once. */
#define NAMES_MAX 256
struct known_name {
	const char *name;
	enum prop prop; /* PROP_COUNT: none of ours */
};

struct walk {
	struct node nodes[DEPTH_MAX];
	struct known_name names[NAMES_MAX];
	struct pending_irqs irqs;
	struct uart uarts[UART_MAX];
	unsigned uart_count;
	struct span stdout_path;
	uint32_t gic_cells;
	bool psci, gic;
};

/* ---- values ---- */

static bool has(const struct node *node, enum prop prop)
{
	return (node->present & 1U << prop) != 0;
}

/* Empty if it is absent. */
static struct span prop_value(const struct node *node, enum prop prop)
{
	return has(node, prop) ? node->props[prop] : (struct span){ 0 };
}

/* Cell 'index' of a property; 0 behind its end. */
static uint32_t cell(struct span value, uint64_t index)
{
	uint32_t word;

	if (value.size / 4 <= index) {
		return 0;
	}
	memcpy(&word, value.data + 4 * index, sizeof(word));
	return fdt32_to_cpu(word);
}

/* 'cells' cells from 'index' on as a number; 0 to 2 of them. */
static uint64_t number(struct span value, uint64_t index, unsigned cells)
{
	uint64_t high = cells == 2 ? cell(value, index) : 0;

	return cells == 0 ? 0 : high << 32 | cell(value, index + cells - 1);
}

/* The property is exactly that string. */
static bool is_string(struct span value, const char *text)
{
	size_t size = strlen(text) + 1;

	return value.size == size && memcmp(value.data, text, size) == 0;
}

/* Which devices "compatible", a list of strings, names: bits by enum device. */
static unsigned devices_in(struct span list)
{
	unsigned found = 0;

	if (list.size == 0 || list.data[list.size - 1] != '\0') {
		return 0;
	}
	for (uint64_t at = 0; at < list.size; at += strlen((const char *)list.data + at) + 1) {
		const char *name = (const char *)list.data + at;

		if (strncmp(name, VENDOR, VENDOR_LENGTH) != 0) {
			continue;
		}
		for (unsigned i = 0; i < DEVICE_COUNT; i++) {
			found |= strcmp(name + VENDOR_LENGTH, device_names[i]) == 0 ? 1U << i : 0;
		}
	}
	return found;
}

/* Entry 'index' of "reg"; false behind the last one, or if it wraps. */
static bool read_reg(const struct node *parent, const struct node *node, unsigned index, struct host_range *out)
{
	struct span reg = prop_value(node, PROP_REG);
	unsigned step = parent->address_cells + parent->size_cells;
	struct host_range range;

	if (parent->address_cells > 2 || parent->size_cells > 2 || step == 0 || reg.size / 4 / step <= index) {
		return false;
	}
	range.base = number(reg, (uint64_t)index * step, parent->address_cells);
	range.size = number(reg, (uint64_t)index * step + parent->address_cells, parent->size_cells);
	if (range.size > UINT64_MAX - range.base) {
		return false;
	}
	*out = range;
	return true;
}

/* Entry 'index' of "interrupts" in the GICv3's form (type, number, flags, sometimes more) as an INTID; 0: none. */
static unsigned intid(const struct walk *walk, struct span interrupts, unsigned index)
{
	uint64_t at = (uint64_t)index * walk->gic_cells;
	uint32_t type = cell(interrupts, at);
	uint32_t n = cell(interrupts, at + 1);

	if (walk->gic_cells < GIC_CELLS_MIN || walk->gic_cells > GIC_CELLS_MAX ||
	    interrupts.size / 4 < at + GIC_CELLS_MIN) {
		return 0;
	}
	if (type == 0) {
		return n < GIC_SPI_COUNT ? GIC_SPI_FIRST + n : 0;
	}
	return type == 1 && n < GIC_PPI_COUNT ? GIC_PPI_FIRST + n : 0;
}

static bool enabled(const struct node *node)
{
	return !has(node, PROP_STATUS) || is_string(prop_value(node, PROP_STATUS), "okay") ||
	       is_string(prop_value(node, PROP_STATUS), "ok");
}

/* What of the range lies where EL2 could map it. */
static struct host_range reachable(uint64_t base, uint64_t size)
{
	return (struct host_range){ base, base < PA_END ? MIN(size, PA_END - base) : 0 };
}

/* ---- nodes ---- */

static void add_ram(const struct node *parent, const struct node *node)
{
	struct host_range range;

	for (unsigned i = 0; read_reg(parent, node, i, &range); i++) {
		range = reachable(range.base, range.size);
		if (range.size == 0) {
			continue;
		}
		if (host.ram_count == HOST_RAM_MAX) {
			log_warn("device tree: more than %u memory ranges; the rest is not used", HOST_RAM_MAX);
			return;
		}
		host.ram[host.ram_count++] = range;
	}
}

/* 'ranges' is host.reserved or host.no_map. */
static void add_reserved(struct host_range *ranges, unsigned *count, uint64_t base, uint64_t size)
{
	struct host_range range = reachable(base, size);

	if (range.size == 0) {
		return;
	}
	if (*count == HOST_RESERVED_MAX) {
		struct host_range *last = &ranges[HOST_RESERVED_MAX - 1];

		/* To use memory that is somebody else's is worse than to run with less. */
		*last = reachable(MIN(base, last->base), UINT64_MAX);
		log_warn("device tree: more than %u reserved ranges; RAM from 0x%llx is given up", HOST_RESERVED_MAX,
			 (unsigned long long)last->base);
		return;
	}
	ranges[(*count)++] = range;
}

static bool is_known_cpu(uint64_t mpidr)
{
	for (unsigned i = 0; i < host.cpu_count; i++) {
		if (host.cpu_mpidr[i] == mpidr) {
			return true;
		}
	}
	return false;
}

static void add_cpu(const struct node *parent, const struct node *node)
{
	struct host_range reg;

	if (!read_reg(parent, node, 0, &reg) || is_known_cpu(reg.base & MPIDR_AFFINITY)) {
		return;
	}
	if (!is_string(prop_value(node, PROP_ENABLE_METHOD), "psci")) {
		log_warn("device tree: CPU 0x%llx is not started by PSCI; not used", (unsigned long long)reg.base);
	} else if (host.cpu_count == CPU_MAX) {
		log_warn("device tree: more than %u CPUs; CPU 0x%llx is not used", CPU_MAX,
			 (unsigned long long)reg.base);
	} else {
		host.cpu_mpidr[host.cpu_count++] = reg.base & MPIDR_AFFINITY;
	}
}

static void add_seed(struct span seed)
{
	unsigned size = (unsigned)MIN(seed.size, (uint64_t)sizeof(host.seed));

	for (unsigned i = 0; i < size; i++) {
		host.seed[i] ^= seed.data[i];
	}
	host.seed_size = MAX(host.seed_size, size);
}

static void read_chosen(struct walk *walk, const struct node *node)
{
	struct span start = prop_value(node, PROP_INITRD_START);
	struct span end = prop_value(node, PROP_INITRD_END);
	uint64_t from = number(start, 0, (unsigned)MIN(start.size / 4, UINT64_C(2)));
	uint64_t to = number(end, 0, (unsigned)MIN(end.size / 4, UINT64_C(2)));
	struct span bootargs = prop_value(node, PROP_BOOTARGS);

	if (to > from) {
		host.initrd = (struct host_range){ from, to - from };
	}
	if (bootargs.size != 0 && bootargs.data[bootargs.size - 1] == '\0' &&
	    !str_copy(host.bootargs, (const char *)bootargs.data, sizeof(host.bootargs))) {
		log_warn("device tree: bootargs are longer than %u characters; the rest is ignored",
			 (unsigned)sizeof(host.bootargs) - 1);
	}
	walk->stdout_path = prop_value(node, PROP_STDOUT);
	add_seed(prop_value(node, PROP_RNG_SEED));
	add_seed(prop_value(node, PROP_KASLR_SEED));
}

static void add_uart(struct walk *walk, const struct node *parent, const struct node *node)
{
	struct uart *uart = &walk->uarts[walk->uart_count];

	if (walk->uart_count < UART_MAX && read_reg(parent, node, 0, &uart->range) && uart->range.size != 0) {
		uart->name = node->name;
		uart->interrupts = prop_value(node, PROP_INTERRUPTS);
		walk->uart_count++;
	}
}

/* /chosen/stdout-path ("/pl011@9000000", "/pl011@9000000:115200n8") names this child of the root. */
static bool is_stdout(const struct walk *walk, const struct uart *uart)
{
	struct span path = walk->stdout_path;
	size_t length = strlen(uart->name);

	return path.size > length + 1 && path.data[0] == '/' && memcmp(path.data + 1, uart->name, length) == 0 &&
	       (path.data[length + 1] == '\0' || path.data[length + 1] == ':');
}

static void read_gic(struct walk *walk, const struct node *parent, const struct node *node)
{
	unsigned regions = has(node, PROP_REDIST_REGIONS) ? cell(prop_value(node, PROP_REDIST_REGIONS), 0) : 1;

	walk->gic = read_reg(parent, node, 0, &host.gicd);
	walk->gic_cells = cell(prop_value(node, PROP_INTERRUPT_CELLS), 0);
	walk->irqs.gic = prop_value(node, PROP_INTERRUPTS);
	while (host.gicr_count < MIN(regions, (unsigned)HOST_GICR_MAX) &&
	       read_reg(parent, node, 1 + host.gicr_count, &host.gicr[host.gicr_count])) {
		host.gicr_count++;
	}
}

/* A node whose properties are all there; 'depth' is 0 for the root. */
static void look_at(struct walk *walk, unsigned depth)
{
	struct node *node = &walk->nodes[depth];
	const struct node *parent = &walk->nodes[depth != 0 ? depth - 1 : 0];
	struct span type = prop_value(node, PROP_DEVICE_TYPE);
	unsigned devices = devices_in(prop_value(node, PROP_COMPATIBLE));
	struct host_range range;

	node->address_cells = has(node, PROP_ADDRESS_CELLS) ? cell(prop_value(node, PROP_ADDRESS_CELLS), 0) : 2;
	node->size_cells = has(node, PROP_SIZE_CELLS) ? cell(prop_value(node, PROP_SIZE_CELLS), 0) : 1;
	if (depth == 2 && strcmp(parent->name, "reserved-memory") == 0) {
		for (unsigned i = 0; read_reg(parent, node, i, &range); i++) {
			add_reserved(host.reserved, &host.reserved_count, range.base, range.size);
			if (has(node, PROP_NO_MAP)) {
				add_reserved(host.no_map, &host.no_map_count, range.base, range.size);
			}
		}
	}
	if (!enabled(node)) {
		return;
	}
	if (depth == 1 && strcmp(node->name, "chosen") == 0) {
		read_chosen(walk, node);
	} else if (depth == 1 && is_string(type, "memory")) {
		add_ram(parent, node);
	} else if (depth == 2 && is_string(type, "cpu")) {
		add_cpu(parent, node);
	} else if ((devices & 1U << DEVICE_PL011) != 0) {
		add_uart(walk, parent, node);
	} else if ((devices & 1U << DEVICE_PL031) != 0 && host.rtc.size == 0) {
		read_reg(parent, node, 0, &host.rtc);
	} else if ((devices & 1U << DEVICE_GIC) != 0 && !walk->gic) {
		read_gic(walk, parent, node);
	} else if ((devices & 1U << DEVICE_TIMER) != 0) {
		walk->irqs.timer = prop_value(node, PROP_INTERRUPTS);
	} else if ((devices & (1U << DEVICE_PSCI_0_2 | 1U << DEVICE_PSCI_1_0)) != 0) {
		host.psci_hvc = is_string(prop_value(node, PROP_METHOD), "hvc");
		walk->psci = host.psci_hvc || is_string(prop_value(node, PROP_METHOD), "smc");
	}
}

static enum prop find_prop(const char *name)
{
	for (unsigned i = 0; i < PROP_COUNT; i++) {
		if (name[0] == prop_names[i][0] && strcmp(name, prop_names[i]) == 0) {
			return (enum prop)i;
		}
	}
	return PROP_COUNT;
}

static void note_property(struct walk *walk, struct node *node, const struct fdt_token *property)
{
	struct known_name *known = &walk->names[(uintptr_t)property->name % NAMES_MAX];

	if (known->name != property->name) {
		*known = (struct known_name){ property->name, find_prop(property->name) };
	}
	if (known->prop != PROP_COUNT) {
		node->props[known->prop] = property->value;
		node->present |= 1U << known->prop;
	}
}

/* Goes over all tags; ERR_INVALID where the structure is broken. */
static enum err walk_tree(const void *fdt, struct walk *walk)
{
	struct fdt_tokens tokens;
	struct fdt_token token;
	struct node *node = NULL; /* whose properties go by */
	int depth = -1;

	fdt_tokens_init(&tokens, fdt);
	for (;;) {
		uint32_t tag = fdt_next_token(&tokens, &token) ? token.tag : FDT_END;

		if (node != NULL && tag != FDT_PROP) {
			look_at(walk, (unsigned)depth);
			node = NULL;
		}
		switch (tag) {
		case FDT_BEGIN_NODE:
			depth++;
			if (depth < DEPTH_MAX) {
				node = &walk->nodes[depth];
				node->name = token.name;
				node->present = 0;
			}
			break;
		case FDT_PROP:
			if (node != NULL) {
				note_property(walk, node, &token);
			}
			break;
		case FDT_END_NODE:
			if (--depth < 0) {
				return OK;
			}
			break;
		default:
			return ERR_INVALID;
		}
	}
}

static bool is_ram(struct host_range range)
{
	uint64_t at = range.base;

	/* The regions are in no order, and one may go on where another ends. */
	for (unsigned n = 0; n < host.ram_count; n++) {
		for (unsigned i = 0; i < host.ram_count; i++) {
			at += at - host.ram[i].base < host.ram[i].size ? host.ram[i].size - (at - host.ram[i].base) : 0;
		}
	}
	for (unsigned i = 0; i < host.no_map_count; i++) {
		if (range_overlaps(range.base, range.size, host.no_map[i].base, host.no_map[i].size)) {
			return false;
		}
	}
	return at - range.base >= range.size;
}

/* The PL011 that stdout-path names, else the first one. */
static void choose_uart(const struct walk *walk)
{
	const struct uart *chosen = &walk->uarts[0];

	if (walk->uart_count == 0) {
		return;
	}
	for (unsigned i = 0; i < walk->uart_count; i++) {
		if (is_stdout(walk, &walk->uarts[i])) {
			chosen = &walk->uarts[i];
		}
	}
	host.uart = chosen->range;
	host.uart_intid = intid(walk, chosen->interrupts, 0);
}

enum err host_read(const void *fdt, uint64_t boot_mpidr)
{
	static struct walk walk;
	int reserved_count;
	enum err error;

	memset(&walk, 0, sizeof(walk));
	memset(&host, 0, sizeof(host));
	host.cpu_mpidr[0] = boot_mpidr;
	host.cpu_count = 1;
	if (!fdt_header_ok(fdt, FDT_SIZE_MAX)) {
		return ERR_INVALID;
	}
	reserved_count = fdt_num_mem_rsv(fdt);
	error = walk_tree(fdt, &walk);
	choose_uart(&walk); /* for the message about a broken tree, too */
	if (error != OK || reserved_count < 0) {
		return ERR_INVALID;
	}
	for (int i = 0; i < reserved_count; i++) {
		uint64_t base;
		uint64_t size;

		if (fdt_get_mem_rsv(fdt, i, &base, &size) == 0) {
			add_reserved(host.reserved, &host.reserved_count, base, size);
		}
	}
	if (host.initrd.size != 0 && !is_ram(host.initrd)) {
		log_error("device tree: the initrd at 0x%llx, %llu bytes, is not in RAM; it is not used",
			  (unsigned long long)host.initrd.base, (unsigned long long)host.initrd.size);
		host.initrd = (struct host_range){ 0 };
	}
	host.maintenance_intid = intid(&walk, walk.irqs.gic, 0);
	host.virt_timer_intid = intid(&walk, walk.irqs.timer, TIMER_VIRT_ENTRY);
	host.hyp_timer_intid = intid(&walk, walk.irqs.timer, TIMER_HYP_ENTRY);
	host.has_psci = walk.psci;
	host.has_gic = walk.gic;
	return OK;
}

enum err host_check(void)
{
	const char *missing = NULL;

	if (host.ram_count == 0) {
		missing = "memory (device_type \"memory\")";
	} else if (!host.has_psci) {
		missing = "PSCI 0.2 or later (compatible \"arm,psci-1.0\" with a method)";
	} else if (host.psci_hvc) {
		missing = "PSCI by SMC: it says HVC, but EL2 is ours and the firmware is out of reach";
	} else if (!host.has_gic) {
		missing = "a GICv3 (QEMU: -machine virt,gic-version=3)";
	} else if (host.gicr_count == 0 || host.maintenance_intid == 0) {
		missing = "redistributors and the maintenance interrupt in the GICv3's node";
	} else if (host.virt_timer_intid == 0 || host.hyp_timer_intid == 0) {
		missing = "arm,armv8-timer with the virtual and the hypervisor interrupt";
	} else if (read_cntfrq_el0() == 0) {
		missing = "a counter frequency: the firmware left CNTFRQ_EL0 at 0";
	}
	if (missing != NULL) {
		log_error("device tree: the machine lacks %s", missing);
		return ERR_UNSUPPORTED;
	}
	return OK;
}
