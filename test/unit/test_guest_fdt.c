/* SPDX-License-Identifier: MIT */
/* The guest's device tree, read back. */
#include "bundle_test.h"
#include "lib/fdt.h"
#include "role/hyp/guest_fdt.h"

static _Alignas(8) uint8_t buffer[IMAGE_FDT_SIZE];
static const uint64_t seed[GUEST_FDT_SEED_WORDS] = { 0x1122334455667788, 2, 3, 4, 5 };

static const void *build(const struct image_plan *plan, const uint64_t *words)
{
	static _Alignas(8) uint8_t other[IMAGE_FDT_SIZE];
	const void *fdt = NULL;
	uint64_t size;

	memset(buffer, 0xff, sizeof(buffer));
	size = guest_fdt_build(plan, words, buffer, sizeof(buffer));
	/* What the memory held before shows nowhere. */
	memset(other, 0, sizeof(other));
	assert_int_equal(guest_fdt_build(plan, words, other, sizeof(other)), size);
	assert_memory_equal(buffer, other, size);
	assert_int_equal(size, fdt_totalsize(buffer));
	assert_int_equal(fdt_check_header(buffer), 0);
	assert_int_equal(fdt_open(span_of(buffer, size), &fdt), OK);
	return fdt;
}

static int node(const void *fdt, const char *path)
{
	int offset = fdt_path_offset(fdt, path);

	if (offset < 0) {
		fail_msg("no node %s", path);
	}
	return offset;
}

static void assert_string(const void *fdt, const char *path, const char *key, const char *value)
{
	const char *s = "";

	assert_int_equal(fdt_read_string(fdt, node(fdt, path), key, &s), OK);
	assert_string_equal(s, value);
}

static void assert_cells(const void *fdt, const char *path, const char *key, const uint32_t *want, unsigned count)
{
	uint32_t cells[16];
	unsigned got = 0;

	assert_int_equal(fdt_read_cells(fdt, node(fdt, path), key, cells, 16, &got), OK);
	assert_int_equal(got, count);
	assert_memory_equal(cells, want, count * sizeof(*want));
}

#define CELLS(fdt, path, key, ...) \
	assert_cells(fdt, path, key, (const uint32_t[]){ __VA_ARGS__ }, ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))

/* As QEMU's virt has it: one node for both banks. A VM without firmware has no flash. */
static void flash_is_in_the_tree_of_firmware(void **state unused_arg)
{
	struct vm_config c = { .name = "vm", .vcpu_count = 1, .memory_size = MIB(64), .firmware = "u-boot.bin" };
	struct image_plan plan = { .config = &c, .kind = IMAGE_FIRMWARE, .flash_size = { MIB(4), MIB(2) } };
	const void *fdt = build(&plan, NULL);

	assert_string(fdt, "/flash@0", "compatible", "cfi-flash");
	CELLS(fdt, "/flash@0", "reg", 0, 0, 0, 0x400000, 0, 0x4000000, 0, 0x200000);
	CELLS(fdt, "/flash@0", "bank-width", 4);
	c.firmware = NULL;
	plan = (struct image_plan){ .config = &c };
	fdt = build(&plan, NULL);
	assert_int_equal(fdt_path_offset(fdt, "/flash@0"), -FDT_ERR_NOTFOUND);
}

