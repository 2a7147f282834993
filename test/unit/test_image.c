/* SPDX-License-Identifier: MIT */
#include "bundle_test.h"
#include "core/port/entropy.h"
#include "elf_test.h"
#include "role/hyp/image.h"

#define RAM UINT64_C(0x40000000)
#define IMAGE_MAGIC 0x644d5241u
#define HEAD_TEXT_OFFSET 8
#define HEAD_IMAGE_SIZE 16
#define HEAD_FLAGS 24
#define HEAD_MAGIC 56
#define CPIO_FILE_SIZE 54 /* offset in a header of newc */

static uint64_t entropy_next;

bool entropy_get(uint64_t *value)
{
	*value = ++entropy_next;
	return true;
}

/* A VM whose kernel and initrd are the bytes given. */
struct fixture {
	struct archive archive;
	struct bundle bundle;
	struct vm_config config;
	struct image_plan plan;
	struct messages messages;
};

static struct fixture f;

/* All of it, in slices of odd sizes. */
static enum err load(const struct image_plan *plan, const struct guest_mem *mem)
{
	struct image_loader loader = image_loader(plan, mem);
	enum err error;

	while (image_load_some(&loader, 1000, &error)) {
	}
	return error;
}

static void put(uint8_t *file, size_t at, uint64_t value, unsigned size)
{
	memcpy(file + at, &value, size);
}

static enum err plan(const void *kernel, size_t kernel_size, size_t initrd_size, uint64_t memory)
{
	static uint8_t initrd[8192];

	memset(initrd, 0x1d, sizeof(initrd));
	f.archive.size = 0;
	archive_add(&f.archive, "kernel", kernel, kernel_size);
	if (initrd_size != 0) {
		archive_add(&f.archive, "initrd", initrd, initrd_size);
	}
	archive_end(&f.archive);
	f.bundle.archive = span_of(f.archive.data, f.archive.size);
	f.config.name = "vm";
	f.config.vcpu_count = 1;
	f.config.kernel = "kernel";
	f.config.initrd = initrd_size != 0 ? "initrd" : NULL;
	f.config.memory_size = memory;
	f.messages = messages_new();
	return image_plan(&f.config, &f.bundle, &f.plan, &f.messages.report);
}

static enum err plan_raw(uint64_t offset, size_t size, size_t initrd_size, uint64_t memory)
{
	static uint8_t kernel[8192];

	memset(kernel, 0x7a, sizeof(kernel));
	f.config.raw = true;
	f.config.load_offset = offset;
	return plan(kernel, size, initrd_size, memory);
}

/* A bundle with one file, which may be large; freed by the next. */
static struct span large_archive(const char *name, const void *data, size_t size)
{
	static uint8_t *made;
	struct archive head = { .size = 0 }, end = { .size = 0 };
	size_t padded = ALIGN_UP(size, 4);
	char digits[9];

	archive_add(&head, name, NULL, 0);
	snprintf(digits, sizeof(digits), "%08zX", size);
	memcpy(head.data + CPIO_FILE_SIZE, digits, 8);
	archive_end(&end);
	free(made);
	made = calloc(1, head.size + padded + end.size);
	assert_non_null(made);
	memcpy(made, head.data, head.size);
	memcpy(made + head.size, data, size);
	memcpy(made + head.size + padded, end.data, end.size);
	return span_of(made, head.size + padded + end.size);
}

static enum err plan_firmware(const void *firmware, size_t size, uint64_t memory)
{
	f.bundle.archive = large_archive("firmware", firmware, size);
	f.config.name = "vm";
	f.config.vcpu_count = 1;
	f.config.firmware = "firmware";
	f.config.memory_size = memory;
	f.messages = messages_new();
	return image_plan(&f.config, &f.bundle, &f.plan, &f.messages.report);
}

static int setup(void **state unused_arg)
{
	memset(&f, 0, sizeof(f));
	return 0;
}

static void make_linux(uint8_t file[4096], uint64_t text_offset, uint64_t image_size)
{
	memset(file, 0xe1, 4096);
	put(file, HEAD_TEXT_OFFSET, text_offset, 8);
	put(file, HEAD_IMAGE_SIZE, image_size, 8);
	put(file, HEAD_FLAGS, 0xa, 8);
	put(file, HEAD_MAGIC, IMAGE_MAGIC, 4);
}

