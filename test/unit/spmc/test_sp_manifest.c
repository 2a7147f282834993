/* SPDX-License-Identifier: MIT */
#include "spmc/manifest_test.h"

static struct spmc_manifest spmc;

static void read_good(const struct tree *t, struct sp_manifest *m, struct spmc_messages *messages)
{
	*messages = spmc_messages_new();
	memset(m, 0xa5, sizeof(*m));
	assert_int_equal(sp_manifest_read(tree_blob(t), &spmc, &spmc.sps[0], m, &messages->report), OK);
	assert_int_equal(messages->errors, 0);
}

static void the_least_has_defaults(void **state unused_arg)
{
	struct spmc_messages messages;
	struct sp_manifest m;
	struct tree t;

	sp_tree_small(&t);
	read_good(&t, &m, &messages);
	assert_int_equal(messages.warnings, 0);
	assert_string_equal(m.name, "one");
	assert_int_equal(m.ffa_version, 0x10002);
	assert_int_equal(m.uuid_count, 1);
	assert_int_equal(m.uuids[0].word[3], 4);
	assert_int_equal(m.messaging, 3);
	assert_int_equal(m.vcpu_count, 1);
	assert_false(m.s_el0);
	assert_false(m.has_id);
	assert_int_equal(m.entry_offset, 0x4000);
	assert_int_equal(m.boot_order, SP_BOOT_ORDER_LAST);
	assert_false(m.has_boot_info_register);
	assert_int_equal(m.ns_action, SP_NS_SIGNALED);
	assert_false(m.other_s_queued || m.managed_exit_virq || m.notifications || m.vm_created || m.vm_destroyed);
	assert_int_equal(m.power_messages, 0);
	assert_int_equal(m.abort_action, SP_ABORT_STOP);
	assert_int_equal(m.watchdog_us, 0);
	assert_false(m.has_rxtx);
	assert_int_equal(m.memory_count + m.device_count + m.interrupt_count, 0);
}

static const struct sp_memory_region *memory(const struct sp_manifest *m, const char *name)
{
	for (unsigned i = 0; i < m->memory_count; i++) {
		if (strcmp(m->memory[i].name, name) == 0) {
			return &m->memory[i];
		}
	}
	fail_msg("no region '%s'", name);
	return NULL;
}

static void check_full(const struct sp_manifest *m)
{
	const struct sp_memory_region *r;

	assert_int_equal(m->uuid_count, 2);
	assert_int_equal(m->uuids[1].word[0], 0xffffffff);
	assert_true(m->has_id);
	assert_int_equal(m->id, 0x8001);
	assert_int_equal(m->vcpu_count, 4);
	assert_int_equal(m->boot_order, 7);
	assert_int_equal(m->messaging, 0x607);
	assert_int_equal(m->ns_action, SP_NS_MANAGED_EXIT);
	assert_true(m->managed_exit_virq);
	assert_true(m->sri_delayed_waiting && !m->sri_delayed_preempted);
	assert_true(m->has_boot_info_register && m->boot_info_fdt);
	assert_int_equal(m->boot_info_register, 3);
	assert_int_equal(m->power_messages, 1);
	assert_true(!m->vm_created && m->vm_destroyed && m->notifications);
	assert_int_equal(m->abort_action, SP_ABORT_RESTART);
	assert_int_equal(m->watchdog_us, 250000);
	assert_true(m->has_rxtx);
	assert_int_equal(m->rx_base, 0x0e8fe000);
	assert_int_equal(m->tx_base, 0x0e8ff000);
	assert_int_equal(m->rxtx_size, 0x1000);

	assert_int_equal(m->memory_count, 4);
	r = memory(m, "shared");
	assert_true(r->ns && r->read && r->write && !r->execute && !r->in_package);
	assert_int_equal(r->base, 0x48000000);
	assert_int_equal(r->pages, 2);
	r = memory(m, "code");
	assert_true(!r->ns && r->read && !r->write && r->execute && !r->in_package);
	r = memory(m, "rx");
	assert_true(!r->ns && r->read && !r->write && !r->execute && r->in_package);

	assert_int_equal(m->device_count, 2);
	assert_string_equal(m->devices[0].name, "PL031");
	assert_true(!m->devices[0].ns && m->devices[0].write && m->devices[0].exclusive);
	assert_string_equal(m->devices[1].name, "uart");
	assert_true(m->devices[1].ns && !m->devices[1].write && !m->devices[1].exclusive);
	assert_int_equal(m->interrupt_count, 2);
	assert_int_equal(m->interrupts[0].intid, 34);
	assert_int_equal(m->interrupts[0].priority, 0x40);
	assert_true(m->interrupts[0].secure && m->interrupts[0].level && m->interrupts[0].has_target);
	assert_int_equal(m->interrupts[0].target_mpidr, 2);
	assert_int_equal(m->interrupts[1].intid, 22);
	assert_true(m->interrupts[1].secure && !m->interrupts[1].level && !m->interrupts[1].has_target);
}

