/* SPDX-License-Identifier: MIT */
/* The machine's device tree: what QEMU's virt says, what other firmware may say, and what nobody should. */
#include "bundle_test.h"

#include "arch/host/host.h"
#include "core/sys/host.h"

#define BOOT_MPIDR 0x100

/* What a test changes of a machine like QEMU's virt. */
struct machine {
	unsigned cpus;
	unsigned gic_cells;
	unsigned cells; /* #address-cells and #size-cells of the root */
	const char *method;
	bool chosen_last;
	const char *stdout_path;
	uint64_t initrd, initrd_end;
	unsigned memory_nodes, reserved_nodes, no_map_nodes;
	uint64_t memory_base, memory_size;
	unsigned irq_type, irq_number; /* of the first UART */
	const char *without; /* a node that is missing */
};

static const struct machine virt = {
	.cpus = 4,
	.gic_cells = 3,
	.cells = 2,
	.method = "smc",
	.stdout_path = "/pl011@9000000",
	.memory_nodes = 1,
	.memory_base = 0x40000000,
	.memory_size = GIB(1),
	.irq_number = 1,
};

static _Alignas(8) uint8_t tree[65536];
static unsigned errors, warnings;

static void count_lines(enum log_level level, const char *text)
{
	(void)text;
	errors += level == LOG_ERROR;
	warnings += level == LOG_WARN;
}

static void ok(int result)
{
	assert_int_equal(result, 0);
}

static void put_cells(const char *name, const uint32_t *cells, unsigned count)
{
	uint32_t big[64];

	assert_true(count <= ARRAY_SIZE(big));
	for (unsigned i = 0; i < count; i++) {
		big[i] = cpu_to_fdt32(cells[i]);
	}
	ok(fdt_property(tree, name, big, (int)(count * 4)));
}

/* "reg" or the like, of numbers of 'cells' cells each. */
static void put_numbers(const char *name, unsigned cells, const uint64_t *numbers, unsigned count)
{
	uint32_t out[64];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (cells == 2) {
			out[n++] = (uint32_t)(numbers[i] >> 32);
		}
		out[n++] = (uint32_t)numbers[i];
	}
	put_cells(name, out, n);
}

static void put_reg(const struct machine *m, uint64_t base, uint64_t size)
{
	put_numbers("reg", m->cells, (uint64_t[]){ base, size }, 2);
}

static void put_interrupts(const struct machine *m, const uint32_t (*irqs)[2], unsigned count)
{
	uint32_t cells[64] = { 0 };

	for (unsigned i = 0; i < count; i++) {
		cells[i * m->gic_cells] = irqs[i][0];
		cells[i * m->gic_cells + 1] = irqs[i][1];
		cells[i * m->gic_cells + 2] = 4;
	}
	put_cells("interrupts", cells, count * m->gic_cells);
}

static bool begin(const struct machine *m, const char *name)
{
	if (m->without != NULL && strncmp(m->without, name, strlen(m->without)) == 0) {
		return false;
	}
	ok(fdt_begin_node(tree, name));
	return true;
}

static void end(void)
{
	ok(fdt_end_node(tree));
}

