/* SPDX-License-Identifier: MIT */
#include "bundle_test.h"
#include "role/hyp/manifest.h"

#define CPUS 4

static struct span blob(const struct tree *t)
{
	return span_of(t->fdt, fdt_totalsize(t->fdt));
}

static void open_good(struct tree *t, struct manifest *m)
{
	struct messages messages = messages_new();

	assert_int_equal(manifest_open(m, blob(t), CPUS, &messages.report), OK);
	assert_int_equal(messages.count, 0);
}

static void all_keys_are_read(void **state unused_arg)
{
	struct tree t;
	struct manifest m;
	struct messages messages = messages_new();
	struct vm_config c;
	int node;

	tree_good(&t);
	open_good(&t, &m);
	assert_int_equal(m.vm_count, 1);
	node = manifest_next_vm(&m, -1);
	assert_true(node >= 0);
	assert_int_equal(manifest_next_vm(&m, node), -1);
	assert_int_equal(manifest_read_vm(&m, node, &c, &messages.report), OK);
	assert_int_equal(messages.count, 0);

	assert_string_equal(c.name, "a");
	assert_int_equal(c.index, 0);
	assert_int_equal(c.vcpu_count, 2);
	assert_int_equal(c.affinity[0], 3);
	assert_int_equal(c.affinity[1], 1);
	assert_int_equal(c.memory_size, MIB(64));
	assert_string_equal(c.kernel, "Image");
	assert_false(c.raw);
	assert_string_equal(c.initrd, "initramfs");
	assert_string_equal(c.bootargs, "console=ttyAMA0");
	assert_int_equal(c.device_count, 4);
	assert_int_equal(c.devices[0].kind, VM_DEVICE_BLK);
	assert_string_equal(c.devices[0].name, "disk");
	assert_string_equal(c.devices[0].file, "disk.img");
	assert_true(c.devices[0].read_only);
	assert_int_equal(c.devices[1].kind, VM_DEVICE_NET);
	assert_memory_equal(c.devices[1].mac, "\x52\x54\0\x12\x34\x56", 6);
	assert_int_equal(c.devices[2].kind, VM_DEVICE_CONSOLE);
	assert_int_equal(c.devices[3].kind, VM_DEVICE_RNG);
	assert_string_equal(c.devices[3].name, "rng");
}

static void absent_keys_have_defaults(void **state unused_arg)
{
	static const uint8_t made[6] = { 0x52, 0x54, 0, 0x76, 1, 1 };
	struct tree t;
	struct manifest m;
	struct messages messages = messages_new();
	struct vm_config c;
	int node;

	tree_good(&t);
	tree_add_vm(&t, "b");
	tree_u32(&t, "/vms/b", "vcpus", 6);
	tree_u32(&t, "/vms/b", "load-offset", 0x3fff000);
	/* 'a' is the second one now; its network device is in slot 1. */
	tree_delete(&t, "/vms/a/devices/lan", "mac");
	tree_delete(&t, "/vms/a/devices/disk", "read-only");
	open_good(&t, &m);
	assert_int_equal(m.vm_count, 2);
	node = manifest_next_vm(&m, -1);
	assert_int_equal(manifest_read_vm(&m, node, &c, &messages.report), OK);
	assert_string_equal(c.name, "b");
	assert_null(c.initrd);
	assert_null(c.bootargs);
	assert_int_equal(c.device_count, 0);
	assert_true(c.raw);
	assert_int_equal(c.load_offset, 0x3fff000);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(c.affinity[i], i % CPUS);
	}
	node = manifest_next_vm(&m, node);
	assert_int_equal(manifest_read_vm(&m, node, &c, &messages.report), OK);
	assert_int_equal(c.index, 1);
	assert_memory_equal(c.devices[1].mac, made, 6);
	assert_false(c.devices[0].read_only);
}

/* One change to the good manifest, and the message that it must bring. */
struct bad {
	const char *path; /* relative to /vms/a */
	const char *key;  /* NULL: add a node of that path under its parent */
	const char *value;
	size_t size;
	const char *message;
};

#define ABSENT ((size_t)-1)
#define CELLS(s) s, sizeof(s) - 1
#define TEXT(s) s, sizeof(s)