static void every_property_is_read(void **state unused_arg)
{
	struct spmc_messages messages;
	struct sp_manifest m;
	struct tree t;

	sp_tree_full(&t);
	read_good(&t, &m, &messages);
	assert_int_equal(messages.warnings, 0);
	check_full(&m);
}

/* A phandle may be known only when rx_tx-info has been read. */
static void the_order_of_nodes_does_not_matter(void **state unused_arg)
{
	struct spmc_messages messages;
	struct sp_manifest m;
	struct tree t;

	sp_tree_full(&t);
	assert_int_equal(fdt_del_node(t.fdt, tree_node(&t, "/rx_tx-info")), 0);
	tree_add(&t, "/", "rx_tx-info");
	tree_string(&t, "/rx_tx-info", "compatible", "arm,ffa-manifest-rx_tx-buffer");
	tree_u32(&t, "/rx_tx-info", "rx-buffer", 11);
	tree_u32(&t, "/rx_tx-info", "tx-buffer", 12);
	read_good(&t, &m, &messages);
	check_full(&m);
}

static void an_s_el0_partition_is_read(void **state unused_arg)
{
	struct spmc_messages messages;
	struct sp_manifest m;
	struct tree t;

	sp_tree_small(&t);
	tree_u32(&t, "/", "exception-level", 1);
	tree_u32(&t, "/", "ns-interrupts-action", 0);
	tree_u32(&t, "/", "other-s-interrupts-action", 0);
	read_good(&t, &m, &messages);
	assert_true(m.s_el0 && m.other_s_queued);
	assert_int_equal(m.ns_action, SP_NS_QUEUED);
}

static void managed_exit_alone_is_the_old_way_to_say_it(void **state unused_arg)
{
	struct spmc_messages messages;
	struct sp_manifest m;
	struct tree t;

	sp_tree_small(&t);
	tree_flag(&t, "/", "managed-exit");
	read_good(&t, &m, &messages);
	assert_int_equal(m.ns_action, SP_NS_MANAGED_EXIT);
}

