/* SPDX-License-Identifier: MIT */
#include "spmc/load_world.h"

#define RW (STAGE2_R | STAGE2_W)
#define UNMAPPED (~0U)

/* Makes room in a tree that load_all() has packed or not. */
static void add_regions(struct tree *t, const char *node, const char *compatible)
{
	char path[32];

	snprintf(path, sizeof(path), "/%s", node);
	fdt_open_into(t->fdt, t->fdt, sizeof(t->fdt));
	tree_add(t, "/", node);
	tree_string(t, path, "compatible", compatible);
}

static void add_memory(struct tree *t, const char *name, uint64_t base, uint32_t pages, uint32_t attributes)
{
	if (fdt_path_offset(t->fdt, "/memory-regions") < 0) {
		add_regions(t, "memory-regions", "arm,ffa-manifest-memory-regions");
	}
	tree_region(t, "/memory-regions", name, base, pages, attributes);
}

static void add_device(struct tree *t, const char *name, uint64_t base, uint32_t attributes)
{
	if (fdt_path_offset(t->fdt, "/device-regions") < 0) {
		add_regions(t, "device-regions", "arm,ffa-manifest-device-regions");
	}
	tree_region(t, "/device-regions", name, base, 1, attributes);
}

static void what_the_manifest_says_is_there(void **state unused_arg)
{
	struct tree *t;
	struct sp *sp;

	load_start(2);
	t = &load.trees[0];
	tree_u32(t, "/", "execution-ctx-count", 4);
	tree_u32(t, "/", "vm-availability-messages", 3);
	tree_flag(t, "/", "notification-support");
	add_memory(t, "heap", place(8), 4, 3);
	add_memory(t, "constants", place(1) + 0x80000, 2, 1);
	add_memory(t, "shared", ns_base() + 0x3000, 2, 0xb);
	add_device(t, "rtc", DEVICE_BASE, 3);
	add_device(t, "uart", NS_DEVICE_BASE, 9);
	assert_int_equal(load_all(), OK);
	load_expect(0, "");

	assert_int_equal(ffa_partition_count(), 2);
	sp = sps[0];
	assert_ptr_equal(ffa_partition(0), &sp->endpoint);
	assert_int_equal(sp->endpoint.id, 0x8001);
	assert_int_equal(sps[1]->endpoint.id, 0x8002);
	assert_int_equal(sp->endpoint.kind, FFA_KIND_SP_EL1);
	assert_int_equal(sp->endpoint.version, FFA_VERSION_1_2);
	assert_int_equal(sp->endpoint.properties, 3 | FFA_PROPERTY_NOTIFICATIONS | FFA_PROPERTY_VM_CREATED |
							  FFA_PROPERTY_VM_DESTROYED | FFA_PROPERTY_AARCH64);
	assert_true(sp->endpoint.notifications.enabled);
	assert_false(sps[1]->endpoint.notifications.enabled);
	assert_int_equal(sp->endpoint.uuids[0].word[2], 3);
	assert_string_equal(sp->endpoint.name, "sp1");
	assert_ptr_equal(sp->grant, &load.m.sps[0]);

	assert_int_equal(sp->endpoint.vcpu_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_ptr_equal(sp->vcpus[i]->sp, sp);
		assert_int_equal(sp->vcpus[i]->cpu.index, i);
		assert_int_equal(sp->vcpus[i]->state, SP_OFF);
		assert_int_equal(sp->vcpus[i]->entry, place(1) + IMAGE_OFFSET);
	}

	assert_int_equal(attrs_at(&sp->space.secure, place(1)), RW | STAGE2_X);
	assert_int_equal(attrs_at(&sp->space.secure, place(2) - 1), RW | STAGE2_X);
	assert_int_equal(attrs_at(&sp->space.secure, place(2)), UNMAPPED);
	assert_int_equal(attrs_at(&sp->space.secure, place(1) + 0x80000), STAGE2_R);
	assert_int_equal(attrs_at(&sp->space.secure, place(1) + 0x82000), RW | STAGE2_X);
	assert_int_equal(attrs_at(&sp->space.secure, place(8) + 0x3fff), RW);
	assert_int_equal(attrs_at(&sp->space.secure, DEVICE_BASE), RW | STAGE2_DEVICE);
	assert_int_equal(attrs_at(&sp->space.ns, ns_base() + 0x4fff), RW);
	assert_int_equal(attrs_at(&sp->space.ns, NS_DEVICE_BASE), STAGE2_R | STAGE2_DEVICE);
	assert_int_equal(attrs_at(&sp->space.ns, ns_base()), UNMAPPED);
	assert_int_equal(attrs_at(&sps[1]->space.secure, place(1)), UNMAPPED);

	/* What SPs have of it, the normal world has not. */
	assert_int_equal(attrs_at(&ffa_nwd.space->ns, ns_base()), RW | STAGE2_X);
	assert_int_equal(attrs_at(&ffa_nwd.space->ns, ns_base() + 0x3000), UNMAPPED);
	assert_int_equal(attrs_at(&ffa_nwd.space->ns, ns_base() + 0x5000), RW | STAGE2_X);
	assert_int_equal(attrs_at(&ffa_nwd.space->ns, ns_base() + NS_SIZE - 1), RW | STAGE2_X);
	assert_int_equal(attrs_at(&ffa_nwd.space->ns, NS_DEVICE_BASE), UNMAPPED);
	assert_int_equal(attrs_at(&ffa_nwd.space->ns, place(9)), UNMAPPED);
}

