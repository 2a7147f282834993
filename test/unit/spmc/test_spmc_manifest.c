/* SPDX-License-Identifier: MIT */
#include "spmc/manifest_test.h"

static void a_good_manifest_is_read(void **state unused_arg)
{
	struct spmc_manifest m;

	spmc_good(&m);
	assert_int_equal(m.load_address, SPMC_BASE);
	assert_int_equal(m.binary_size, 0x80000);
	assert_int_equal(m.version, FFA_VERSION_1_2);
	assert_int_equal(m.cpu_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(m.cpu_mpidr[i], i);
	}
	assert_int_equal(m.range_count, 4);
	assert_true(spmc_has_memory(&m, SPMC_MEMORY_SECURE, 0x0effffff, 1));
	assert_false(spmc_has_memory(&m, SPMC_MEMORY_SECURE, 0x0effffff, 2));
	assert_false(spmc_has_memory(&m, SPMC_MEMORY_NS, SPMC_BASE, 0x1000));
	assert_true(spmc_has_memory(&m, SPMC_MEMORY_NS, 0x40000000, 0x40000000));
	assert_true(spmc_has_memory(&m, SPMC_DEVICE_SECURE, 0x09010000, 0x1000));
	assert_true(spmc_has_memory(&m, SPMC_DEVICE_NS, 0x09000000, 0x1000));
	assert_int_equal(m.sp_count, 2);
	assert_string_equal(m.sps[0].name, "one");
	assert_string_equal(m.sps[1].name, "two");
	assert_int_equal(m.sps[1].load_address, SP_BASE(2));
	assert_int_equal(m.sps[1].mem_size, 0x100000);
	assert_int_equal(m.sps[0].vcpu_count, 4);
	assert_false(m.sps[0].smc_permissive);
	assert_int_equal(m.sps[0].smc_allowed_count, 0);
}

static void smc_lists_and_foreign_nodes_are_read(void **state unused_arg)
{
	struct spmc_messages messages = spmc_messages_new();
	struct spmc_manifest m;
	struct tree t;

	spmc_tree(&t);
	tree_list(&t, "/hypervisor/vm1", "smc_whitelist", 0x84000100, 0xc4000200);
	tree_flag(&t, "/hypervisor/vm2", "smc_whitelist_permissive");
	tree_string(&t, "/cpus/cpu@1", "enable-method", "psci");
	tree_add(&t, "/", "interrupt-controller@8000000");
	tree_add(&t, "/interrupt-controller@8000000", "its");
	tree_add(&t, "/cpus", "cpu-map");
	tree_delete(&t, "/attribute", "binary_size");
	tree_list(&t, "/memory@0", "reg", 0, SPMC_BASE, 0, 0x700000, 0, SP_BASE(1), 0, 0x200000);
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	assert_int_equal(messages.errors + messages.warnings, 0);
	assert_int_equal(m.sps[0].smc_allowed_count, 2);
	assert_int_equal(m.sps[0].smc_allowed[1], 0xc4000200);
	assert_true(m.sps[1].smc_permissive);
	assert_int_equal(m.cpu_count, 4);
	assert_int_equal(m.binary_size, 0);
	assert_int_equal(m.range_count, 5);
}

/* What TF-A's SPMD does not insist on. */
static void attributes_have_defaults(void **state unused_arg)
{
	static const char *const optional[] = { "exec_state", "load_address", "entrypoint", "binary_size" };
	struct spmc_messages messages = spmc_messages_new();
	struct spmc_manifest m;
	struct tree t;

	spmc_tree(&t);
	for (unsigned i = 0; i < ARRAY_SIZE(optional); i++) {
		tree_delete(&t, "/attribute", optional[i]);
	}
	tree_u32(&t, "/hypervisor/vm1", "load_address", SPMC_BASE + SPMC_SIZE - 0x1000);
	tree_u32(&t, "/hypervisor/vm2", "load_address", SPMC_BASE + SPMC_SIZE);
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	assert_int_equal(m.load_address, SPMC_BASE);
	assert_int_equal(m.binary_size, 0);
	expect_message(&messages, "SP 'one': load_address: 0xe15f000 with 0x100000 bytes overlaps the SPMC");
	assert_int_equal(messages.errors, 1);
	assert_int_equal(m.sp_count, 1);
	assert_int_equal(m.sps[0].number, 2);
}