static struct guest_mem ram_new(uint64_t size)
{
	struct guest_mem mem = { .count = 1 };

	mem.banks[0] = (struct guest_bank){ RAM, size, malloc(size) };
	assert_non_null(mem.banks[0].host);
	memset(mem.banks[0].host, 0x55, size);
	return mem;
}

static void assert_bytes(const struct guest_mem *mem, uint64_t address, uint8_t byte, uint64_t size)
{
	const uint8_t *p = mem->banks[0].host + (address - RAM);

	for (uint64_t i = 0; i < size; i++) {
		assert_int_equal(p[i], byte);
	}
}

static void an_image_goes_above_the_device_tree(void **state unused_arg)
{
	static uint8_t file[4096];
	struct guest_mem mem = ram_new(MIB(8));

	make_linux(file, 0, 0x10000);
	assert_int_equal(plan(file, sizeof(file), 5000, MIB(8)), OK);
	assert_int_equal(f.messages.count, 0);
	assert_int_equal(f.plan.kind, IMAGE_LINUX);
	assert_true(f.plan.kernel.base == RAM + MIB(2) && f.plan.kernel.size == 0x10000);
	assert_true(f.plan.entry == RAM + MIB(2));
	assert_true(f.plan.dtb == RAM);
	assert_true(f.plan.initrd.base == RAM + MIB(8) - 8192 && f.plan.initrd.size == 5000);

	for (unsigned turn = 0; turn < 2; turn++) { /* twice: a reset loads again */
		assert_int_equal(load(&f.plan, &mem), OK);
		assert_memory_equal(mem.banks[0].host + MIB(2), file, sizeof(file));
		assert_bytes(&mem, RAM + MIB(2) + 4096, 0x55, 0x10000);
		assert_bytes(&mem, f.plan.initrd.base, 0x1d, 5000);
		assert_bytes(&mem, f.plan.initrd.base + 5000, 0x55, 8192 - 5000);
		assert_int_equal(fdt_check_header(mem.banks[0].host), 0);
		memset(mem.banks[0].host + MIB(2), 0, 64);
	}
	free(mem.banks[0].host);
}

static void text_offset_is_honoured(void **state unused_arg)
{
	static uint8_t file[4096];

	make_linux(file, 0x80000, 0x100000);
	assert_int_equal(plan(file, sizeof(file), 0, MIB(8)), OK);
	assert_true(f.plan.entry == RAM + MIB(2) + 0x80000);
	assert_int_equal(f.plan.initrd.size, 0);
	make_linux(file, 0x1234, 0); /* before 3.17: the field says nothing */
	assert_int_equal(plan(file, sizeof(file), 0, MIB(8)), OK);
	assert_true(f.plan.entry == RAM + MIB(2) + 0x80000 && f.plan.kernel.size == sizeof(file));
}