static void boot_order_is_by_number_then_by_place(void **state unused_arg)
{
	static const char *const expected[] = { "sp3", "sp2", "sp4", "sp1" };
	unsigned i = 0;

	load_start(4);
	tree_u32(&load.trees[1], "/", "boot-order", 5);
	tree_u32(&load.trees[2], "/", "boot-order", 1);
	tree_u32(&load.trees[3], "/", "boot-order", 5);
	assert_int_equal(load_all(), OK);
	list_for_each (node, &sps_boot_list) {
		assert_string_equal(list_entry(node, struct sp, boot_node)->manifest.name, expected[i++]);
	}
	assert_int_equal(i, 4);
}

static void boot_information_and_buffers_are_set_up(void **state unused_arg)
{
	const struct ffa_boot_info_header *header;
	struct tree *t;

	load_start(1);
	t = &load.trees[0];
	tree_u32(t, "/", "gp-register-num", 0);
	tree_add(t, "/", "boot-info");
	tree_string(t, "/boot-info", "compatible", "arm,ffa-manifest-boot-info");
	tree_flag(t, "/boot-info", "ffa_manifest");
	add_memory(t, "rx", place(8), 1, 1);
	tree_u32(t, "/memory-regions/rx", "phandle", 1);
	add_memory(t, "tx", place(1) + 0x10000, 1, 3);
	tree_u32(t, "/memory-regions/tx", "phandle", 2);
	tree_add(t, "/", "rx_tx-info");
	tree_string(t, "/rx_tx-info", "compatible", "arm,ffa-manifest-rx_tx-buffer");
	tree_u32(t, "/rx_tx-info", "rx-buffer", 1);
	tree_u32(t, "/rx_tx-info", "tx-buffer", 2);
	assert_int_equal(load_all(), OK);
	load_expect(0, "");
	header = (const void *)(uintptr_t)place(1);
	assert_int_equal(header->signature, FFA_BOOT_INFO_SIGNATURE);
	assert_int_equal(header->blob_size, 0x1000 + fdt_totalsize(t->fdt));
	assert_int_equal(sps[0]->endpoint.mailbox.size, 0x1000);
	assert_int_equal(attrs_at(&sps[0]->space.secure, place(8)) & (RW | STAGE2_X), STAGE2_R);
	assert_true(sps[0]->endpoint.mailbox.fixed);
}

static void an_id_that_is_not_granted_is_told(void **state unused_arg)
{
	load_start(2);
	tree_u32(&load.trees[0], "/", "id", 1);
	tree_u32(&load.trees[1], "/", "id", 0x8005);
	assert_int_equal(load_all(), OK);
	assert_int_equal(ffa_partition_count(), 2);
	load_expect(1, "SP 'sp2': id: it is 0x8002 and not 0x8005");
}