/* As in TF-A's manifest for the FVP: the SPMC is beside the memory ranges, where 'attribute' says. */
static void the_spmc_may_be_beside_the_ranges(void **state unused_arg)
{
	struct spmc_messages messages = spmc_messages_new();
	struct spmc_manifest m;
	struct tree t;

	spmc_tree(&t);
	tree_list(&t, "/memory@0", "reg", 0, SP_BASE(1), 0, 0x700000);
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	assert_int_equal(messages.errors + messages.warnings, 0);
	assert_int_equal(m.sp_count, 2);
	assert_true(spmc_has_own(&m, SPMC_BASE, 1) && spmc_has_own(&m, SPMC_BASE + 0x7ffff, 1));
	assert_false(spmc_has_own(&m, SPMC_BASE + 0x80000, 1));
	/* Another world's or a device's it must not be. */
	tree_list(&t, "/memory@1", "reg", 0, SPMC_BASE + 0x7f000, 0, 0x1000);
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
	expect_message(&messages, "load_address: the ns-memory at 0xe17f000 overlaps the SPMC");
	spmc_tree(&t);
	tree_list(&t, "/memory@0", "reg", 0, SP_BASE(1), 0, 0x700000);
	tree_u32(&t, "/attribute", "binary_size", SPMC_SIZE - 1);
	messages = spmc_messages_new();
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
	expect_message(&messages, "the SPMC at 0xe100000 with 0x60000 bytes is neither in a 'memory' range nor in");
	assert_int_equal(messages.warnings, 1);
}

static void what_the_spmd_was_told_wrongly_is_told(void **state unused_arg)
{
	struct spmc_messages messages = spmc_messages_new();
	struct spmc_manifest m;
	struct tree t;

	spmc_tree(&t);
	tree_u32(&t, "/attribute", "binary_size", 0x20000);
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	expect_message(&messages, "binary_size: 0x20000 is less than the SPMC with its data, which is 0x60000 bytes");
	assert_true(spmc_has_own(&m, SPMC_BASE + SPMC_SIZE - 1, 1));
	spmc_tree(&t);
	tree_u32(&t, "/attribute", "load_address", 0x0e200000);
	messages = spmc_messages_new();
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	expect_message(&messages, "load_address: the SPMC is at 0xe100000 and not at 0xe200000");
	assert_int_equal(messages.errors, 0);
	assert_int_equal(messages.warnings, 1);
	assert_true(spmc_has_own(&m, SPMC_BASE, 1) && spmc_has_own(&m, 0x0e200000, 1));
}

/* Some boards call the nodes of devices by other names; the type tells. */
static void memory_is_known_by_its_type(void **state unused_arg)
{
	struct spmc_messages messages = spmc_messages_new();
	struct spmc_manifest m;
	struct tree t;

	spmc_tree(&t);
	tree_memory(&t, "s_uart", "device-memory", 0x25000000, 0x1000);
	tree_memory(&t, "disk", "block", 0x26000000, 0x1000);
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	assert_int_equal(messages.errors + messages.warnings, 0);
	assert_true(spmc_has_memory(&m, SPMC_DEVICE_SECURE, 0x25000000, 0x1000));
	assert_int_equal(m.range_count, 5);
}

