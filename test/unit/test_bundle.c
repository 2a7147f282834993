/* SPDX-License-Identifier: MIT */
#include "bundle_test.h"
#include "core/mm/pool.h"
#include "role/hyp/bundle.h"

static const struct vm_device_config disk = { .kind = VM_DEVICE_BLK, .name = "disk", .file = "disk.img" };

static struct span whole(const struct archive *a)
{
	return span_of(a->data, a->size);
}

static void make(struct archive *a, bool manifest, bool disk_too)
{
	static struct tree t;

	tree_good(&t);
	a->size = 0;
	archive_add(a, "x", "x", 1);
	if (manifest) {
		archive_add(a, "manifest.dtb", t.fdt, fdt_totalsize(t.fdt));
	}
	archive_add(a, "Image", "kernel", 6);
	archive_add(a, "initramfs", "", 0);
	if (disk_too) {
		archive_add(a, "disk.img", "0123456789", 10);
	}
	archive_end(a);
}

static void a_bundle_gives_manifest_and_files(void **state unused_arg)
{
	static struct archive a;
	struct messages messages = messages_new();
	struct manifest m;
	struct bundle b;
	struct span file;

	make(&a, true, true);
	assert_int_equal(bundle_open(&b, whole(&a), &messages.report), OK);
	assert_int_equal(messages.count, 0);
	assert_true(((uintptr_t)b.manifest.data & 7) == 0);
	assert_int_equal(manifest_open(&m, b.manifest, 4, &messages.report), OK);
	assert_int_equal(bundle_file(&b, "disk.img", &file), OK);
	assert_int_equal(file.size, 10);
	assert_int_equal(bundle_file(&b, "disk", &file), ERR_NOT_FOUND);
}

static void no_bundle_and_no_manifest_are_named(void **state unused_arg)
{
	static struct archive a;
	struct messages messages = messages_new();
	struct bundle b;

	assert_int_equal(bundle_open(&b, span_of(NULL, 0), &messages.report), ERR_NOT_FOUND);
	assert_string_equal(messages.last, "bundle: there is none; give one in the place of the initrd");
	make(&a, false, true);
	assert_int_equal(bundle_open(&b, whole(&a), &messages.report), ERR_NOT_FOUND);
	assert_string_equal(messages.last, "bundle: no file 'manifest.dtb' in it; make it with scripts/mkbundle");
	assert_int_equal(messages.count, 2);
	make(&a, true, true);
	a.data[0] = 'x';
	assert_int_equal(bundle_open(&b, whole(&a), &messages.report), ERR_NOT_FOUND);
	assert_int_equal(messages.count, 3);
	assert_non_null(strstr(messages.last, "bundle: no cpio header"));
}

/* The manifest and the files before the cut are used; the message says where the archive ends. */
static void a_truncated_archive_serves_as_far_as_it_goes(void **state unused_arg)
{
	static struct archive a;
	struct messages messages = messages_new();
	struct bundle b;
	struct span file;

	make(&a, true, true);
	a.size -= 128;
	assert_int_equal(bundle_open(&b, whole(&a), &messages.report), OK);
	assert_int_equal(messages.count, 1);
	assert_non_null(strstr(messages.last, "bundle: the archive ends inside a file, at byte "));
	assert_non_null(strstr(messages.last, "behind 'initramfs'"));
	assert_int_equal(bundle_file(&b, "Image", &file), OK);
	assert_int_equal(bundle_file(&b, "disk.img", &file), ERR_NOT_FOUND);
}

static void missing_files_are_named(void **state unused_arg)
{
	static struct archive a;
	struct messages messages = messages_new();
	struct vm_config c = { .name = "a", .kernel = "Image" };
	struct bundle b;

	make(&a, true, false);
	assert_int_equal(bundle_open(&b, whole(&a), &messages.report), OK);
	assert_true(bundle_has_files(&b, &c, &messages.report));
	assert_int_equal(messages.count, 0);
	c.initrd = "initramfs";
	assert_false(bundle_has_files(&b, &c, &messages.report));
	assert_string_equal(messages.last, "VM 'a': initrd: the file 'initramfs' in the bundle is empty");
	c.initrd = "x";
	c.devices[c.device_count++] = (struct vm_device_config){ .kind = VM_DEVICE_RNG, .name = "rng" };
	c.devices[c.device_count++] = disk;
	assert_false(bundle_has_files(&b, &c, &messages.report));
	assert_string_equal(
		messages.last,
		"VM 'a': device 'disk': file: no file 'disk.img' in the bundle; add it or correct the name");
	c.kernel = "vmlinuz";
	assert_false(bundle_has_files(&b, &c, &messages.report));
	assert_string_equal(messages.last,
			    "VM 'a': kernel: no file 'vmlinuz' in the bundle; add it or correct the name");
	assert_int_equal(messages.count, 3);
}

static void a_failed_open_keeps_no_memory(void **state unused_arg)
{
	static struct archive a;
	struct messages messages = messages_new();
	struct pool_stats before, after;
	struct bundle b;

	a.size = 0;
	archive_add(&a, "manifest.dtb", "", 0);
	archive_end(&a);
	pool_stats(&before);
	assert_int_equal(bundle_open(&b, whole(&a), &messages.report), ERR_INVALID);
	assert_string_equal(messages.last, "bundle: 'manifest.dtb' is empty; make the bundle again");
	pool_stats(&after);
	assert_int_equal(after.free_pages, before.free_pages);
}

static int setup_pool(void **state unused_arg)
{
	static _Alignas(4096) uint8_t memory[MIB(1)];

	return pool_add(pa_from_ptr(memory), sizeof(memory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bundle_gives_manifest_and_files),
		cmocka_unit_test(no_bundle_and_no_manifest_are_named),
		cmocka_unit_test(a_truncated_archive_serves_as_far_as_it_goes),
		cmocka_unit_test(missing_files_are_named),
		cmocka_unit_test(a_failed_open_keeps_no_memory),
	};

	return cmocka_run_group_tests(tests, setup_pool, NULL);
}