/* The SPs but 'left_out' are there, and the pool is as if it had never been named. */
static void expect_left_out(unsigned left_out, const char *message)
{
	struct spmc_manifest without = load.m;
	uint64_t free_pages;

	assert_int_equal(load_all(), OK);
	load_expect(1, message);
	assert_int_equal(ffa_partition_count(), load.m.sp_count - 1);
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		unsigned number = 1 + i + (i + 1 >= left_out);
		const struct sp *sp = sp_of(ffa_partition(i));

		assert_int_equal(sp->endpoint.id, 0x8000 + number);
		assert_ptr_equal(sps[number - 1], sp);
		assert_ptr_equal(ffa_endpoint_find(sp->endpoint.id), &sp->endpoint);
		assert_string_equal(sp->manifest.name, load.m.sps[number - 1].name);
	}
	assert_null(sps[left_out - 1]);
	assert_null(ffa_endpoint_find((uint16_t)(0x8000 + left_out)));
	free_pages = load_free_pages();
	pool_reset();
	assert_int_equal(pool_add(pa_from_ptr(load.pool), POOL_SIZE), OK);
	memmove(&without.sps[left_out - 1], &without.sps[left_out],
		(without.sp_count - left_out) * sizeof(without.sps[0]));
	without.sp_count--;
	assert_int_equal(sps_load(&without), OK);
	assert_int_equal(load_free_pages(), free_pages);
	load.messages = 0;
}

/* The SPMD tells the normal world what the manifest says, and may not ask us. */
static void the_manifests_version_is_the_normal_worlds(void **state unused_arg)
{
	for (uint32_t version = FFA_VERSION_1_0; version <= FFA_VERSION_1_2; version++) {
		load_start(1);
		load.m.version = version;
		assert_int_equal(load_all(), OK);
		assert_int_equal(ffa_nwd.version, version);
		assert_int_equal(ffa_nwd.version_max, version);
	}
}

static void what_is_broken_costs_one_sp(void **state unused_arg)
{
	load_start(3);
	tree_delete(&load.trees[1], "/", "uuid");
	expect_left_out(2, "SP 'sp2': uuid: the property is missing");
	load_start(3);
	tree_u32(&load.trees[0], "/", "entrypoint-offset", IMAGE_OFFSET + IMAGE_SIZE);
	expect_left_out(1, "SP 'sp1': entrypoint-offset: 0x6000 is outside the image");
	load_start(3);
	tree_u32(&load.trees[0], "/", "entrypoint-offset", 0x1000);
	expect_left_out(1, "SP 'sp1': entrypoint-offset: 0x1000 is outside the image");
}

static void a_broken_package_costs_one_sp(void **state unused_arg)
{
	load_start(2);
	assert_int_equal(load_all(), OK);
	*(uint32_t *)(uintptr_t)place(1) = 0;
	assert_int_equal(sps_load(&load.m), OK);
	load_expect(1, "SP 'sp1': package: there is none at load_address");
	assert_int_equal(ffa_partition_count(), 1);
	assert_null(sps[0]);
	assert_string_equal(sps[1]->manifest.name, "sp2");
	assert_int_equal(sps[1]->endpoint.id, 0x8002);
}

static void memory_belongs_to_one_sp(void **state unused_arg)
{
	load_start(3);
	add_memory(&load.trees[1], "r", place(4) - 0x1000, 1, 3);
	expect_left_out(2, "SP 'sp2': r: the region overlaps the package of SP 'sp3'");
	load_start(3);
	add_memory(&load.trees[0], "first", place(8), 4, 3);
	add_memory(&load.trees[2], "second", place(8) + 0x3000, 4, 3);
	expect_left_out(3, "SP 'sp3': second: the region overlaps 'first' of SP 'sp1'");
	load_start(3);
	add_memory(&load.trees[0], "first", ns_base(), 1, 0xb);
	add_memory(&load.trees[2], "second", ns_base(), 1, 9);
	expect_left_out(3, "SP 'sp3': second: the region overlaps 'first' of SP 'sp1'");
}

static void devices_are_shared_unless_one_wants_it_alone(void **state unused_arg)
{
	load_start(2);
	add_device(&load.trees[0], "a", DEVICE_BASE, 3);
	add_device(&load.trees[1], "b", DEVICE_BASE, 1);
	assert_int_equal(load_all(), OK);
	load_expect(0, "");
	assert_int_equal(ffa_partition_count(), 2);
	load_start(2);
	add_device(&load.trees[0], "a", DEVICE_BASE, 3);
	tree_flag(&load.trees[0], "/device-regions/a", "exclusive-access");
	add_device(&load.trees[1], "b", DEVICE_BASE, 1);
	expect_left_out(2, "SP 'sp2': b: the device overlaps 'a' of SP 'sp1', and that one is to have it alone");
	load_start(2);
	add_device(&load.trees[0], "a", DEVICE_BASE, 3);
	add_device(&load.trees[1], "b", DEVICE_BASE, 1);
	tree_flag(&load.trees[1], "/device-regions/b", "exclusive-access");
	expect_left_out(2, "SP 'sp2': b: the device overlaps 'a' of SP 'sp1', and this one is to have it alone");
}