static const struct bad_tree bad[] = {
	{ "/", "compatible", TEXT("arm,ffa-core-manifest-1.1"), "compatible: must be \"arm,ffa-core-manifest-1.0\"" },
	{ "/", "compatible", NULL, BAD_ABSENT, "compatible: must be" },
	{ "/", "#address-cells", CELLS("\0\0\0\1"), "#address-cells and #size-cells must be 2" },
	{ "/", "#size-cells", NULL, BAD_ABSENT, "#address-cells and #size-cells must be 2" },
	{ "/attribute", "spmc_id", CELLS("\0\0\0\1"), "node 'attribute': spmc_id: 0x1 is not possible" },
	{ "/attribute", "spmc_id", NULL, BAD_ABSENT, "node 'attribute': spmc_id: the property is missing" },
	{ "/attribute", "maj_ver", CELLS("\0\0\0\2"), "maj_ver: FF-A 1.0 to 1.2 is possible" },
	{ "/attribute", "min_ver", CELLS("\0\0\0\3"), "min_ver: FF-A 1.0 to 1.2 is possible" },
	{ "/attribute", "exec_state", CELLS("\0\0\0\1"), "exec_state: must be 0" },
	{ "/attribute", "load_address", CELLS("\0\1\0\0\0\0\0\0"), "load_address: 0x1000000000000 is not possible" },
	{ "/attribute", "entrypoint", CELLS("\0"), "entrypoint: must be one number" },
	{ "/attribute", "binary-size", CELLS("\0\0\0\0"), "binary-size: unknown property" },
	{ "/attribute/node", NULL, NULL, 0, "node 'node': unknown node" },
	{ "/memory@0", "device_type", TEXT("mem"), "device_type: 'mem' is not known" },
	{ "/memory@0", "device_type", NULL, BAD_ABSENT, "device_type: the property is missing" },
	{ "/memory@0", "reg", NULL, BAD_ABSENT, "node 'memory@0': reg: the property is missing" },
	{ "/memory@0", "reg", CELLS("\0\0\0\0\xe\x10\0\0\0\0\0\0"), "reg: must be a list of groups of 4" },
	{ "/memory@0", "reg", CELLS("\0\0\0\0\xe\x10\0\0\0\0\0\0\0\0\0\0"),
	  "reg: 0xe100000 with 0x0 bytes is no range" },
	{ "/memory@0", "reg", CELLS("\0\0\0\0\xe\x10\0\0\0\0\0\0\0\0\x8\0"), "0x800 bytes is no range of whole pages" },
	{ "/memory@0", "reg", CELLS("\0\0\xff\xff\xff\xff\xf0\0\0\0\0\0\0\0\x20\0"),
	  "is no range of whole pages below" },
	{ "/memory@0", "reg", CELLS("\xff\xff\xff\xff\xff\xff\xf0\0\0\0\0\0\0\0\x10\0"), "is no range of whole pages" },
	{ "/memory@0", "reg", CELLS("\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\x10\0"), "overlaps" },
	{ "/cpus/cpu@1", "reg", CELLS("\0\0\0\0\0\0\0\2"), "reg: another CPU is 0x2 too" },
	{ "/cpus/cpu@1", "reg", CELLS("\0\0\0\0\x80\0\0\1"), "reg: 0x80000001 is no affinity" },
	{ "/cpus/cpu@1", "reg", NULL, BAD_ABSENT, "node 'cpu@1': reg: the property is missing" },
	{ "/hypervisor", "compatible", TEXT("xen"), "node 'hypervisor': compatible: must be \"hafnium,hafnium\"" },
	{ "/hypervisor", "ffa_tee_enabled", NULL, 0, "ffa_tee_enabled: unknown property" },
};

/* What the SPMC cannot run with: one message, and nothing else. */
static void faults_of_the_spmc_stop_it(void **state unused_arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct spmc_messages messages = spmc_messages_new();
		struct spmc_manifest m;
		struct tree t;

		spmc_tree(&t);
		tree_break(&t, &bad[i]);
		assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
		expect_message(&messages, "SPMC manifest: ");
		expect_message(&messages, bad[i].message);
		assert_int_equal(messages.errors, 1);
	}
}

static void each_part_must_be_there(void **state unused_arg)
{
	static const char *const nodes[] = { "/attribute", "/cpus", "/hypervisor" };

	for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct spmc_messages messages = spmc_messages_new();
		struct spmc_manifest m;
		struct tree t;

		spmc_tree(&t);
		assert_int_equal(fdt_del_node(t.fdt, tree_node(&t, nodes[i])), 0);
		assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
		expect_message(&messages, nodes[i] + 1);
		expect_message(&messages, "is missing");
	}
}