static void impossible_images_are_refused(void **state unused_arg)
{
	static uint8_t file[4096];
	static const struct {
		uint64_t text_offset, image_size, flags, memory;
		const char *message;
	} cases[] = {
		{ 0, 0x10000, 1, MIB(8), "is a big-endian Image" },
		{ MIB(8), 0x10000, 0, MIB(8), "has the text_offset 0x800000, which is no place" },
		{ UINT64_MAX, 0x10000, 0, MIB(8), "has the text_offset 0xffffffffffffffff" },
		{ 2, 0x10000, 0, MIB(8), "has the text_offset 0x2" },
		{ 0, UINT64_MAX, 0, MIB(8), "it takes 0xffffffffffffffff bytes at 0x40200000" },
		{ 0, MIB(6) + 1, 0, MIB(8), "the VM's RAM is 0x40000000 to 0x40800000; see memory-mib" },
		{ 0, 0x1000, 0, MIB(2), "it takes 0x1000 bytes at 0x40200000" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make_linux(file, cases[i].text_offset, cases[i].image_size);
		put(file, HEAD_FLAGS, cases[i].flags, 8);
		assert_int_equal(plan(file, sizeof(file), 0, cases[i].memory), ERR_INVALID);
		assert_int_equal(f.messages.count, 1);
		assert_int_equal(strncmp(f.messages.last, "VM 'vm': kernel: ", 17), 0);
		if (strstr(f.messages.last, cases[i].message) == NULL) {
			fail_msg("case %u says: %s", i, f.messages.last);
		}
	}
}

static void unknown_kernels_are_named(void **state unused_arg)
{
	assert_int_equal(plan("\x1f\x8b\x08garbage", 10, 0, MIB(8)), ERR_INVALID);
	assert_string_equal(f.messages.last, "VM 'vm': kernel: 'kernel' is neither an arm64 Image nor an ELF file; it "
					     "is packed with gzip: unpack it");
	assert_int_equal(plan("#!/bin/sh\n", 10, 0, MIB(8)), ERR_INVALID);
	assert_string_equal(f.messages.last, "VM 'vm': kernel: 'kernel' is neither an arm64 Image nor an ELF file; for "
					     "a raw binary give load-offset");
	assert_int_equal(plan("\177ELF\1", 5, 0, MIB(8)), ERR_INVALID);
	assert_non_null(strstr(f.messages.last, "VM 'vm': kernel: 'kernel' is an ELF file, but the file is shorter"));
}

static void a_fixed_elf_goes_to_its_physical_addresses(void **state unused_arg)
{
	struct guest_mem mem = ram_new(MIB(4));
	struct elf_file elf;

	elf_good(&elf, RAM + 0x300000);
	assert_int_equal(plan(elf.data, elf.size, 0, MIB(4)), OK);
	assert_int_equal(f.plan.kind, IMAGE_ELF);
	assert_true(f.plan.entry == RAM + 0x300008);
	assert_true(f.plan.kernel.base == RAM + 0x300000 && f.plan.kernel.size == 0x1040);
	assert_int_equal(load(&f.plan, &mem), OK);
	assert_bytes(&mem, RAM + 0x300000, 0xc0, 64);
	assert_bytes(&mem, RAM + 0x300040, 0x55, 0x1000 - 64);
	assert_bytes(&mem, RAM + 0x301000, 0xda, 16);
	assert_bytes(&mem, RAM + 0x301010, 0x00, 48);
	assert_bytes(&mem, RAM + 0x301040, 0x55, 64);
	free(mem.banks[0].host);

	elf_good(&elf, RAM - 0x1000);
	assert_int_equal(plan(elf.data, elf.size, 0, MIB(4)), ERR_INVALID);
	assert_string_equal(f.messages.last,
			    "VM 'vm': kernel: it takes 0x1040 bytes at 0x3ffff000, but the VM's RAM is "
			    "0x40000000 to 0x40400000; see memory-mib");
}

static void a_relocatable_elf_is_moved_as_a_whole(void **state unused_arg)
{
	struct guest_mem mem = ram_new(MIB(8));
	struct elf_file elf;

	elf_good(&elf, 0x10000);
	elf_put(&elf, ELF_TYPE, 3, 2);
	assert_int_equal(plan(elf.data, elf.size, 0, MIB(8)), OK);
	assert_true(f.plan.entry == RAM + MIB(2) + 0x10008);
	assert_int_equal(load(&f.plan, &mem), OK);
	assert_bytes(&mem, RAM + MIB(2) + 0x11000, 0xda, 16);
	/* From above RAM the way is backwards. */
	elf_good(&elf, UINT64_C(0x8000000000) + 0x3f0000);
	elf_put(&elf, ELF_TYPE, 3, 2);
	assert_int_equal(plan(elf.data, elf.size, 0, MIB(8)), OK);
	assert_true(f.plan.kernel.base == RAM + MIB(2) + 0x1f0000);
	free(mem.banks[0].host);
}

static void a_raw_binary_goes_where_it_is_told(void **state unused_arg)
{
	struct guest_mem mem = ram_new(MIB(2));

	assert_int_equal(plan_raw(0x100000, 8192, 4096, MIB(2)), OK);
	assert_int_equal(f.plan.kind, IMAGE_RAW);
	assert_true(f.plan.entry == RAM + 0x100000);
	assert_int_equal(load(&f.plan, &mem), OK);
	assert_bytes(&mem, RAM + 0x100000, 0x7a, 8192);
	free(mem.banks[0].host);
	assert_int_equal(plan_raw(MIB(2) - 4096, 4097, 0, MIB(2)), ERR_INVALID);
}

/* At the start of RAM the device tree must give way, and the initrd give way to both. */
/*
 * It stays in flash, of which a bank is a power of two; RAM has the device tree alone, where the firmware looks for
 * it.
 */
static void firmware_stays_in_flash(void **state unused_arg)
{
	static const struct {
		size_t file;
		uint64_t bank;
	} sizes[] = { { 1, MIB(2) }, { MIB(2), MIB(2) }, { MIB(2) + 1, MIB(4) }, { MIB(5), MIB(8) } };
	struct guest_mem mem = ram_new(MIB(2));
	uint8_t *file = malloc(GUEST_FLASH_WINDOW + 1);

	assert_non_null(file);
	memset(file, 0xf1, GUEST_FLASH_WINDOW + 1);
	f.config.variables_size = MIB(2);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(plan_firmware(file, sizes[i].file, MIB(2)), OK);
		assert_int_equal(f.plan.kind, IMAGE_FIRMWARE);
		assert_true(f.plan.entry == GUEST_FLASH_BASE && f.plan.dtb == RAM);
		assert_true(f.plan.kernel.size == 0 && f.plan.initrd.size == 0);
		assert_true(f.plan.flash_size[0] == sizes[i].bank && f.plan.flash_size[1] == MIB(2));
		assert_true(f.plan.firmware_file.size == sizes[i].file && f.plan.firmware_file.data[0] == 0xf1);
		memset(mem.banks[0].host, 0x55, MIB(2));
		assert_int_equal(load(&f.plan, &mem), OK);
		assert_int_equal(fdt_check_header(mem.banks[0].host), 0);
		assert_bytes(&mem, RAM + IMAGE_FDT_SIZE, 0x55, MIB(2) - IMAGE_FDT_SIZE);
	}
	assert_int_equal(f.messages.count, 0);
	/* The largest that there is room for, and one byte more. */
	assert_int_equal(plan_firmware(file, GUEST_FLASH_WINDOW, MIB(2)), OK);
	assert_true(f.plan.flash_size[0] == GUEST_FLASH_WINDOW);
	assert_int_equal(plan_firmware(file, GUEST_FLASH_WINDOW + 1, MIB(2)), ERR_INVALID);
	assert_int_equal(f.messages.count, 1);
	assert_non_null(strstr(f.messages.last, "VM 'vm': firmware: 'firmware' is larger than a bank of flash"));
	f.config.firmware = "other";
	f.messages = messages_new();
	assert_int_equal(image_plan(&f.config, &f.bundle, &f.plan, &f.messages.report), ERR_INVALID);
	assert_non_null(strstr(f.messages.last, "no file 'other' in the bundle"));
	free(file);
	free(mem.banks[0].host);
}