static void an_interrupt_belongs_to_one_sp(void **state unused_arg)
{
	load_start(2);
	add_device(&load.trees[0], "a", DEVICE_BASE, 3);
	tree_list(&load.trees[0], "/device-regions/a", "interrupts", 34, 0xb00, 35, 0xb00);
	add_device(&load.trees[1], "b", DEVICE_BASE + 0x1000, 3);
	tree_list(&load.trees[1], "/device-regions/b", "interrupts", 36, 0xb00, 35, 0xb00);
	expect_left_out(2, "SP 'sp2': interrupts: 35 is SP 'sp1''s");
}

static unsigned reserve_calls;
static uint64_t reserved_base, reserved_size;
static enum err reserve_answer;

static enum err reserve(uint64_t base, uint64_t size)
{
	reserve_calls++;
	reserved_base = base;
	reserved_size = size;
	return reserve_answer;
}

static void memory_outside_packages_is_reserved_first(void **state unused_arg)
{
	load_start(2);
	add_memory(&load.trees[0], "inside", place(1) + 0x80000, 2, 3);
	add_memory(&load.trees[0], "shared", ns_base(), 2, 0xb);
	add_memory(&load.trees[1], "heap", place(8), 4, 3);
	assert_int_equal(load_all(), OK);
	load_expect(0, "");
	reserve_calls = 0;
	reserve_answer = OK;
	sps_reserve(&load.m, reserve);
	assert_int_equal(reserve_calls, 1);
	assert_int_equal(reserved_base, place(8));
	assert_int_equal(reserved_size, 0x4000);
	load_expect(0, "");
	reserve_answer = ERR_DENIED;
	sps_reserve(&load.m, reserve);
	assert_int_equal(sps_load(&load.m), OK);
	load_expect(1, "SP 'sp2': memory-regions: a region is memory that somebody else has");
	assert_int_equal(ffa_partition_count(), 1);
	reserve_answer = OK;
	sps_reserve(&load.m, reserve);
}

static void a_restart_begins_with_what_was_loaded(void **state unused_arg)
{
	uint8_t *at = (uint8_t *)(uintptr_t)place(1);
	uint8_t *copy;

	load_start(2);
	tree_u32(&load.trees[0], "/", "abort-action", SP_ABORT_RESTART);
	tree_u32(&load.trees[0], "/", "gp-register-num", 1);
	add_memory(&load.trees[0], "constants", place(1) + 0x80000, 2, 1);
	assert_int_equal(load_all(), OK);
	load_expect(0, "");
	copy = exact_copy(at, IMAGE_OFFSET + IMAGE_SIZE);
	memset(at, 0x77, PLACE_SIZE);
	assert_int_equal(sp_reload(sps[1]), ERR_NOT_FOUND);
	assert_int_equal(sp_reload(sps[0]), OK);
	assert_memory_equal(at, copy, IMAGE_OFFSET + IMAGE_SIZE);
	for (uint64_t i = IMAGE_OFFSET + IMAGE_SIZE; i < PLACE_SIZE; i++) {
		assert_int_equal(at[i], 0);
	}
	free(copy);
	assert_int_equal(stage2_unmap(&sps[0]->space.secure, ipa(place(1)), 0x1000), OK);
	assert_int_equal(stage2_map(&sps[0]->space.ns, ipa(ns_base()), pa(ns_base()), 0x1000, RW), OK);
	assert_int_equal(sp_map_memory(sps[0]), OK);
	assert_int_equal(attrs_at(&sps[0]->space.secure, place(1)), RW | STAGE2_X);
	assert_int_equal(attrs_at(&sps[0]->space.secure, place(1) + 0x80000), STAGE2_R);
	assert_int_equal(attrs_at(&sps[0]->space.ns, ns_base()), UNMAPPED);
}

static void zero_or_not(uint64_t address, bool zero)
{
	const uint64_t *words = pa_ptr(pa(address));

	assert_int_equal(words[0] == 0, zero);
	assert_int_equal(words[PAGE_SIZE / sizeof(*words) - 1] == 0, zero);
}