static const struct bad bad[] = {
	{ "", "memroy", CELLS("\0\0\0\1"), "VM 'a': memroy: unknown key" },
	{ "", "vcpus", NULL, ABSENT, "VM 'a': vcpus: the key is missing" },
	{ "", "vcpus", CELLS("\0\0\0\0"), "VM 'a': vcpus: 0 vCPUs are not possible; a VM has 1 to 123" },
	{ "", "vcpus", CELLS("\0\0\0\x7c"), "VM 'a': vcpus: 124 vCPUs are not possible" },
	{ "", "vcpus", CELLS("\xff\xff\xff\xff"), "VM 'a': vcpus: 4294967295 vCPUs" },
	{ "", "vcpus", CELLS("\0\0\0\1\0\0\0\1"), "VM 'a': vcpus: must be a number" },
	{ "", "vcpus", TEXT("4"), "VM 'a': vcpus: must be a number" },
	{ "", "affinity", CELLS("\0\0\0\1\0\0\0\1\0\0\0\1"), "VM 'a': affinity: 3 CPUs are given; give one for all" },
	{ "", "affinity", CELLS("\0\0\0\4"),
	  "VM 'a': affinity: physical CPU 4 does not exist; this machine has 0 to 3" },
	{ "", "affinity", CELLS("\0\0\0\1\xff\xff\xff\xff"), "VM 'a': affinity: physical CPU 4294967295 does not" },
	{ "", "affinity", NULL, 0, "VM 'a': affinity: must be a list" },
	{ "", "memory-mib", NULL, ABSENT, "VM 'a': memory-mib: the key is missing" },
	{ "", "memory-mib", CELLS("\0\0\0\0"), "VM 'a': memory-mib: 0 MiB are not possible" },
	{ "", "memory-mib", CELLS("\0\0\0\x41"), "VM 'a': memory-mib: 65 MiB are not possible; give an even number" },
	{ "", "memory-mib", CELLS("\xff\xff\xff\xfe"), "VM 'a': memory-mib: 4294967294 MiB are not possible" },
	{ "", "memory-mib", TEXT("64M"), "VM 'a': memory-mib: 909397248 MiB are not possible" },
	{ "", "kernel", NULL, ABSENT, "VM 'a': kernel: the key is missing; give the name of a file" },
	{ "", "kernel", TEXT(""), "VM 'a': kernel: must be the name of a file" },
	{ "", "kernel", CELLS("Image"), "VM 'a': kernel: must be the name of a file" },
	{ "", "kernel", TEXT("Ima\nge"), "VM 'a': kernel: must be the name of a file" },
	{ "", "initrd", TEXT("a\0b"), "VM 'a': initrd: must be the name of a file" },
	{ "", "bootargs", TEXT("a\033[2J"), "VM 'a': bootargs: must be one string" },
	{ "", "load-offset", CELLS("\0\0\0\4"), "VM 'a': load-offset: 0x4 is not possible; give a multiple of 0x1000" },
	{ "", "load-offset", CELLS("\4\0\0\0"), "VM 'a': load-offset: 0x4000000 is not possible" },
	{ "", "load-offset", CELLS("\xff\xff\xff\xff\xff\xff\xf0\0"),
	  "VM 'a': load-offset: 0xfffffffffffff000 is not" },
	{ "/disks", NULL, NULL, 0, "VM 'a': disks: unknown node" },
	{ "/devices", "x", NULL, 0, "VM 'a': device 'devices': x: unknown key" },
	{ "/devices/disk", "compatible", NULL, ABSENT, "VM 'a': device 'disk': compatible: the key is missing" },
	{ "/devices/disk", "compatible", TEXT("ide"),
	  "VM 'a': device 'disk': compatible: 'ide' is not known; use virtio-blk" },
	{ "/devices/disk", "file", NULL, ABSENT, "VM 'a': device 'disk': file: the key is missing" },
	{ "/devices/disk", "read-only", CELLS("\0\0\0\1"), "VM 'a': device 'disk': read-only: takes no value" },
	{ "/devices/disk", "mac", CELLS("123456"), "VM 'a': device 'disk': mac: unknown key" },
	{ "/devices/disk/part", NULL, NULL, 0, "VM 'a': device 'disk': part: unknown node" },
	{ "/devices/lan", "mac", CELLS("12345"), "VM 'a': device 'lan': mac: must be the six bytes" },
	{ "/devices/lan", "mac", CELLS("\1\0\0\0\0\0"),
	  "VM 'a': device 'lan': mac: must be the six bytes of a unicast" },
	{ "/devices/lan", "mac", CELLS("\0\0\0\0\0\0"), "VM 'a': device 'lan': mac: must be the six bytes" },
	{ "/devices/rng", "file", TEXT("x"), "VM 'a': device 'rng': file: unknown key" },
	{ "/devices/lan", "switch", TEXT("nowhere"),
	  "VM 'a': device 'lan': switch: there is no 'nowhere' in /switches" },
	{ "/devices/lan", "switch", CELLS("\0\0\0\1"), "VM 'a': device 'lan': switch: must be the name" },
	{ "/devices/x@1", NULL, NULL, 0, "VM 'a': device 'x@1' has a bad name" },
	{ "/devices/y", NULL, NULL, 0, "VM 'a': device 'y': compatible: the key is missing" },
};