static void build_chosen(const struct machine *m)
{
	static const uint8_t seed[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	if (!begin(m, "chosen")) {
		return;
	}
	ok(fdt_property_string(tree, "stdout-path", m->stdout_path));
	ok(fdt_property_string(tree, "bootargs", "quiet"));
	ok(fdt_property(tree, "rng-seed", seed, sizeof(seed)));
	ok(fdt_property(tree, "kaslr-seed", seed, 4));
	put_numbers("linux,initrd-start", m->cells, &m->initrd, 1);
	put_numbers("linux,initrd-end", m->cells, &m->initrd_end, 1);
	end();
}

static void build_cpus(const struct machine *m)
{
	char name[32];

	ok(fdt_begin_node(tree, "cpus"));
	ok(fdt_property_u32(tree, "#address-cells", 1));
	ok(fdt_property_u32(tree, "#size-cells", 0));
	for (uint32_t i = 0; i < m->cpus; i++) {
		snprintf(name, sizeof(name), "cpu@%x", i);
		ok(fdt_begin_node(tree, name));
		ok(fdt_property_string(tree, "device_type", "cpu"));
		ok(fdt_property_string(tree, "enable-method", "psci"));
		put_cells("reg", (uint32_t[]){ (i / 4) << 8 | i % 4 | (i == 0 ? BOOT_MPIDR : 0) }, 1);
		end();
	}
	end();
}

static void build_memory(const struct machine *m)
{
	char name[32];

	for (unsigned i = 0; i < m->memory_nodes; i++) {
		snprintf(name, sizeof(name), "memory@%x", i);
		ok(fdt_begin_node(tree, name));
		ok(fdt_property_string(tree, "device_type", "memory"));
		put_reg(m, m->memory_base + i * m->memory_size, m->memory_size);
		end();
	}
	ok(fdt_begin_node(tree, "reserved-memory"));
	ok(fdt_property_u32(tree, "#address-cells", m->cells));
	ok(fdt_property_u32(tree, "#size-cells", m->cells));
	ok(fdt_property(tree, "ranges", "", 0));
	for (unsigned i = 0; i < m->reserved_nodes; i++) {
		snprintf(name, sizeof(name), "r@%x", i);
		ok(fdt_begin_node(tree, name));
		put_reg(m, m->memory_base + MIB(2) * (m->reserved_nodes - i), KIB(64));
		if (i < m->no_map_nodes) {
			ok(fdt_property(tree, "no-map", "", 0));
		}
		end();
	}
	end();
}

static void build_devices(const struct machine *m)
{
	const uint64_t gic[] = { 0x8000000, 0x10000, 0x80a0000, 0xf60000 };

	if (begin(m, "psci")) {
		ok(fdt_property(tree, "compatible", "arm,psci-1.0\0arm,psci-0.2", 26));
		ok(fdt_property_string(tree, "method", m->method));
		end();
	}
	if (begin(m, "intc@8000000")) {
		ok(fdt_property_string(tree, "compatible", "arm,gic-v3"));
		ok(fdt_property_u32(tree, "#interrupt-cells", m->gic_cells));
		put_numbers("reg", m->cells, gic, 4);
		put_interrupts(m, (const uint32_t[][2]){ { 1, 9 } }, 1);
		end();
	}
	if (begin(m, "timer")) {
		ok(fdt_property(tree, "compatible", "arm,armv8-timer\0arm,armv7-timer", 32));
		put_interrupts(m, (const uint32_t[][2]){ { 1, 13 }, { 1, 14 }, { 1, 11 }, { 1, 10 } }, 4);
		end();
	}
	if (begin(m, "pl031@9010000")) {
		ok(fdt_property(tree, "compatible", "arm,pl031\0arm,primecell", 24));
		put_reg(m, 0x9010000, 0x1000);
		end();
	}
	for (uint64_t i = 0; i < 2; i++) {
		if (begin(m, i == 0 ? "pl011@9000000" : "pl011@9040000")) {
			ok(fdt_property(tree, "compatible", "arm,pl011\0arm,primecell", 24));
			put_reg(m, 0x9000000 + i * 0x40000, 0x1000);
			put_interrupts(m, (const uint32_t[][2]){ { m->irq_type, m->irq_number + (uint32_t)i } }, 1);
			end();
		}
	}
}

static void build(const struct machine *m)
{
	ok(fdt_create(tree, sizeof(tree)));
	ok(fdt_add_reservemap_entry(tree, m->memory_base, 0x1000));
	ok(fdt_finish_reservemap(tree));
	ok(fdt_begin_node(tree, ""));
	ok(fdt_property_u32(tree, "#address-cells", m->cells));
	ok(fdt_property_u32(tree, "#size-cells", m->cells));
	if (!m->chosen_last) {
		build_chosen(m);
	}
	build_memory(m);
	build_cpus(m);
	build_devices(m);
	if (m->chosen_last) {
		build_chosen(m);
	}
	end();
	ok(fdt_finish(tree));
}

static void read_ok(const struct machine *m)
{
	build(m);
	assert_int_equal(host_read(tree, BOOT_MPIDR), OK);
}

static int setup(void **state)
{
	(void)state;
	host_log_hook = count_lines;
	errors = warnings = 0;
	write_cntfrq_el0(62500000);
	return 0;
}

static void expect_range(struct host_range range, uint64_t base, uint64_t size)
{
	assert_int_equal(range.base, base);
	assert_int_equal(range.size, size);
}

static void expect_virt(void)
{
	assert_int_equal(host.ram_count, 1);
	expect_range(host.ram[0], 0x40000000, GIB(1));
	assert_int_equal(host.reserved_count, 1);
	expect_range(host.reserved[0], 0x40000000, 0x1000);
	assert_int_equal(host.cpu_count, 4);
	assert_int_equal(host.cpu_mpidr[0], BOOT_MPIDR);
	assert_int_equal(host.cpu_mpidr[3], 3);
	expect_range(host.gicd, 0x8000000, 0x10000);
	assert_int_equal(host.gicr_count, 1);
	expect_range(host.gicr[0], 0x80a0000, 0xf60000);
	assert_int_equal(host.maintenance_intid, 25);
	assert_int_equal(host.virt_timer_intid, 27);
	assert_int_equal(host.hyp_timer_intid, 26);
	expect_range(host.uart, 0x9000000, 0x1000);
	assert_int_equal(host.uart_intid, 33);
	expect_range(host.rtc, 0x9010000, 0x1000);
	assert_string_equal(host.bootargs, "quiet");
	assert_int_equal(host.seed_size, 8);
	assert_int_equal(host.seed[0], 1 ^ 1);
	assert_int_equal(host.seed[7], 8);
	assert_int_equal(host_check(), OK);
	assert_int_equal(errors + warnings, 0);
}

static void virt_is_read(void **state)
{
	struct machine m = virt;

	(void)state;
	read_ok(&m);
	expect_virt();
	m.cells = 1;
	read_ok(&m);
	expect_virt();
	m.gic_cells = 4;
	read_ok(&m);
	expect_virt();
	m.chosen_last = true;
	read_ok(&m);
	expect_virt();
}

static void stdout_names_the_console(void **state)
{
	struct machine m = virt;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		m.chosen_last = i % 2 != 0;
		m.stdout_path = i < 2 ? "/pl011@9040000" : "/pl011@9040000:115200n8";
		read_ok(&m);
		expect_range(host.uart, 0x9040000, 0x1000);
		assert_int_equal(host.uart_intid, 34);
	}
	m.stdout_path = "/pl011@90400001";
	read_ok(&m);
	expect_range(host.uart, 0x9000000, 0x1000);
	m.stdout_path = "";
	read_ok(&m);
	expect_range(host.uart, 0x9000000, 0x1000);
}

