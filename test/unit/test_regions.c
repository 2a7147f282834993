/* SPDX-License-Identifier: MIT */
/* The shared memories of a manifest: which are made, what is said of the others, and how a VM's tables show them. */
#include "bundle_test.h"

#include "arch/host/host.h"
#include "core/mm/pool.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/vcpu/vcpu.h"
#include "role/hyp/regions.h"
#include "role/hyp/vm.h"

static struct tree tree;
static struct manifest manifest;
static struct messages messages;
static char last_logged[256];

void vgic_port_kick(struct vcpu *target)
{
	(void)target;
}
void vgic_port_wait(void)
{
}
bool vgic_port_loaded_elsewhere(const struct vcpu *target)
{
	(void)target;
	return false;
}
bool vgic_port_physical_line(unsigned intid)
{
	(void)intid;
	return false;
}
void vgic_port_set_physical_active(unsigned intid, bool active)
{
	(void)intid;
	(void)active;
}

static void note_message(enum log_level level, const char *text)
{
	(void)level;
	snprintf(last_logged, sizeof(last_logged), "%s", text);
}

static int setup(void **state)
{
	static _Alignas(BLOCK_SIZE) uint8_t memory[MIB(8)];

	(void)state;
	host_log_hook = note_message;
	last_logged[0] = '\0';
	pool_reset();
	assert_int_equal(pool_add(pa_from_ptr(memory), sizeof(memory)), OK);
	list_init(&regions);
	messages = messages_new();
	tree_good(&tree);
	tree_add(&tree, "/", "shared-memory");
	return 0;
}

static void add_region(const char *name, uint32_t kib)
{
	char path[64];

	snprintf(path, sizeof(path), "/shared-memory/%s", name);
	tree_add(&tree, "/shared-memory", name);
	tree_u32(&tree, path, "size-kib", kib);
}

static void add_user(const char *region)
{
	char path[64];

	snprintf(path, sizeof(path), "/vms/a/devices/on-%s", region);
	tree_add(&tree, "/vms/a/devices", strrchr(path, '/') + 1);
	tree_string(&tree, path, "compatible", "shared-memory");
	tree_string(&tree, path, "region", region);
}

static void create(void)
{
	assert_int_equal(manifest_open(&manifest, span_of(tree.fdt, fdt_totalsize(tree.fdt)), 4, &messages.report), OK);
	regions_create(&manifest, &messages.report);
}

static void what_is_used_is_made(void **state unused_arg)
{
	const struct shared_region *region;

	add_region("r", 64);
	add_user("r");
	create();
	assert_int_equal(messages.count, 0);
	region = region_find("r");
	assert_non_null(region);
	assert_int_equal(region->size, KIB(64));
	assert_int_equal(region->peer_count, 1);
	assert_int_equal(pool_owner(region->memory), PAGE_OWNER_SHARED);
	assert_int_equal(pool_owner(pa(region->memory.v + KIB(64) - 1)), PAGE_OWNER_SHARED);
	assert_null(region_find("s"));
}

static void what_cannot_be_made_is_said(void **state unused_arg)
{
	static const struct {
		uint32_t kib;
		bool used;
		const char *message;
	} cases[] = {
		{ 64, false,
		  "device 'r': no VM uses this shared memory; remove it, or give one a device with region = \"r\"" },
		{ 6, true, "device 'r': size-kib: 6 KiB are not possible" },
		{ 64 << 10, true, "device 'r': size-kib: 65536 KiB are asked for, but only " },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(state);
		add_region("r", cases[i].kib);
		if (cases[i].used) {
			add_user("r");
		}
		create();
		assert_int_equal(messages.count, 1);
		if (strncmp(messages.last, cases[i].message, strlen(cases[i].message)) != 0) {
			fail_msg("case %u says: %s", i, messages.last);
		}
		assert_null(region_find("r"));
	}
}

/* Two nodes of one name: dtc would merge them, so one is renamed in the tree. */
static void the_second_of_a_name_is_refused(void **state unused_arg)
{
	add_region("r", 4);
	add_region("s", 8);
	add_user("r");
	assert_int_equal(fdt_set_name(tree.fdt, tree_node(&tree, "/shared-memory/s"), "r"), 0);
	create();
	assert_int_equal(messages.count, 1);
	assert_non_null(strstr(messages.last, "device 'r': the name is taken by an earlier shared memory"));
	assert_int_equal(region_find("r")->size, KIB(8));
}

static void tables_show_what_the_vm_may_do(void **state unused_arg)
{
	struct vm_config config = {
		.region_count = 2,
		.regions = { { .name = "x",
			       .region = "r",
			       .base = GUEST_SHARED_BASE,
			       .size = KIB(64),
			       .read_only = true },
			     { .name = "y", .region = "s", .base = GUEST_SHARED_BASE + BLOCK_SIZE, .size = KIB(4) } },
	};
	static struct hyp_vm vm;
	unsigned attrs;
	uint64_t run;
	pa_t to;

	add_region("r", 64);
	add_region("s", 4);
	add_user("r");
	add_user("s");
	create();
	vm.config = &config;
	strcpy(vm.vm.name, "a");
	assert_int_equal(stage2_init(&vm.vm.stage2, STAGE2_VM, 32, 1, 2, 0), OK);
	assert_true(regions_map(&vm));
	assert_true(stage2_lookup(&vm.vm.stage2, ipa(GUEST_SHARED_BASE + KIB(60)), &to, &attrs, &run));
	assert_int_equal(attrs, STAGE2_R);
	assert_int_equal(to.v, region_find("r")->memory.v + KIB(60));
	assert_false(stage2_lookup(&vm.vm.stage2, ipa(GUEST_SHARED_BASE + KIB(64)), &to, &attrs, &run));
	assert_true(stage2_lookup(&vm.vm.stage2, ipa(GUEST_SHARED_BASE + BLOCK_SIZE), &to, &attrs, &run));
	assert_int_equal(attrs, STAGE2_R | STAGE2_W);
	assert_int_equal(to.v, region_find("s")->memory.v);
	stage2_destroy(&vm.vm.stage2);

	config.regions[1].region = "gone";
	assert_int_equal(stage2_init(&vm.vm.stage2, STAGE2_VM, 32, 1, 2, 0), OK);
	assert_false(regions_map(&vm));
	assert_non_null(strstr(last_logged, "VM 'a': device 'y': region: there is no 'gone'"));
	stage2_destroy(&vm.vm.stage2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_used_is_made, setup),
		cmocka_unit_test_setup(what_cannot_be_made_is_said, setup),
		cmocka_unit_test_setup(the_second_of_a_name_is_refused, setup),
		cmocka_unit_test_setup(tables_show_what_the_vm_may_do, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