static void cpus_and_memory_are_needed_and_bounded(void **state unused_arg)
{
	struct spmc_messages messages = spmc_messages_new();
	static struct tree t;
	struct spmc_manifest m;

	spmc_tree(&t);
	assert_int_equal(fdt_del_node(t.fdt, tree_node(&t, "/cpus")), 0);
	tree_add(&t, "/", "cpus");
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
	expect_message(&messages, "there is no CPU");
	for (uint32_t i = 0; i < SPMC_CPUS_MAX; i++) {
		tree_cpu(&t, i << 8);
	}
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	assert_int_equal(m.cpu_count, SPMC_CPUS_MAX);
	assert_int_equal(m.cpu_mpidr[SPMC_CPUS_MAX - 1], (SPMC_CPUS_MAX - 1) << 8);
	tree_cpu(&t, 1);
	messages = spmc_messages_new();
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
	expect_message(&messages, "more than 64 CPUs");
	spmc_tree(&t);
	for (unsigned i = 0; i < SPMC_RANGES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "memory@%u", 10 + i);
		tree_memory(&t, name, "device-memory", 0x10000000 + i * 0x10000, 0x1000);
	}
	messages = spmc_messages_new();
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
	expect_message(&messages, "more than 16 ranges");
}

/* In vm1; vm2 stays. */
static const struct bad_tree bad_vm[] = {
	{ "/hypervisor/vm1", "is_ffa_partition", NULL, BAD_ABSENT,
	  "node 'vm1': is_ffa_partition: the property is missing" },
	{ "/hypervisor/vm1", "is_ffa_partition", CELLS("\0\0\0\1"), "is_ffa_partition: takes no value" },
	{ "/hypervisor/vm1", "debug_name", NULL, BAD_ABSENT, "debug_name: the property is missing" },
	{ "/hypervisor/vm1", "debug_name", TEXT("a\nb"), "debug_name: must be one string of printable ASCII" },
	{ "/hypervisor/vm1", "debug_name", TEXT(""), "debug_name: must be a string" },
	{ "/hypervisor/vm1", "load_address", NULL, BAD_ABSENT, "load_address: the property is missing" },
	{ "/hypervisor/vm1", "load_address", CELLS("\xe\x80\0\1"),
	  "SP 'one': load_address: load_address and mem_size" },
	{ "/hypervisor/vm1", "load_address", CELLS("\x40\0\0\0"),
	  "SP 'one': load_address: 0x40000000 with 0x100000 bytes "
	  "is not in Secure memory" },
	{ "/hypervisor/vm1", "load_address", CELLS("\xe\x17\xf0\0"),
	  "SP 'one': load_address: 0xe17f000 with 0x100000 bytes "
	  "overlaps the SPMC" },
	{ "/hypervisor/vm1", "mem_size", CELLS("\0\0\0\0"), "is not in Secure memory" },
	{ "/hypervisor/vm1", "mem_size", CELLS("\0\0\xff\xff\xff\xff\xf0\0"), "is not in Secure memory" },
	{ "/hypervisor/vm1", "mem_size", NULL, BAD_ABSENT, "mem_size: the property is missing" },
	{ "/hypervisor/vm1", "vcpu_count", NULL, BAD_ABSENT, "vcpu_count: the property is missing" },
	{ "/hypervisor/vm1", "vcpu_count", CELLS("\0\0\0\0"), "vcpu_count: must be 1 to 64" },
	{ "/hypervisor/vm1", "vcpu_count", CELLS("\0\0\0\x41"), "vcpu_count: 0x41 is not possible" },
	{ "/hypervisor/vm1", "smc_whitelist", CELLS("\0\0\0"), "smc_whitelist: must be a list" },
	{ "/hypervisor/vm1", "kernel_filename", TEXT("Image"), "kernel_filename: unknown property" },
	{ "/hypervisor/vm1/node", NULL, NULL, 0, "node 'node': unknown node" },
};

static void a_broken_vm_is_left_out_alone(void **state unused_arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(bad_vm); i++) {
		struct spmc_messages messages = spmc_messages_new();
		struct spmc_manifest m;
		struct tree t;

		spmc_tree(&t);
		tree_break(&t, &bad_vm[i]);
		assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
		expect_message(&messages, bad_vm[i].message);
		assert_int_equal(messages.errors, 1);
		assert_int_equal(m.sp_count, 1);
		assert_string_equal(m.sps[0].name, "two");
		assert_int_equal(m.sps[0].number, 2);
	}
}