/* What the platform decides otherwise, and what nobody can do here: the SP runs, and a warning names it. */
static void wishes_that_are_not_granted_are_told(void **state unused_arg)
{
	static const struct bad_tree wishes[] = {
		{ "/", "auxiliary-id", CELLS("\0\0\0\xaf"), "SP 'one': auxiliary-id: no second id is given" },
		{ "/", "load-address", CELLS("\x10\0\0\0"),
		  "SP 'one': load-address: it is loaded at 0xe800000 and not at" },
		{ "/", "runtime-model", CELLS("\0\0\0\1"), "SP 'one': runtime-model: has no effect" },
		{ "/", "power-management-messages", CELLS("\0\0\0\6"), "power-management-messages: bits 1 and 2" },
		{ "/", "power-management-messages", CELLS("\0\0\0\1"),
		  "power-management-messages: bit 0 has no effect" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(wishes); i++) {
		struct spmc_messages messages;
		struct sp_manifest m;
		struct tree t;

		sp_tree_small(&t);
		tree_break(&t, &wishes[i]);
		read_good(&t, &m, &messages);
		expect_message(&messages, wishes[i].message);
		assert_int_equal(messages.warnings, 1);
		assert_int_equal(m.power_messages, 0);
	}
}

/* What the binding does not define may be the SP's own. */
static void what_the_binding_does_not_define_is_told(void **state unused_arg)
{
	static const struct bad_tree foreign[] = {
		{ "/", "mem-size", CELLS("\0\xd8\0\0"), "SP 'one': mem-size: not in the binding; without effect here" },
		{ "/", "run-time-model", CELLS("\0\0\0\1"), "SP 'one': run-time-model: not in the binding" },
		{ "/own", NULL, NULL, 0, "SP 'one': node 'own': not in the binding" },
		{ "/boot-info", "acpi", NULL, 0, "node 'boot-info': acpi: not in the binding" },
		{ "/boot-info/x", NULL, NULL, 0, "node 'x': not in the binding" },
		{ "/rx_tx-info/x", NULL, NULL, 0, "node 'x': not in the binding" },
		{ "/memory-regions", "regions", NULL, 0, "node 'memory-regions': regions: not in the binding" },
		{ "/memory-regions/code", "pages", CELLS("\0\0\0\1"), "node 'code': pages: not in the binding" },
		{ "/memory-regions/code/x", NULL, NULL, 0, "node 'x': not in the binding" },
		{ "/device-regions/rtc", "clock", NULL, 0, "node 'rtc': clock: not in the binding" },
		{ "/device-regions/rtc/x", NULL, NULL, 0, "node 'x': not in the binding" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(foreign); i++) {
		struct spmc_messages messages;
		struct sp_manifest m;
		struct tree t;

		sp_tree_full(&t);
		tree_break(&t, &foreign[i]);
		read_good(&t, &m, &messages);
		expect_message(&messages, foreign[i].message);
		assert_int_equal(messages.warnings, 1);
		check_full(&m);
	}
}

static void a_manifest_does_not_fill_the_log(void **state unused_arg)
{
	struct spmc_messages messages;
	struct sp_manifest m;
	struct tree t;

	sp_tree_small(&t);
	for (unsigned i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "own-%u", i);
		i % 2 == 0 ? tree_flag(&t, "/", name) : tree_add(&t, "/", name);
	}
	read_good(&t, &m, &messages);
	assert_int_equal(messages.warnings, 16);
	expect_message(&messages, ", as is what follows and is not told");
}

static const struct bad_tree bad[] = {
	{ "/", "compatible", TEXT("arm,ffa-manifest-1.1"), "SP 'one': compatible: must be \"arm,ffa-manifest-1.0\"" },
	{ "/", "compatible", NULL, BAD_ABSENT, "compatible: must be" },
	{ "/", "debug_name", TEXT(""), "debug_name: must be a string" },
	{ "/", "description", CELLS("a"), "description: must be a string" },
	{ "/", "ffa-version", NULL, BAD_ABSENT, "ffa-version: the property is missing" },
	{ "/", "ffa-version", CELLS("\0\1\0\3"), "ffa-version: 0x10003 is not possible; FF-A 1.0 to 1.2 is" },
	{ "/", "ffa-version", CELLS("\0\0\0\1"), "ffa-version: 0x1 is not possible" },
	{ "/", "ffa-version", CELLS("\0\2\0\0"), "ffa-version: 0x20000 is not possible" },
	{ "/", "ffa-version", CELLS("\0\0\0\0\0\1\0\2\0\0\0\0"), "ffa-version: must be one number" },
	{ "/", "uuid", NULL, BAD_ABSENT, "uuid: the property is missing" },
	{ "/", "uuid", CELLS("\0\0\0\1\0\0\0\2\0\0\0\3"), "uuid: must be a list of groups of 4 numbers" },
	{ "/", "uuid", CELLS("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "uuid: the nil UUID names no service" },
	{ "/", "uuid", CELLS("\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"),
	  "uuid: a UUID is there twice" },
	{ "/", "id", CELLS("\0\1\0\0"), "id: 0x10000 is not possible" },
	{ "/", "messaging-method", NULL, BAD_ABSENT, "messaging-method: the property is missing" },
	{ "/", "messaging-method", CELLS("\0\0\0\x8"), "messaging-method: 0x8 has bits other than" },
	{ "/", "messaging-method", CELLS("\0\0\0\1\0\0\0\1\0\0\0\1"), "messaging-method: must be one number" },
	{ "/", "execution-ctx-count", NULL, BAD_ABSENT, "execution-ctx-count: the property is missing" },
	{ "/", "execution-ctx-count", CELLS("\0\0\0\0"),
	  "execution-ctx-count: must be 1, or at least the 4 of all CPUs" },
	{ "/", "execution-ctx-count", CELLS("\0\0\0\3"),
	  "execution-ctx-count: must be 1, or at least the 4 of all CPUs" },
	{ "/", "execution-ctx-count", CELLS("\0\0\0\5"), "execution-ctx-count: 5 are more than the 4 of vcpu_count" },
	{ "/", "exception-level", NULL, BAD_ABSENT, "exception-level: the property is missing" },
	{ "/", "exception-level", CELLS("\0\0\0\0"), "exception-level: must be 1 (S-EL0) or 2 (S-EL1)" },
	{ "/", "exception-level", CELLS("\0\0\0\1"), "execution-ctx-count: must be 1 at S-EL0" },
	{ "/", "execution-state", CELLS("\0\0\0\1"), "execution-state: must be 0" },
	{ "/", "execution-state", NULL, BAD_ABSENT, "execution-state: the property is missing" },
	{ "/", "entrypoint-offset", CELLS("\0\x10\0\0"),
	  "entrypoint-offset: 0x100000 is not possible; 0xfffff is the most" },
	{ "/", "entrypoint-offset", CELLS("\0\0\x40\2"), "entrypoint-offset: 0x4002 is no address of an instruction" },
	{ "/", "xlat-granule", CELLS("\0\0\0\1"), "xlat-granule: must be 0" },
	{ "/", "boot-order", CELLS("\0\1\0\0"), "boot-order: 0x10000 is not possible" },
	{ "/", "gp-register-num", CELLS("\0\0\0\4"), "gp-register-num: 0x4 is not possible; 0x3 is the most" },
	{ "/", "gp-register-num", NULL, BAD_ABSENT, "gp-register-num: is missing: the node boot-info needs it" },
	{ "/", "ns-interrupts-action", CELLS("\0\0\0\3"), "ns-interrupts-action: 0x3 is not possible" },
	{ "/", "ns-interrupts-action", CELLS("\0\0\0\2"), "managed-exit: contradicts ns-interrupts-action" },
	{ "/", "managed-exit", CELLS("\0\0\0\1"), "managed-exit: takes no value" },
	{ "/", "other-s-interrupts-action", CELLS("\0\0\0\0"), "other-s-interrupts-action: 0 (queued) needs" },
	{ "/", "other-s-interrupts-action", CELLS("\0\0\0\2"), "other-s-interrupts-action: 0x2 is not possible" },
	{ "/", "sri-interrupts-policy", CELLS("\0\0\0\4"), "sri-interrupts-policy: 0x4 is not possible" },
	{ "/", "time-slice-mem", CELLS("\0\0\0\0"), "time-slice-mem: takes no value" },
	{ "/", "power-management-messages", CELLS("\0\0\0\x8"), "power-management-messages: 0x8 is not possible" },
	{ "/", "vm-availability-messages", CELLS("\0\0\0\4"), "vm-availability-messages: 0x4 is not possible" },
	{ "/", "messaging-method", CELLS("\0\0\0\2"), "vm-availability-messages: come as direct requests" },
	{ "/", "notification-support", CELLS("\0\0\0\1"), "notification-support: takes no value" },
	{ "/", "abort-action", CELLS("\0\0\0\4"), "abort-action: 0x4 is not possible" },
	{ "/", "abort-action", CELLS("\0\0\0\3"), "abort-action: 3 (propagate) is not done" },
	{ "/", "trivet,watchdog-us", CELLS("\0\0\0\1\0\0\0\0"), "trivet,watchdog-us: 0x100000000 is not possible" },
	{ "/", "lifecycle-support", NULL, 0, "lifecycle-support: is of FF-A 1.3" },
	{ "/", "image-uuid", CELLS("\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"), "image-uuid: is of FF-A 1.3" },
	{ "/", "has-primary-scheduler", NULL, 0, "has-primary-scheduler: the normal world has it" },
	{ "/", "stream-endpoint-ids", CELLS("\0\0\0\1"), "stream-endpoint-ids: DMA cannot be confined" },
	{ "/services", NULL, NULL, 0, "node 'services': is of arm,ffa-manifest-1.1" },
	{ "/rx-tx-buffer", NULL, NULL, 0, "node 'rx-tx-buffer': its name must be rx_tx-info" },

	{ "/boot-info", "compatible", TEXT("boot-info"), "node 'boot-info': compatible: must be" },
	{ "/boot-info", "hob_list", NULL, 0, "node 'boot-info': hob_list: a package has no place for a HOB list" },
	{ "/boot-info", "ffa_manifest", CELLS("\0\0\0\1"), "ffa_manifest: takes no value" },
	{ "/rx_tx-info", "rx-buffer", CELLS("\0\0\0\x0d"), "node 'rx_tx-info': rx-buffer and tx-buffer must be two" },
	{ "/rx_tx-info", "rx-buffer", CELLS("\0\0\0\0"), "rx-buffer and tx-buffer must be two memory regions" },
	{ "/rx_tx-info", "rx-buffer", CELLS("\0\0\0\x0c"), "rx-buffer and tx-buffer must be two memory regions" },
	{ "/rx_tx-info", "tx-buffer", NULL, BAD_ABSENT, "tx-buffer: the property is missing" },
	{ "/memory-regions/tx", "attributes", CELLS("\0\0\0\1"), "must be Secure data, and tx-buffer one to write" },
	{ "/memory-regions/rx", "attributes", CELLS("\0\0\0\5"), "must be Secure data, and tx-buffer one to write" },
	{ "/memory-regions/code", "phandle", CELLS("\0\0\0\x0b"), "node 'code': phandle: another region has it too" },

	{ "/memory-regions", "compatible", NULL, BAD_ABSENT, "node 'memory-regions': compatible: must be" },
	{ "/memory-regions/code", "base-address", NULL, BAD_ABSENT, "node 'code': base-address: give either" },
	{ "/memory-regions/code", "load-address-relative-offset", CELLS("\0\0\0\0"),
	  "node 'code': base-address: give either" },
	{ "/memory-regions/rx", "load-address-relative-offset", CELLS("\xff\xff\xff\xff\xff\xff\xf0\0"),
	  "leads beyond all" },
	{ "/memory-regions/code", "base-address", CELLS("\xe\xf0\0\1"),
	  "node 'code': 0xef00001 is not the start of a page" },
	{ "/memory-regions/code", "base-address", CELLS("\x40\0\0\0"),
	  "node 'code': 0x40000000 with 0x3000 bytes is not in a" },
	{ "/memory-regions/code", "base-address", CELLS("\xe\x17\xd0\0"),
	  "node 'code': 0xe17d000 with 0x3000 bytes overlaps" },
	{ "/memory-regions/code", "base-address", CELLS("\xe\x7f\xe0\0"),
	  "node 'code': lies half in the package's memory" },
	{ "/memory-regions/code", "base-address", CELLS("\xe\x8f\xe0\0"), "overlaps the memory region" },
	{ "/memory-regions/code", "pages-count", NULL, BAD_ABSENT,
	  "node 'code': pages-count: the property is missing" },
	{ "/memory-regions/code", "pages-count", CELLS("\0\0\0\0"),
	  "node 'code': 0xef00000 with 0x0 bytes is not in a range" },
	{ "/memory-regions/code", "pages-count", CELLS("\0\0\0\x10\0\0\0\1"),
	  "pages-count: 0x1000000001 is not possible" },
	{ "/memory-regions/code", "attributes", NULL, BAD_ABSENT, "node 'code': attributes: the property is missing" },
	{ "/memory-regions/code", "attributes", CELLS("\0\0\0\7"),
	  "attributes: memory to execute cannot be written too" },
	{ "/memory-regions/code", "attributes", CELLS("\0\0\0\4"), "attributes: bit 0 (read) is missing" },
	{ "/memory-regions/code", "attributes", CELLS("\0\0\0\xd"),
	  "attributes: memory to execute cannot be Non-secure" },
	{ "/memory-regions/code", "attributes", CELLS("\0\0\0\x11"), "attributes: 0x11 is not possible" },
	{ "/memory-regions/shared", "attributes", CELLS("\0\0\0\3"),
	  "node 'shared': 0x48000000 with 0x2000 bytes is not in a" },
	{ "/memory-regions/code", "smmu-id", CELLS("\0\0\0\0"), "node 'code': smmu-id: DMA cannot be confined" },
	{ "/memory-regions/code", "stream-ids", CELLS("\0\0\0\1"), "node 'code': stream-ids: DMA cannot be confined" },
	{ "/memory-regions/code", "stream-ids-access-permissions", CELLS("\0\0\0\1"),
	  "stream-ids-access-permissions: DMA" },

	{ "/device-regions", "compatible", NULL, BAD_ABSENT, "node 'device-regions': compatible: must be" },
	{ "/device-regions/rtc", "base-address", NULL, BAD_ABSENT,
	  "node 'rtc': base-address: the property is missing" },
	{ "/device-regions/rtc", "base-address", CELLS("\x09\x04\0\0"),
	  "node 'rtc': 0x9040000 with 0x1000 bytes is not in a" },
	{ "/device-regions/rtc", "base-address", CELLS("\x0e\xf0\0\0"),
	  "node 'rtc': 0xef00000 with 0x1000 bytes is not in a" },
	{ "/device-regions/rtc", "pages-count", CELLS("\0\0\0\2"),
	  "node 'rtc': 0x9010000 with 0x2000 bytes is not in a" },
	{ "/device-regions/rtc", "attributes", CELLS("\0\0\0\5"), "attributes: nothing is executed from a device" },
	{ "/device-regions/rtc", "attributes", CELLS("\0\0\0\2"), "attributes: bit 0 (read) is missing" },
	{ "/device-regions/rtc", "smmu-id", CELLS("\0\0\0\1"), "node 'rtc': smmu-id: DMA cannot be confined" },
	{ "/device-regions/rtc", "stream-ids", CELLS("\0\0\0\1"), "node 'rtc': stream-ids: DMA cannot be confined" },
	{ "/device-regions/rtc", "exclusive-access", CELLS("\0\0\0\1"), "exclusive-access: takes no value" },
	{ "/device-regions/rtc", "interrupts", CELLS("\0\0\0\x22"), "interrupts: must be a list of groups of 2" },
	{ "/device-regions/rtc", "interrupts", CELLS("\0\0\0\x22\0\0\x1b\x40"),
	  "interrupts: 0x1b40 of interrupt 34 has bits" },
	{ "/device-regions/rtc", "interrupts", CELLS("\0\0\0\x22\0\0\x07\x40"),
	  "interrupts: 34 is no interrupt of a device" },
	{ "/device-regions/rtc", "interrupts", CELLS("\0\0\0\x09\0\0\x01\x40"),
	  "interrupts: 9 is no interrupt of a device" },
	{ "/device-regions/rtc", "interrupts", CELLS("\0\0\x03\xfc\0\0\x09\x40"), "interrupts: 1020 is no interrupt" },
	{ "/device-regions/rtc", "interrupts", CELLS("\0\0\0\x14\0\0\x05\x40"), "interrupts: 20 is a timer's" },
	{ "/device-regions/rtc", "interrupts", CELLS("\0\0\0\x22\0\0\x0b\x40\0\0\0\x22\0\0\x0b\x40"),
	  "interrupt 34 is there" },
	{ "/device-regions/rtc", "interrupts-target", CELLS("\0\0\0\x23\0\0\0\0\0\0\0\2"),
	  "interrupts-target: 35 is no SPI" },
	{ "/device-regions/rtc", "interrupts-target", CELLS("\0\0\0\x16\0\0\0\0\0\0\0\2"),
	  "interrupts-target: 22 is no SPI" },
	{ "/device-regions/rtc", "interrupts-target", CELLS("\0\0\0\x22\0\0\0\0\0\0\0\4"), "there is no CPU 0x4" },
	{ "/device-regions/rtc", "interrupts-target", CELLS("\0\0\0\x22\0\0\0\0"),
	  "interrupts-target: must be a list of" },
};

static void refuse(const struct tree *t, const char *message)
{
	struct spmc_messages messages = spmc_messages_new();
	struct sp_manifest m;

	assert_int_equal(sp_manifest_read(tree_blob(t), &spmc, &spmc.sps[0], &m, &messages.report), ERR_INVALID);
	expect_message(&messages, "SP 'one': ");
	expect_message(&messages, message);
	assert_int_equal(messages.errors, 1);
}

static void each_fault_is_one_message_that_names_it(void **state unused_arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct tree t;

		sp_tree_full(&t);
		tree_break(&t, &bad[i]);
		refuse(&t, bad[i].message);
	}
}

/* What only shows without the other properties. */
static void properties_that_depend_on_others(void **state unused_arg)
{
	static const struct bad_tree alone[] = {
		{ "/", "managed-exit-virq", NULL, 0, "managed-exit-virq: needs ns-interrupts-action = <1>" },
		{ "/", "other-s-interrupts-action", CELLS("\0\0\0\0"), "0 (queued) needs ns-interrupts-action = <0>" },
	};
	struct tree t;

	for (unsigned i = 0; i < ARRAY_SIZE(alone); i++) {
		sp_tree_small(&t);
		tree_break(&t, &alone[i]);
		refuse(&t, alone[i].message);
	}
	sp_tree_small(&t);
	tree_u32(&t, "/", "ffa-version", 0x10001);
	tree_u32(&t, "/", "messaging-method", 0x200);
	refuse(&t, "messaging-method: bits 9 and 10 need FF-A 1.2");
	sp_tree_small(&t);
	tree_u32(&t, "/", "exception-level", 1);
	tree_u32(&t, "/", "ns-interrupts-action", 1);
	refuse(&t, "ns-interrupts-action: a managed exit is for S-EL1 only");
	tree_u32(&t, "/", "ns-interrupts-action", 2);
	tree_u32(&t, "/", "sri-interrupts-policy", 1);
	refuse(&t, "sri-interrupts-policy: is for S-EL1 only");
	/* A private level that is served on another CPU would not end. */
	sp_tree_full(&t);
	tree_u32(&t, "/", "execution-ctx-count", 1);
	tree_delete(&t, "/", "power-management-messages");
	tree_list(&t, "/device-regions/rtc", "interrupts", 34, 0xb40, 22, 0x710);
	refuse(&t, "interrupts: 22 is a level of one CPU, and the SP moves between several");
}

static void numbers_of_things_are_bounded(void **state unused_arg)
{
	uint32_t interrupts[2 * (SP_INTERRUPTS_MAX + 1)];
	uint32_t uuids[4 * (SP_UUIDS_MAX + 1)];
	struct spmc_messages messages;
	struct sp_manifest m;
	static struct tree t;

	sp_tree_small(&t);
	tree_add(&t, "/", "memory-regions");
	tree_string(&t, "/memory-regions", "compatible", "arm,ffa-manifest-memory-regions");
	for (unsigned i = 0; i < SP_REGIONS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%u", i);
		tree_region(&t, "/memory-regions", name, 0x0ef00000 + i * 0x1000, 1, 3);
	}
	read_good(&t, &m, &messages);
	assert_int_equal(m.memory_count, SP_REGIONS_MAX);
	tree_region(&t, "/memory-regions", "more", 0x0ef80000, 1, 3);
	refuse(&t, "more than 32 memory regions");

	sp_tree_small(&t);
	tree_add(&t, "/", "device-regions");
	tree_string(&t, "/device-regions", "compatible", "arm,ffa-manifest-device-regions");
	tree_region(&t, "/device-regions", "rtc", 0x09010000, 1, 3);
	for (unsigned i = 0; i <= SP_INTERRUPTS_MAX; i++) {
		interrupts[2 * i] = 32 + i;
		interrupts[2 * i + 1] = 0x900;
	}
	tree_cells(&t, "/device-regions/rtc", "interrupts", interrupts, 2 * SP_INTERRUPTS_MAX);
	read_good(&t, &m, &messages);
	assert_int_equal(m.interrupt_count, SP_INTERRUPTS_MAX);

	sp_tree_small(&t);
	for (unsigned i = 0; i < ARRAY_SIZE(uuids); i++) {
		uuids[i] = i + 1;
	}
	tree_cells(&t, "/", "uuid", uuids, ARRAY_SIZE(uuids));
	refuse(&t, "uuid: more than 4 entries");
}

static void long_names_are_cut(void **state unused_arg)
{
	struct spmc_messages messages;
	struct sp_manifest m;
	struct tree t;

	sp_tree_small(&t);
	tree_add(&t, "/", "memory-regions");
	tree_string(&t, "/memory-regions", "compatible", "arm,ffa-manifest-memory-regions");
	tree_region(&t, "/memory-regions", "r", 0x0ef00000, 1, 3);
	tree_string(&t, "/memory-regions/r", "description", "a name that is longer than a name may be here");
	read_good(&t, &m, &messages);
	assert_string_equal(m.memory[0].name, "a name that is longer than a na");
}

static void check(const struct sp_manifest *m)
{
	assert_true(m->uuid_count >= 1 && m->uuid_count <= SP_UUIDS_MAX && m->vcpu_count >= 1 && m->vcpu_count <= 4);
	assert_true(m->memory_count <= SP_REGIONS_MAX && m->device_count <= SP_REGIONS_MAX);
	assert_true(m->interrupt_count <= SP_INTERRUPTS_MAX && m->entry_offset < spmc.sps[0].mem_size);
	for (unsigned i = 0; i < m->memory_count; i++) {
		const struct sp_memory_region *r = &m->memory[i];

		assert_true(IS_ALIGNED(r->base, PAGE_SIZE) && r->read && !(r->write && r->execute));
		assert_true(spmc_has_memory(&spmc, r->ns ? SPMC_MEMORY_NS : SPMC_MEMORY_SECURE, r->base,
					    r->pages << PAGE_SHIFT));
	}
	for (unsigned i = 0; i < m->interrupt_count; i++) {
		assert_true(m->interrupts[i].intid >= 16 && m->interrupts[i].intid < 1020);
	}
}

static void random_damage_is_refused_or_harmless(void **state unused_arg)
{
	static struct tree good;
	unsigned accepted = 0;

	sp_tree_full(&good);
	fdt_pack(good.fdt);
	for (unsigned i = 0; i < 20000; i++) {
		struct spmc_messages messages = spmc_messages_new();
		size_t size = fdt_totalsize(good.fdt);
		uint8_t *copy = exact_copy(good.fdt, size);
		struct sp_manifest m;

		random_damage(copy, size);
		if (sp_manifest_read(span_of(copy, size), &spmc, &spmc.sps[0], &m, &messages.report) == OK) {
			assert_int_equal(messages.errors, 0);
			check(&m);
			accepted++;
		} else {
			assert_int_equal(messages.errors, 1);
		}
		free(copy);
	}
	assert_true(accepted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_has_defaults),
		cmocka_unit_test(every_property_is_read),
		cmocka_unit_test(the_order_of_nodes_does_not_matter),
		cmocka_unit_test(an_s_el0_partition_is_read),
		cmocka_unit_test(managed_exit_alone_is_the_old_way_to_say_it),
		cmocka_unit_test(wishes_that_are_not_granted_are_told),
		cmocka_unit_test(what_the_binding_does_not_define_is_told),
		cmocka_unit_test(a_manifest_does_not_fill_the_log),
		cmocka_unit_test(each_fault_is_one_message_that_names_it),
		cmocka_unit_test(properties_that_depend_on_others),
		cmocka_unit_test(numbers_of_things_are_bounded),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(random_damage_is_refused_or_harmless),
	};

	random_start("sp_manifest");
	spmc_good(&spmc);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