static void a_machine_that_lacks_something_is_refused(void **state)
{
	static const char *const needed[] = { "psci", "intc", "timer" };
	static const char *const optional[] = { "pl011", "pl031", "chosen" };
	struct machine m = virt;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(needed); i++) {
		m.without = needed[i];
		read_ok(&m);
		errors = 0;
		assert_int_equal(host_check(), ERR_UNSUPPORTED);
		assert_int_equal(errors, 1);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(optional); i++) {
		m.without = optional[i];
		read_ok(&m);
		assert_int_equal(host_check(), OK);
	}
	m.without = NULL;
	m.method = "hvc";
	read_ok(&m);
	assert_int_equal(host_check(), ERR_UNSUPPORTED);
	m.method = "carrier pigeon";
	read_ok(&m);
	assert_int_equal(host_check(), ERR_UNSUPPORTED);
	m.method = "smc";
	m.memory_nodes = 0;
	read_ok(&m);
	assert_int_equal(host_check(), ERR_UNSUPPORTED);
	m.memory_nodes = 1;
	m.gic_cells = 2;
	read_ok(&m);
	assert_int_equal(host_check(), ERR_UNSUPPORTED);
	m.gic_cells = 3;
	read_ok(&m);
	assert_int_equal(host_check(), OK);
	write_cntfrq_el0(0);
	assert_int_equal(host_check(), ERR_UNSUPPORTED);
}

static void interrupts_of_other_kinds_are_none(void **state)
{
	static const struct {
		unsigned type, number, intid;
	} cases[] = {
		{ 0, 0, 32 }, { 0, 987, 1019 }, { 0, 988, 0 },        { 0, UINT32_MAX - 1, 0 },
		{ 1, 0, 16 }, { 1, 15, 31 },    { 1, 16, 0 },         { 2, 5, 0 },
		{ 3, 5, 0 },  { 4, 1, 0 },      { UINT32_MAX, 1, 0 },
	};
	struct machine m = virt;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		m.irq_type = cases[i].type;
		m.irq_number = cases[i].number;
		read_ok(&m);
		assert_int_equal(host.uart_intid, cases[i].intid);
	}
}

static void too_many_of_everything(void **state)
{
	struct machine m = virt;

	(void)state;
	m.cpus = CPU_MAX + 6;
	m.memory_nodes = HOST_RAM_MAX + 3;
	m.memory_size = MIB(256);
	m.reserved_nodes = HOST_RESERVED_MAX + 9;
	m.no_map_nodes = 5;
	read_ok(&m);
	assert_int_equal(host.cpu_count, CPU_MAX);
	assert_int_equal(host.ram_count, HOST_RAM_MAX);
	assert_int_equal(host.reserved_count, HOST_RESERVED_MAX);
	assert_int_equal(host.no_map_count, 5);
	/* What did not fit is covered by the last range, which goes to the end of what EL2 maps. */
	expect_range(host.reserved[HOST_RESERVED_MAX - 1], m.memory_base, BIT(48) - m.memory_base);
	assert_int_equal(host_check(), OK);
	assert_true(warnings != 0);
}