static void change(struct tree *t, const struct bad *b)
{
	char path[64];
	char *slash;

	snprintf(path, sizeof(path), "/vms/a%s", b->path);
	if (b->key == NULL) {
		slash = strrchr(path, '/');
		*slash = '\0';
		tree_add(t, path, slash + 1);
	} else if (b->size == ABSENT) {
		tree_delete(t, path, b->key);
	} else {
		tree_bytes(t, path, b->key, b->value, b->size);
	}
}

/* The VM beside the bad one is read all the same. */
static void each_fault_is_one_message_that_names_it(void **state unused_arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct messages messages = messages_new();
		struct vm_config c;
		struct manifest m;
		struct tree t;
		unsigned good = 0;

		tree_good(&t);
		tree_add_vm(&t, "b");
		change(&t, &bad[i]);
		open_good(&t, &m);
		for (int node = manifest_next_vm(&m, -1); node >= 0; node = manifest_next_vm(&m, node)) {
			good += manifest_read_vm(&m, node, &c, &messages.report) == OK;
		}
		assert_int_equal(good, 1);
		assert_int_equal(messages.count, 1);
		if (strncmp(messages.last, bad[i].message, strlen(bad[i].message)) != 0) {
			fail_msg("case %u says: %s", i, messages.last);
		}
	}
}

static void switches_are_read(void **state unused_arg)
{
	struct messages messages = messages_new();
	struct switch_config sw;
	struct vm_config c;
	struct manifest m;
	struct tree t;
	int node;

	tree_good(&t);
	open_good(&t, &m);
	assert_int_equal(manifest_next_switch(&m, -1), -1);
	tree_add(&t, "/", "switches");
	tree_add(&t, "/switches", "quiet");
	tree_add(&t, "/switches", "home");
	tree_string(&t, "/switches/home", "dhcp", "10.7.0.0/24");
	tree_string(&t, "/vms/a/devices/lan", "switch", "home");
	open_good(&t, &m);
	for (node = manifest_next_switch(&m, -1); node >= 0; node = manifest_next_switch(&m, node)) {
		assert_int_equal(manifest_read_switch(&m, node, &sw, &messages.report), OK);
		assert_int_equal(sw.dhcp, strcmp(sw.name, "home") == 0);
		assert_int_equal(manifest_switch_ports(&m, sw.name), sw.dhcp);
		if (sw.dhcp) {
			assert_int_equal(sw.network, 0x0a070000);
			assert_int_equal(sw.prefix, 24);
		}
	}
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), OK);
	assert_string_equal(c.devices[1].network, "home");
	assert_null(c.devices[0].network);
	assert_int_equal(messages.count, 0);
}

static void bad_switches_are_named(void **state unused_arg)
{
	static const char *const networks[] = { "",
						"10.7.0.0",
						"10.7.0.0/",
						"10.7.0.0/7",
						"10.7.0.0/30",
						"10.7.0.1/24",
						"10.7.0.256/24",
						"10.7.0/24",
						"a.7.0.0/24",
						"10.7.0.0/24 ",
						"10..0.0/24",
						"10.7.0.0.0/24",
						"10.7.0.0/-1",
						"1000.7.0.0/8" };
	struct switch_config sw;
	struct manifest m;
	struct tree t;

	for (unsigned i = 0; i < ARRAY_SIZE(networks); i++) {
		struct messages messages = messages_new();

		tree_good(&t);
		tree_add(&t, "/", "switches");
		tree_add(&t, "/switches", "home");
		tree_string(&t, "/switches/home", "dhcp", networks[i]);
		open_good(&t, &m);
		assert_int_equal(manifest_read_switch(&m, manifest_next_switch(&m, -1), &sw, &messages.report),
				 ERR_INVALID);
		assert_int_equal(messages.count, 1);
		assert_non_null(strstr(messages.last, "'home': dhcp: "));
	}
}