static void things_do_not_overlap_in_tight_places(void **state unused_arg)
{
	assert_int_equal(plan_raw(0, 8192, 4096, MIB(2)), OK);
	assert_true(f.plan.dtb == RAM + MIB(2) - IMAGE_FDT_SIZE);
	assert_true(f.plan.initrd.base == f.plan.dtb - 4096);
	/* The kernel at the end of RAM: the initrd goes below it. */
	assert_int_equal(plan_raw(MIB(2) - 8192, 8192, 4096, MIB(2)), OK);
	assert_true(f.plan.dtb == RAM && f.plan.initrd.base == RAM + MIB(2) - 8192 - 4096);
	/* Kernel at the start over the device tree's place by one byte. */
	assert_int_equal(plan_raw(IMAGE_FDT_SIZE - 4096, 4097, 0, MIB(2)), OK);
	assert_true(f.plan.dtb == RAM + MIB(2) - IMAGE_FDT_SIZE);
	assert_int_equal(plan_raw(IMAGE_FDT_SIZE, 4096, 0, MIB(2)), OK);
	assert_true(f.plan.dtb == RAM);
}

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a + a_size <= b || b + b_size <= a;
}

/* Whatever is planned lies in RAM and apart, and is found there after loading; a refusal is one message. */
static void random_plans_hold(void **state unused_arg)
{
	unsigned planned = 0;

	for (unsigned i = 0; i < 300; i++) {
		uint64_t size = MIB(2), kernel_size = 1 + random_below(8192), initrd_size = random_below(8192);
		struct image_plan *p = &f.plan;
		struct guest_mem mem;

		if (plan_raw(random_below(size / PAGE_SIZE) * PAGE_SIZE, kernel_size, initrd_size, size) != OK) {
			assert_int_equal(f.messages.count, 1);
			continue;
		}
		planned++;
		mem = ram_new(size);
		assert_true(p->kernel.base >= RAM && p->kernel.base + kernel_size <= RAM + size);
		assert_true(p->dtb >= RAM && p->dtb + IMAGE_FDT_SIZE <= RAM + size);
		assert_true(apart(p->kernel.base, kernel_size, p->dtb, IMAGE_FDT_SIZE));
		assert_true(apart(p->initrd.base, initrd_size, p->dtb, IMAGE_FDT_SIZE) || initrd_size == 0);
		assert_true(apart(p->initrd.base, initrd_size, p->kernel.base, kernel_size) || initrd_size == 0);
		assert_int_equal(load(p, &mem), OK);
		assert_bytes(&mem, p->kernel.base, 0x7a, kernel_size);
		if (initrd_size != 0) {
			assert_bytes(&mem, p->initrd.base, 0x1d, initrd_size);
		}
		assert_int_equal(fdt_check_header(mem.banks[0].host + (p->dtb - RAM)), 0);
		free(mem.banks[0].host);
	}
	assert_true(planned > 100);
}