static void no_map_is_told_from_reserved(void **state)
{
	struct machine m = virt;

	(void)state;
	m.reserved_nodes = 3;
	m.no_map_nodes = 1;
	read_ok(&m);
	assert_int_equal(host.reserved_count, 4);
	assert_int_equal(host.no_map_count, 1);
	expect_range(host.no_map[0], m.memory_base + MIB(6), KIB(64));
}

static void ranges_that_wrap_or_are_out_of_reach(void **state)
{
	struct machine m = virt;

	(void)state;
	m.memory_base = UINT64_MAX - MIB(1);
	m.memory_size = MIB(2);
	read_ok(&m);
	assert_int_equal(host.ram_count, 0);
	m.memory_base = BIT(48);
	read_ok(&m);
	assert_int_equal(host.ram_count, 0);
	assert_int_equal(host.reserved_count, 0);
	m.memory_base = BIT(48) - MIB(1);
	read_ok(&m);
	expect_range(host.ram[0], BIT(48) - MIB(1), MIB(1));
	m.memory_base = 0;
	m.memory_size = 0;
	read_ok(&m);
	assert_int_equal(host.ram_count, 0);
}

static void the_initrd_is_in_ram(void **state)
{
	struct machine m = virt;

	(void)state;
	m.initrd = 0x48000000;
	m.initrd_end = 0x48001234;
	for (m.cells = 1; m.cells <= 2; m.cells++) {
		read_ok(&m);
		expect_range(host.initrd, 0x48000000, 0x1234);
	}
	m.cells = 2;
	/* Over the border of two regions, the higher one first. */
	m.memory_nodes = 3;
	m.memory_size = MIB(16);
	m.initrd = 0x40fff000;
	m.initrd_end = 0x42001000;
	read_ok(&m);
	expect_range(host.initrd, 0x40fff000, 0x1002000);
	assert_int_equal(errors, 0);
	m.initrd_end = 0x43000001;
	read_ok(&m);
	assert_int_equal(host.initrd.size, 0);
	assert_int_equal(errors, 1);
	m.initrd = 0x3ffff000;
	m.initrd_end = 0x40001000;
	read_ok(&m);
	assert_int_equal(host.initrd.size, 0);
	m.initrd = UINT64_MAX - 5;
	m.initrd_end = UINT64_MAX;
	read_ok(&m);
	assert_int_equal(host.initrd.size, 0);
	m.initrd = 0x40200000;
	m.initrd_end = 0x40100000;
	read_ok(&m);
	assert_int_equal(host.initrd.size, 0);
	/* EL2 must not read what it must not map. */
	m.reserved_nodes = m.no_map_nodes = 1;
	m.initrd = 0x40100000;
	m.initrd_end = 0x40200001;
	read_ok(&m);
	assert_int_equal(host.initrd.size, 0);
}

static void set(const char *path, const char *key, const void *value, size_t size)
{
	static uint8_t wider[sizeof(tree)];

	ok(fdt_open_into(tree, wider, sizeof(wider)));
	ok(fdt_setprop(wider, fdt_path_offset(wider, path), key, value, (int)size));
	ok(fdt_pack(wider));
	memcpy(tree, wider, sizeof(tree));
}

static void odd_properties(void **state)
{
	char args[400];

	(void)state;
	memset(args, 'a', sizeof(args));
	args[sizeof(args) - 1] = '\0';
	build(&virt);
	set("/chosen", "bootargs", args, sizeof(args));
	assert_int_equal(host_read(tree, BOOT_MPIDR), OK);
	assert_int_equal(strlen(host.bootargs), sizeof(host.bootargs) - 1);
	assert_int_equal(warnings, 1);
	set("/chosen", "bootargs", "abc", 3);
	set("/chosen", "rng-seed", args, sizeof(args));
	assert_int_equal(host_read(tree, BOOT_MPIDR), OK);
	assert_string_equal(host.bootargs, "");
	assert_int_equal(host.seed_size, sizeof(host.seed));
	/* CPUs: one that is off, one twice, one that PSCI does not start. */
	build(&virt);
	set("/cpus/cpu@1", "status", "disabled", 9);
	set("/cpus/cpu@2", "reg", "\0\0\0\3", 4);
	set("/cpus/cpu@3", "enable-method", "spin-table", 11);
	assert_int_equal(host_read(tree, BOOT_MPIDR), OK);
	assert_int_equal(host.cpu_count, 2);
	assert_int_equal(host.cpu_mpidr[1], 3);
	/* Cells that nobody can read make the nodes below unreadable, not the tree. */
	build(&virt);
	set("/", "#address-cells", "\0\0\0\3", 4);
	assert_int_equal(host_read(tree, BOOT_MPIDR), OK);
	assert_int_equal(host.ram_count, 0);
	assert_int_equal(host.uart.size, 0);
	assert_int_equal(host_check(), ERR_UNSUPPORTED);
	/* More redistributor regions than there is room for, and than "reg" has. */
	build(&virt);
	set("/intc@8000000", "#redistributor-regions", "\xff\xff\xff\xff", 4);
	assert_int_equal(host_read(tree, BOOT_MPIDR), OK);
	assert_int_equal(host.gicr_count, 1);
}