static void long_values_are_refused(void **state unused_arg)
{
	struct messages messages = messages_new();
	char text[MANIFEST_BOOTARGS_MAX + 2];
	uint32_t cpus[GUEST_CPU_MAX + 1] = { 0 };
	struct vm_config c;
	struct manifest m;
	struct tree t;

	memset(text, 'x', sizeof(text));
	text[MANIFEST_BOOTARGS_MAX + 1] = '\0';
	tree_good(&t);
	tree_string(&t, "/vms/a", "bootargs", text);
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), ERR_INVALID);
	assert_string_equal(messages.last, "VM 'a': bootargs: longer than 2047 characters; shorten it");
	tree_string(&t, "/vms/a", "bootargs", text + 1);
	tree_bytes(&t, "/vms/a", "affinity", cpus, sizeof(cpus));
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), ERR_INVALID);
	assert_string_equal(messages.last,
			    "VM 'a': affinity: too many CPUs; give one for all, or one for each of the 2 vCPUs");
	tree_delete(&t, "/vms/a", "affinity");
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), OK);
}

static void a_vm_has_as_many_devices_as_slots(void **state unused_arg)
{
	struct messages messages = messages_new();
	struct vm_config c;
	struct manifest m;
	struct tree t;

	tree_good(&t);
	for (unsigned i = 4; i <= GUEST_VIRTIO_SLOTS; i++) {
		char name[32], path[64];

		if (i == GUEST_VIRTIO_SLOTS) {
			open_good(&t, &m);
			assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), OK);
			assert_int_equal(c.device_count, GUEST_VIRTIO_SLOTS);
		}
		snprintf(name, sizeof(name), "rng%u", i);
		snprintf(path, sizeof(path), "/vms/a/devices/%s", name);
		tree_add(&t, "/vms/a/devices", name);
		tree_string(&t, path, "compatible", "virtio-rng");
	}
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), ERR_INVALID);
	assert_string_equal(messages.last, "VM 'a': device 'rng': one device too many; a VM has up to 32");
}

/* libfdt refuses to make two nodes of one name, a hostile blob does not. */
static void names_are_taken_once(void **state unused_arg)
{
	struct messages messages = messages_new();
	struct vm_config c;
	struct manifest m;
	struct tree t;
	int node;

	tree_good(&t);
	tree_add_vm(&t, "b");
	memcpy((char *)(uintptr_t)fdt_get_name(t.fdt, tree_node(&t, "/vms/b"), NULL), "a", 1);
	open_good(&t, &m);
	node = manifest_next_vm(&m, -1);
	assert_int_equal(manifest_read_vm(&m, node, &c, &messages.report), OK);
	node = manifest_next_vm(&m, node);
	assert_int_equal(manifest_read_vm(&m, node, &c, &messages.report), ERR_INVALID);
	assert_string_equal(messages.last, "VM 'a': the name is taken by an earlier VM; choose another");

	tree_good(&t);
	tree_add(&t, "/vms/a/devices", "abc");
	tree_string(&t, "/vms/a/devices/abc", "compatible", "virtio-rng");
	memcpy((char *)(uintptr_t)fdt_get_name(t.fdt, tree_node(&t, "/vms/a/devices/abc"), NULL), "rng", 3);
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), ERR_INVALID);
	assert_string_equal(messages.last, "VM 'a': device 'rng': the name is taken by another device; choose another");
}

static void bad_vm_names_are_refused(void **state unused_arg)
{
	static const char *const names[] = { "a@0", "-a", "a b", "a23456789012345678901234567890123", "b\033" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct messages messages = messages_new();
		struct vm_config c;
		struct manifest m;
		struct tree t;

		tree_good(&t);
		tree_add_vm(&t, names[i]);
		open_good(&t, &m);
		assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), ERR_INVALID);
		assert_non_null(strstr(messages.last, "has a bad name"));
		assert_null(strchr(messages.last, '\033'));
	}
}

static void refuse(struct tree *t, const char *message)
{
	struct messages messages = messages_new();
	struct manifest m = { .vm_count = 77 };

	assert_int_equal(manifest_open(&m, blob(t), CPUS, &messages.report), ERR_INVALID);
	assert_int_equal(messages.count, 1);
	assert_int_equal(m.vm_count, 77);
	if (strstr(messages.last, message) == NULL) {
		fail_msg("it says: %s", messages.last);
	}
}