static void the_later_of_two_that_overlap_is_left_out(void **state unused_arg)
{
	struct spmc_messages messages = spmc_messages_new();
	struct spmc_manifest m;
	struct tree t;

	spmc_tree(&t);
	tree_u32(&t, "/hypervisor/vm2", "load_address", SP_BASE(1) + 0xff000);
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
	expect_message(&messages, "SP 'two': load_address: 0xe8ff000 with 0x100000 bytes overlaps SP 'one'");
	assert_int_equal(m.sp_count, 1);
	assert_string_equal(m.sps[0].name, "one");
}

static void only_numbered_nodes_are_sps(void **state unused_arg)
{
	static const char *const names[] = { "vm0", "vm", "vm01", "vm65", "vm1x", "vm99999999999999999999", "sp1" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct spmc_messages messages = spmc_messages_new();
		struct spmc_manifest m;
		struct tree t;

		spmc_tree(&t);
		tree_add(&t, "/hypervisor", names[i]);
		assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), OK);
		expect_message(&messages, "no partition's; they are vm1 to vm64");
		assert_int_equal(messages.errors, 1);
		assert_int_equal(m.sp_count, 2);
	}
}

static void what_is_no_tree_is_refused(void **state unused_arg)
{
	struct spmc_messages messages = spmc_messages_new();
	struct spmc_manifest m;
	struct tree t;

	spmc_tree(&t);
	t.fdt[0] ^= 1;
	assert_int_equal(read_spmc(tree_blob(&t), &m, &messages.report), ERR_INVALID);
	expect_message(&messages, "not a device tree blob");
	messages = spmc_messages_new();
	assert_int_equal(read_spmc(span_of(t.fdt, 0), &m, &messages.report), ERR_INVALID);
	assert_int_equal(messages.errors, 1);
}

static void check(const struct spmc_manifest *m)
{
	assert_true(m->cpu_count >= 1 && m->cpu_count <= SPMC_CPUS_MAX && m->range_count <= SPMC_RANGES_MAX);
	for (unsigned i = 0; i < m->sp_count; i++) {
		const struct spmc_sp *sp = &m->sps[i];

		assert_true(spmc_has_memory(m, SPMC_MEMORY_SECURE, sp->load_address, sp->mem_size));
		assert_true(IS_ALIGNED(sp->load_address | sp->mem_size, PAGE_SIZE));
		assert_true(sp->vcpu_count >= 1 && sp->smc_allowed_count <= SP_SMC_ALLOWED_MAX);
		assert_true(strnlen(sp->name, SP_NAME_MAX) < SP_NAME_MAX);
		for (unsigned j = 0; j < i; j++) {
			assert_false(range_overlaps(sp->load_address, sp->mem_size, m->sps[j].load_address,
						    m->sps[j].mem_size));
		}
	}
}

static void random_damage_is_refused_or_harmless(void **state unused_arg)
{
	static struct tree good;
	unsigned accepted = 0;

	spmc_tree(&good);
	fdt_pack(good.fdt);
	for (unsigned i = 0; i < 20000; i++) {
		struct spmc_messages messages = spmc_messages_new();
		size_t size = fdt_totalsize(good.fdt);
		uint8_t *copy = exact_copy(good.fdt, size);
		struct spmc_manifest m;

		random_damage(copy, size);
		if (read_spmc(span_of(copy, size), &m, &messages.report) == OK) {
			check(&m);
			accepted++;
		} else {
			assert_true(messages.errors >= 1);
		}
		free(copy);
	}
	assert_true(accepted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_manifest_is_read),
		cmocka_unit_test(smc_lists_and_foreign_nodes_are_read),
		cmocka_unit_test(attributes_have_defaults),
		cmocka_unit_test(the_spmc_may_be_beside_the_ranges),
		cmocka_unit_test(what_the_spmd_was_told_wrongly_is_told),
		cmocka_unit_test(memory_is_known_by_its_type),
		cmocka_unit_test(faults_of_the_spmc_stop_it),
		cmocka_unit_test(each_part_must_be_there),
		cmocka_unit_test(cpus_and_memory_are_needed_and_bounded),
		cmocka_unit_test(a_broken_vm_is_left_out_alone),
		cmocka_unit_test(the_later_of_two_that_overlap_is_left_out),
		cmocka_unit_test(only_numbered_nodes_are_sps),
		cmocka_unit_test(what_is_no_tree_is_refused),
		cmocka_unit_test(random_damage_is_refused_or_harmless),
	};

	random_start("spmc_manifest");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