static void a_broken_tree(void **state)
{
	static const unsigned struct_offset = 8, rsvmap_offset = 16;
	uint32_t word;

	(void)state;
	build(&virt);
	tree[0] ^= 1;
	assert_int_equal(host_read(tree, BOOT_MPIDR), ERR_INVALID);
	build(&virt);
	fdt_set_totalsize(tree, MIB(2) + 1);
	assert_int_equal(host_read(tree, BOOT_MPIDR), ERR_INVALID);
	for (unsigned i = 0; i < 2; i++) {
		build(&virt);
		memcpy(&word, tree + (i == 0 ? struct_offset : rsvmap_offset), 4);
		word = cpu_to_fdt32(fdt32_to_cpu(word) + 1 + i);
		memcpy(tree + (i == 0 ? struct_offset : rsvmap_offset), &word, 4);
		assert_int_equal(host_read(tree, BOOT_MPIDR), ERR_INVALID);
	}
	/* The end of the structure is missing; the console that came before is there for the message. */
	build(&virt);
	word = cpu_to_fdt32(FDT_PROP);
	memcpy(tree + fdt_off_dt_struct(tree) + fdt_size_dt_struct(tree) - 8, &word, 4);
	assert_int_equal(host_read(tree, BOOT_MPIDR), ERR_INVALID);
	expect_range(host.uart, 0x9000000, 0x1000);
	assert_int_equal(host.cpu_mpidr[0], BOOT_MPIDR);
}

/* Whatever is read, nothing is more than there is room for, wraps, or lies out of reach. */
static void damaged_trees(void **state)
{
	struct machine m = virt;

	(void)state;
	random_start("damaged trees");
	m.reserved_nodes = 4;
	m.no_map_nodes = 2;
	m.initrd = 0x48000000;
	m.initrd_end = 0x48100000;
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t *copy;

		build(&m);
		random_damage(tree, fdt_totalsize(tree));
		if (fdt_totalsize(tree) > sizeof(tree)) {
			continue; /* boot.c has mapped as much as the header says */
		}
		copy = exact_copy(tree, MAX(fdt_totalsize(tree), 40u));
		if (host_read(copy, BOOT_MPIDR) == OK) {
			host_check();
		}
		assert_true(host.cpu_count >= 1 && host.cpu_count <= CPU_MAX);
		assert_true(host.ram_count <= HOST_RAM_MAX && host.reserved_count <= HOST_RESERVED_MAX);
		assert_true(host.gicr_count <= HOST_GICR_MAX && host.no_map_count <= HOST_RESERVED_MAX);
		for (unsigned i = 0; i < host.ram_count; i++) {
			assert_true(range_in(host.ram[i].base, host.ram[i].size, 0, BIT(48)));
		}
		for (unsigned i = 0; i < host.reserved_count; i++) {
			assert_true(range_in(host.reserved[i].base, host.reserved[i].size, 0, BIT(48)));
		}
		assert_true(host.uart_intid <= 1019);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(virt_is_read, setup),
		cmocka_unit_test_setup(stdout_names_the_console, setup),
		cmocka_unit_test_setup(a_machine_that_lacks_something_is_refused, setup),
		cmocka_unit_test_setup(interrupts_of_other_kinds_are_none, setup),
		cmocka_unit_test_setup(too_many_of_everything, setup),
		cmocka_unit_test_setup(no_map_is_told_from_reserved, setup),
		cmocka_unit_test_setup(ranges_that_wrap_or_are_out_of_reach, setup),
		cmocka_unit_test_setup(the_initrd_is_in_ram, setup),
		cmocka_unit_test_setup(odd_properties, setup),
		cmocka_unit_test_setup(a_broken_tree, setup),
		cmocka_unit_test_setup(damaged_trees, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