static void faults_of_the_root_refuse_the_manifest(void **state unused_arg)
{
	struct tree t;

	tree_good(&t);
	tree_string(&t, "/", "compatible", "trivet,manifest-2");
	refuse(&t, "manifest: the root's 'compatible' must be \"trivet,manifest-1\"");
	tree_delete(&t, "/", "compatible");
	refuse(&t, "manifest: the root's 'compatible' must be \"trivet,manifest-1\"");
	tree_good(&t);
	tree_u32(&t, "/", "version", 1);
	refuse(&t, "version: unknown key");
	tree_good(&t);
	tree_u32(&t, "/vms", "count", 1);
	refuse(&t, "count: unknown key");
	tree_good(&t);
	tree_add(&t, "/", "chosen");
	refuse(&t, "chosen: unknown node");
	tree_good(&t);
	assert_int_equal(fdt_del_node(t.fdt, tree_node(&t, "/vms/a")), 0);
	refuse(&t, "manifest: the node /vms must hold 1 to 255 VMs");
	assert_int_equal(fdt_del_node(t.fdt, tree_node(&t, "/vms")), 0);
	refuse(&t, "manifest: the node /vms must hold 1 to 255 VMs");
	tree_good(&t);
	t.fdt[1] ^= 1;
	refuse(&t, "manifest: it is not a device tree");
}

static void the_number_of_vms_is_bounded(void **state unused_arg)
{
	static struct tree t;
	struct messages messages = messages_new();
	struct manifest m;

	tree_good(&t);
	assert_int_equal(fdt_del_node(t.fdt, tree_node(&t, "/vms/a")), 0);
	for (unsigned i = 0; i < MANIFEST_VM_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "v%u", i);
		tree_add(&t, "/vms", name);
	}
	assert_int_equal(manifest_open(&m, blob(&t), CPUS, &messages.report), OK);
	assert_int_equal(m.vm_count, MANIFEST_VM_MAX);
	tree_add(&t, "/vms", "more");
	refuse(&t, "manifest: the node /vms must hold 1 to 255 VMs");
}

static void check_config(const struct vm_config *c)
{
	assert_true(c->vcpu_count >= 1 && c->vcpu_count <= GUEST_CPU_MAX);
	for (unsigned i = 0; i < c->vcpu_count; i++) {
		assert_true(c->affinity[i] < CPUS);
	}
	assert_true(c->memory_size != 0 && c->memory_size % BLOCK_SIZE == 0 && c->memory_size <= GUEST_RAM_MAX);
	assert_true(c->kernel != NULL && c->kernel[0] != '\0');
	assert_true(!c->raw || (c->load_offset < c->memory_size && c->load_offset % PAGE_SIZE == 0));
	assert_true(c->bootargs == NULL || strlen(c->bootargs) <= MANIFEST_BOOTARGS_MAX);
	assert_true(strlen(c->name) >= 1 && strlen(c->name) <= MANIFEST_NAME_MAX);
	assert_true(c->device_count <= GUEST_VIRTIO_SLOTS);
	for (unsigned i = 0; i < c->device_count; i++) {
		assert_true((c->devices[i].kind == VM_DEVICE_BLK) == (c->devices[i].file != NULL));
	}
}

/* Whatever is accepted is inside the limits; whatever is not brings exactly one message. */
static void random_damage_is_refused_or_harmless(void **state unused_arg)
{
	static struct tree good;
	unsigned accepted = 0;

	tree_good(&good);
	tree_add_vm(&good, "b");
	fdt_pack(good.fdt);
	for (unsigned i = 0; i < 20000; i++) {
		struct messages messages = messages_new();
		size_t size = fdt_totalsize(good.fdt);
		uint8_t *copy = exact_copy(good.fdt, size);
		struct manifest m;
		struct vm_config c;

		random_damage(copy, size);
		if (manifest_open(&m, span_of(copy, size), CPUS, &messages.report) != OK) {
			assert_int_equal(messages.count, 1);
			free(copy);
			continue;
		}
		for (int node = manifest_next_vm(&m, -1); node >= 0; node = manifest_next_vm(&m, node)) {
			unsigned before = messages.count;

			if (manifest_read_vm(&m, node, &c, &messages.report) == OK) {
				check_config(&c);
				accepted++;
			} else {
				assert_int_equal(messages.count, before + 1);
			}
		}
		free(copy);
	}
	assert_true(accepted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_are_read),
		cmocka_unit_test(absent_keys_have_defaults),
		cmocka_unit_test(each_fault_is_one_message_that_names_it),
		cmocka_unit_test(switches_are_read),
		cmocka_unit_test(bad_switches_are_named),
		cmocka_unit_test(long_values_are_refused),
		cmocka_unit_test(a_vm_has_as_many_devices_as_slots),
		cmocka_unit_test(names_are_taken_once),
		cmocka_unit_test(bad_vm_names_are_refused),
		cmocka_unit_test(faults_of_the_root_refuse_the_manifest),
		cmocka_unit_test(the_number_of_vms_is_bounded),
		cmocka_unit_test(random_damage_is_refused_or_harmless),
	};

	random_start("manifest");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