/* Its own and what it was given, but neither devices nor what others have. */
static void scrubbing_ends_all_that_it_had(void **state unused_arg)
{
	uint64_t region = place(8), ns_region = ns_base() + 0x3000, given = ns_base() + 0x10000;
	struct stage2 *secure, *ns;

	load_start(1);
	add_memory(&load.trees[0], "heap", region, 4, 3);
	add_memory(&load.trees[0], "constants", place(1) + 0x80000, 2, 1);
	add_memory(&load.trees[0], "shared", ns_region, 2, 0xb);
	add_device(&load.trees[0], "rtc", DEVICE_BASE, 3); /* at an address that the test cannot write */
	add_device(&load.trees[0], "uart", NS_DEVICE_BASE, 9);
	assert_int_equal(load_all(), OK);
	secure = &sps[0]->space.secure;
	ns = &sps[0]->space.ns;
	memset(pa_ptr(pa(place(1))), 0x77, SECURE_SIZE + NS_SIZE);
	assert_true(sp_has_memory(sps[0]));
	assert_int_equal(stage2_map(ns, ipa(given), pa(given), PAGE_SIZE, RW), OK);
	assert_int_equal(stage2_protect(secure, ipa(region), PAGE_SIZE, STAGE2_LENT), OK);
	assert_false(sp_has_memory(sps[0]));
	sp_scrub_memory(sps[0]);
	zero_or_not(place(1), true);
	zero_or_not(place(1) + 0x80000, true);
	zero_or_not(place(2) - PAGE_SIZE, true);
	zero_or_not(place(2), false);
	zero_or_not(region, false); /* lent */
	zero_or_not(region + PAGE_SIZE, true);
	zero_or_not(region + 4 * PAGE_SIZE, false);
	zero_or_not(ns_region + PAGE_SIZE, true);
	zero_or_not(ns_region - PAGE_SIZE, false);
	zero_or_not(given, true);
	assert_int_equal(stage2_protect(secure, ipa(region), PAGE_SIZE, RW), OK);
	assert_true(sp_has_memory(sps[0]));
	assert_int_equal(stage2_unmap(ns, ipa(ns_region), PAGE_SIZE), OK); /* donated to somebody */
	assert_false(sp_has_memory(sps[0]));
}

/* Whatever the pool gives or refuses, an SP is there as a whole or not at all. */
static void memory_may_run_out_anywhere(void **state unused_arg)
{
	unsigned counts[3] = { 0 };

	for (uint64_t pages = 600; pages < 760; pages++) {
		load_start(2);
		tree_u32(&load.trees[0], "/", "execution-ctx-count", 4);
		tree_u32(&load.trees[0], "/", "abort-action", SP_ABORT_RESTART);
		tree_flag(&load.trees[0], "/", "notification-support");
		tree_u32(&load.trees[1], "/", "exception-level", 1);
		add_memory(&load.trees[1], "heap", place(8), 4, 3);
		pool_reset();
		assert_int_equal(pool_add(pa_from_ptr(load.pool), (pages - 590) << PAGE_SHIFT), OK);
		if (load_all() != OK) {
			continue;
		}
		counts[ffa_partition_count()]++;
		assert_int_equal(load.messages, 2 - ffa_partition_count());
		for (unsigned i = 0; i < ffa_partition_count(); i++) {
			struct sp *sp = sp_of(ffa_partition(i));

			assert_int_not_equal(attrs_at(&sp->space.secure, sp->base.v), UNMAPPED);
			for (unsigned j = 0; j < sp->endpoint.vcpu_count; j++) {
				assert_ptr_equal(sp->vcpus[j]->sp, sp);
			}
			assert_int_equal(sp->endpoint.notifications.enabled, sp->manifest.notifications);
		}
	}
	assert_true(counts[0] + counts[1] > 0 && counts[2] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_manifest_says_is_there),
		cmocka_unit_test(boot_order_is_by_number_then_by_place),
		cmocka_unit_test(boot_information_and_buffers_are_set_up),
		cmocka_unit_test(an_id_that_is_not_granted_is_told),
		cmocka_unit_test(the_manifests_version_is_the_normal_worlds),
		cmocka_unit_test(what_is_broken_costs_one_sp),
		cmocka_unit_test(a_broken_package_costs_one_sp),
		cmocka_unit_test(memory_belongs_to_one_sp),
		cmocka_unit_test(devices_are_shared_unless_one_wants_it_alone),
		cmocka_unit_test(an_interrupt_belongs_to_one_sp),
		cmocka_unit_test(memory_outside_packages_is_reserved_first),
		cmocka_unit_test(a_restart_begins_with_what_was_loaded),
		cmocka_unit_test(scrubbing_ends_all_that_it_had),
		cmocka_unit_test(memory_may_run_out_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