static void what_finds_no_room_is_named(void **state unused_arg)
{
	struct elf_file elf;

	/* A "kernel" that takes all of RAM. */
	elf_good(&elf, RAM);
	elf_put(&elf, ELF_PH(1) + PH_MEMSZ, MIB(2), 8);
	assert_int_equal(plan(elf.data, elf.size, 0, MIB(2)), ERR_INVALID);
	assert_string_equal(
		f.messages.last,
		"VM 'vm': memory-mib: beside the kernel there is no room for the device tree (64 KiB); give more");
	/* One page is left above it. */
	elf_good(&elf, RAM + IMAGE_FDT_SIZE);
	elf_put(&elf, ELF_PH(1) + PH_MEMSZ, MIB(2) - IMAGE_FDT_SIZE - 4096, 8);
	assert_int_equal(plan(elf.data, elf.size, 4096, MIB(2)), OK);
	assert_int_equal(plan(elf.data, elf.size, 4097, MIB(2)), ERR_INVALID);
	assert_string_equal(
		f.messages.last,
		"VM 'vm': memory-mib: beside the kernel there is no room for the initrd (5 KiB); give more");
}

/* Linux finds an initrd in the 32 GiB from the start of RAM only. */
static void an_initrd_stays_in_linuxs_window(void **state unused_arg)
{
	static uint8_t file[4096];

	make_linux(file, 0, 0x10000);
	assert_int_equal(plan(file, sizeof(file), 4096, GIB(64)), OK);
	assert_true(f.plan.initrd.base == RAM + GIB(32) - 4096);
}

static void ram_that_is_not_the_plans_is_refused(void **state unused_arg)
{
	static uint8_t file[4096];
	struct guest_mem mem = ram_new(MIB(2));

	make_linux(file, 0, 0x10000);
	assert_int_equal(plan(file, sizeof(file), 0, MIB(8)), OK);
	assert_int_equal(load(&f.plan, &mem), ERR_RANGE);
	free(mem.banks[0].host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_image_goes_above_the_device_tree, setup),
		cmocka_unit_test_setup(text_offset_is_honoured, setup),
		cmocka_unit_test_setup(impossible_images_are_refused, setup),
		cmocka_unit_test_setup(unknown_kernels_are_named, setup),
		cmocka_unit_test_setup(a_fixed_elf_goes_to_its_physical_addresses, setup),
		cmocka_unit_test_setup(a_relocatable_elf_is_moved_as_a_whole, setup),
		cmocka_unit_test_setup(a_raw_binary_goes_where_it_is_told, setup),
		cmocka_unit_test_setup(firmware_stays_in_flash, setup),
		cmocka_unit_test_setup(things_do_not_overlap_in_tight_places, setup),
		cmocka_unit_test_setup(random_plans_hold, setup),
		cmocka_unit_test_setup(what_finds_no_room_is_named, setup),
		cmocka_unit_test_setup(an_initrd_stays_in_linuxs_window, setup),
		cmocka_unit_test_setup(ram_that_is_not_the_plans_is_refused, setup),
	};

	random_start("image");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
