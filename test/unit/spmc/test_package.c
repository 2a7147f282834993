/* SPDX-License-Identifier: MIT */
#include "spmc/manifest_test.h"
#include "role/spmc/boot_info.h"
#include "role/spmc/package.h"

#define MEMORY_SIZE 0x10000

struct fields {
	uint32_t magic, version, manifest_offset, manifest_size, image_offset, image_size;
};

static const struct fields good = { SP_PACKAGE_MAGIC, 2, 0x1000, 0x300, 0x4000, 0x8000 };

static const char *read_fields(const struct fields *f, struct sp_package *out)
{
	uint8_t *memory = calloc(1, MEMORY_SIZE);
	const char *wrong;

	memcpy(memory, f, sizeof(*f));
	wrong = sp_package_read(span_of(memory, MEMORY_SIZE), out);
	if (wrong == NULL) {
		assert_ptr_equal(out->manifest.data, memory + f->manifest_offset);
	}
	free(memory);
	return wrong;
}

static void both_versions_are_read(void **state unused_arg)
{
	struct fields f = good;
	struct sp_package p;

	assert_null(read_fields(&f, &p));
	assert_int_equal(p.manifest.size, 0x300);
	assert_int_equal(p.image_offset, 0x4000);
	assert_int_equal(p.image_size, 0x8000);
	assert_true(p.has_header_page);
	f = (struct fields){ SP_PACKAGE_MAGIC, 1, 24, 0x1000 - 24, 0x1000, 0xf000 };
	assert_null(read_fields(&f, &p));
	assert_false(p.has_header_page);
}

static void faults_are_named(void **state unused_arg)
{
	static const struct {
		struct fields f;
		const char *wrong;
	} bad[] = {
		{ { 0x474b5052, 2, 0x1000, 0x300, 0x4000, 0x8000 }, "none at load_address" },
		{ { SP_PACKAGE_MAGIC, 0, 0x1000, 0x300, 0x4000, 0x8000 }, "neither 1 nor 2" },
		{ { SP_PACKAGE_MAGIC, 3, 0x1000, 0x300, 0x4000, 0x8000 }, "neither 1 nor 2" },
		{ { SP_PACKAGE_MAGIC, 2, 24, 0x300, 0x4000, 0x8000 }, "offset of the manifest" },
		{ { SP_PACKAGE_MAGIC, 2, 0, 0x300, 0x4000, 0x8000 }, "offset of the manifest" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1008, 0x300, 0x4000, 0x8000 }, "offset of the manifest" },
		{ { SP_PACKAGE_MAGIC, 1, 16, 0x300, 0x4000, 0x8000 }, "offset of the manifest" },
		{ { SP_PACKAGE_MAGIC, 1, 28, 0x300, 0x4000, 0x8000 }, "offset of the manifest" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1000, 0, 0x4000, 0x8000 }, "manifest is empty" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1000, 0x3001, 0x4000, 0x8000 }, "manifest is empty or does not fit" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1000, 0xfffff000, 0x4000, 0x8000 }, "manifest is empty or does not fit" },
		{ { SP_PACKAGE_MAGIC, 2, 0x5000, 0x300, 0x4000, 0x8000 }, "manifest is empty or does not fit" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1000, 0x300, 0x4008, 0x8000 }, "the image is empty" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1000, 0x300, 0x4000, 0 }, "the image is empty" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1000, 0x300, 0x4000, 0xc001 }, "the image is empty" },
		{ { SP_PACKAGE_MAGIC, 2, 0x1000, 0x300, 0xfffff000, 0x1000 }, "the image is empty" },
	};
	struct sp_package p;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *wrong = read_fields(&bad[i].f, &p);

		assert_non_null(wrong);
		assert_non_null(strstr(wrong, bad[i].wrong));
	}
	assert_non_null(sp_package_read(span_of(&good, sizeof(good) - 1), &p));
}

/* What is accepted is inside, in this order: header, manifest, image. */
static void random_headers_are_refused_or_inside(void **state unused_arg)
{
	unsigned accepted = 0;

	for (unsigned i = 0; i < 200000; i++) {
		struct fields f = good;
		struct sp_package p;

		random_damage((uint8_t *)&f + 4, sizeof(f) - 4);
		if (read_fields(&f, &p) == NULL) {
			assert_true(f.manifest_offset >= SP_PACKAGE_HEADER_SIZE);
			assert_true((uint64_t)f.manifest_offset + p.manifest.size <= p.image_offset);
			assert_true(p.image_offset + p.image_size <= MEMORY_SIZE);
			accepted++;
		}
	}
	assert_true(accepted > 0);
}

static void boot_information_replaces_the_header(void **state unused_arg)
{
	static _Alignas(PAGE_SIZE) uint8_t memory[MEMORY_SIZE];
	const struct ffa_boot_info_header *header = (const void *)memory;
	const struct ffa_boot_info *info = (const void *)(memory + sizeof(*header));
	struct sp_manifest m = { .ffa_version = FFA_VERSION_1_1, .boot_info_fdt = true };
	static const struct ffa_boot_info nothing;

	memset(memory, 0xa5, 64);
	boot_info_write(pa_from_ptr(memory), &m, span_of(memory + 0x1000, 0x300));
	assert_int_equal(header->signature, 0x0ffa);
	assert_int_equal(header->version, 0x10001);
	assert_int_equal(header->blob_size, 0x1300);
	assert_int_equal(header->descriptor_size, 32);
	assert_int_equal(header->descriptor_count, 1);
	assert_int_equal(header->descriptor_offset, 32);
	assert_int_equal(header->reserved, 0);
	assert_int_equal(info->type, 0);
	assert_int_equal(info->flags, 0);
	assert_int_equal(info->size, 0x300);
	assert_int_equal(info->contents, (uintptr_t)memory + 0x1000);
	assert_memory_equal(info->name, nothing.name, sizeof(info->name));
	assert_int_equal(memory[64], 0);

	m.boot_info_fdt = false;
	boot_info_write(pa_from_ptr(memory), &m, span_of(memory + 0x1000, 0x300));
	assert_int_equal(header->descriptor_count, 0);
	assert_memory_equal(info, &nothing, sizeof(nothing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions_are_read),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(random_headers_are_refused_or_inside),
		cmocka_unit_test(boot_information_replaces_the_header),
	};

	random_start("package");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