static void the_tree_says_what_the_vm_has(void **state unused_arg)
{
	struct vm_config c = {
		.name = "vm", .vcpu_count = 18, .memory_size = GIB(5), .bootargs = "quiet", .device_count = 2
	};
	struct image_plan plan = { .config = &c, .initrd = { 0x48000000, 12345 } };
	const void *fdt = build(&plan, seed);
	uint64_t value = 0;

	assert_string(fdt, "/", "compatible", "linux,dummy-virt");
	assert_string(fdt, "/", "model", "Trivet VM");
	assert_string(fdt, "/chosen", "bootargs", "quiet");
	assert_string(fdt, "/chosen", "stdout-path", "/pl011@9000000");
	assert_int_equal(fdt_read_u64(fdt, node(fdt, "/chosen"), "linux,initrd-start", &value), OK);
	assert_true(value == 0x48000000);
	assert_int_equal(fdt_read_u64(fdt, node(fdt, "/chosen"), "linux,initrd-end", &value), OK);
	assert_true(value == 0x48000000 + 12345);
	assert_int_equal(fdt_read_u64(fdt, node(fdt, "/chosen"), "kaslr-seed", &value), OK);
	assert_true(value == seed[0]);
	CELLS(fdt, "/memory@40000000", "reg", 0, 0x40000000, 1, 0x40000000);
	assert_string(fdt, "/cpus/cpu@0", "enable-method", "psci");
	CELLS(fdt, "/cpus/cpu@101", "reg", 0x101);
	assert_int_equal(fdt_path_offset(fdt, "/cpus/cpu@102"), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_path_offset(fdt, "/cpus/cpu@10"), -FDT_ERR_NOTFOUND);
	CELLS(fdt, "/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 18 * 0x20000);
	CELLS(fdt, "/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	CELLS(fdt, "/pl011@9000000", "interrupts", 0, 1, 4);
	CELLS(fdt, "/pl031@9010000", "reg", 0, 0x9010000, 0, 0x1000);
	CELLS(fdt, "/virtio_mmio@a000000", "interrupts", 0, 16, 1);
	CELLS(fdt, "/virtio_mmio@a000200", "reg", 0, 0xa000200, 0, 0x200);
	assert_int_equal(fdt_path_offset(fdt, "/virtio_mmio@a000400"), -FDT_ERR_NOTFOUND);
	assert_string(fdt, "/psci", "method", "hvc");
	assert_int_equal(fdt_node_check_compatible(fdt, node(fdt, "/psci"), "arm,psci-1.0"), 0);
	assert_int_equal(fdt_node_check_compatible(fdt, node(fdt, "/pl011@9000000"), "arm,primecell"), 0);
	/* References lead where they should. */
	CELLS(fdt, "/", "interrupt-parent", fdt_get_phandle(fdt, node(fdt, "/intc@8000000")));
	CELLS(fdt, "/pl031@9010000", "clocks", fdt_get_phandle(fdt, node(fdt, "/apb-pclk")));
}

static void shared_memories_are_described(void **state unused_arg)
{
	struct vm_config c = {
		.name = "vm",
		.vcpu_count = 1,
		.memory_size = MIB(2),
		.region_count = 2,
		.regions = { { .region = "board", .base = 0x10000000, .size = 0x1000, .read_only = true },
			     { .region = "notes", .base = 0x10200000, .size = 0x400000 } },
	};
	struct image_plan plan = { .config = &c };
	const void *fdt = build(&plan, NULL);

	assert_string(fdt, "/shared-memory@c000000", "compatible", "trivet,shared-memory");
	assert_string(fdt, "/shared-memory@c000000", "label", "board");
	CELLS(fdt, "/shared-memory@c000000", "reg", 0, 0xc000000, 0, 0x1000, 0, 0x10000000, 0, 0x1000);
	CELLS(fdt, "/shared-memory@c000000", "interrupts", 0, 48, 4);
	assert_non_null(fdt_getprop(fdt, node(fdt, "/shared-memory@c000000"), "trivet,read-only", NULL));
	assert_string(fdt, "/shared-memory@c010000", "label", "notes");
	CELLS(fdt, "/shared-memory@c010000", "reg", 0, 0xc010000, 0, 0x1000, 0, 0x10200000, 0, 0x400000);
	CELLS(fdt, "/shared-memory@c010000", "interrupts", 0, 49, 4);
	assert_null(fdt_getprop(fdt, node(fdt, "/shared-memory@c010000"), "trivet,read-only", NULL));
}

static void what_is_absent_is_left_out(void **state unused_arg)
{
	struct vm_config c = { .name = "vm", .vcpu_count = 1, .memory_size = MIB(2) };
	struct image_plan plan = { .config = &c };
	const void *fdt = build(&plan, NULL);
	static const char *const absent[] = { "bootargs", "linux,initrd-start", "linux,initrd-end", "kaslr-seed",
					      "rng-seed" };

	for (unsigned i = 0; i < ARRAY_SIZE(absent); i++) {
		assert_null(fdt_getprop(fdt, node(fdt, "/chosen"), absent[i], NULL));
	}
	assert_int_equal(fdt_path_offset(fdt, "/virtio_mmio@a000000"), -FDT_ERR_NOTFOUND);
	CELLS(fdt, "/memory@40000000", "reg", 0, 0x40000000, 0, 0x200000);
}

/* The most that a manifest can ask for fits, and a smaller buffer is never overrun. */
static void the_largest_tree_fits(void **state unused_arg)
{
	char bootargs[MANIFEST_BOOTARGS_MAX + 1];
	struct vm_config c = {
		.name = "vm",
		.vcpu_count = GUEST_CPU_MAX,
		.memory_size = GUEST_RAM_MAX,
		.bootargs = bootargs,
		.device_count = GUEST_VIRTIO_SLOTS,
		.region_count = GUEST_SHARED_SLOTS,
	};
	struct image_plan plan = { .config = &c, .initrd = { 0x48000000, 12345 } };
	const void *fdt;
	size_t needed;

	for (unsigned i = 0; i < GUEST_SHARED_SLOTS; i++) {
		c.regions[i] = (struct vm_region_config){ .region = "a-name-as-long-as-any-may-be-here",
							  .read_only = true };
	}
	memset(bootargs, 'x', sizeof(bootargs));
	bootargs[MANIFEST_BOOTARGS_MAX] = '\0';
	fdt = build(&plan, seed);
	CELLS(fdt, "/cpus/cpu@70a", "reg", 0x70a);
	needed = fdt_totalsize(fdt);
	printf("the largest tree has %zu bytes\n", needed);
	for (size_t size = 0; size < needed; size += size < 64 ? 1 : 509) {
		uint8_t *tight = malloc(size != 0 ? size : 1);

		assert_int_equal(guest_fdt_build(&plan, seed, tight, size), 0);
		free(tight);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flash_is_in_the_tree_of_firmware),
		cmocka_unit_test(the_tree_says_what_the_vm_has),
		cmocka_unit_test(shared_memories_are_described),
		cmocka_unit_test(what_is_absent_is_left_out),
		cmocka_unit_test(the_largest_tree_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
