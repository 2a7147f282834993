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

static void what_becomes_of_a_vm_is_read(void **state unused_arg)
{
	static const char *const names[] = { "stop", "restart", "destroy" };
	static const enum vm_policy policies[] = { VM_POLICY_STOP, VM_POLICY_RESTART, VM_POLICY_DESTROY };
	struct messages messages = messages_new();
	struct vm_config c;
	struct manifest m;
	struct tree t;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		unsigned other = (i + 1) % ARRAY_SIZE(names);

		tree_good(&t);
		tree_bytes(&t, "/vms/a", "no-autostart", "", 0);
		tree_string(&t, "/vms/a", "on-power-off", names[i]);
		tree_string(&t, "/vms/a", "on-crash", names[other]);
		open_good(&t, &m);
		assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), OK);
		assert_false(c.autostart);
		assert_int_equal(c.on_power_off, policies[i]);
		assert_int_equal(c.on_crash, policies[other]);
	}
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
	assert_true(c.autostart);
	assert_int_equal(c.on_power_off, VM_POLICY_STOP);
	assert_int_equal(c.on_crash, VM_POLICY_STOP);
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

/* Reads a VM whose only keys beside those of its size are these; NULL and 0: left out. */
static bool read_firmware_vm(const char *initrd, uint32_t variables_mib, bool read_only, struct vm_config *c,
			     struct messages *messages)
{
	struct manifest m;
	struct tree t;

	tree_good(&t);
	tree_add_vm(&t, "b");
	tree_delete(&t, "/vms/b", "kernel");
	tree_string(&t, "/vms/b", "firmware", "fw.bin");
	if (initrd != NULL) {
		tree_string(&t, "/vms/b", "initrd", initrd);
	}
	if (variables_mib != 0) {
		tree_u32(&t, "/vms/b", "variables-mib", variables_mib);
	}
	if (read_only) {
		tree_bytes(&t, "/vms/b", "firmware-read-only", NULL, 0);
	}
	open_good(&t, &m);
	return manifest_read_vm(&m, manifest_next_vm(&m, -1), c, &messages->report) == OK;
}

static void firmware_takes_the_place_of_a_kernel(void **state unused_arg)
{
	struct messages messages = messages_new();
	struct vm_config c;

	assert_true(read_firmware_vm(NULL, 0, false, &c, &messages));
	assert_null(c.kernel);
	assert_int_equal(c.variables_size, MIB(2));
	assert_false(c.firmware_read_only);
	assert_true(read_firmware_vm(NULL, 64, true, &c, &messages));
	assert_int_equal(c.variables_size, MIB(64));
	assert_true(c.firmware_read_only);
	assert_int_equal(messages.count, 0);
	assert_false(read_firmware_vm("initrd", 0, false, &c, &messages));
	assert_non_null(strstr(messages.last, "initrd: not beside 'firmware'"));
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t sizes[] = { 1, 3, 128 };

		assert_false(read_firmware_vm(NULL, sizes[i], false, &c, &messages));
		assert_non_null(strstr(messages.last, "variables-mib: "));
	}
	assert_int_equal(messages.count, 4);
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
	{ "", "weight", CELLS("\0\0\0\x9"), "VM 'a': weight: 9 is not possible; give 10 to 1000" },
	{ "", "weight", CELLS("\0\0\x3\xe9"), "VM 'a': weight: 1001 is not possible" },
	{ "", "weight", TEXT("a lot"), "VM 'a': weight: " },
	{ "", "cap", CELLS("\0\0\0\0"), "VM 'a': cap: 0 is not possible; give 1 to 99" },
	{ "", "cap", CELLS("\0\0\0\x64"), "VM 'a': cap: 100 is not possible" },
	{ "", "cap", CELLS("\0\1\0\1"), "VM 'a': cap: 65537 is not possible" },
	{ "", "no-autostart", CELLS("\0\0\0\0"), "VM 'a': no-autostart: takes no value" },
	{ "", "on-power-off", TEXT("reboot"),
	  "VM 'a': on-power-off: 'reboot' is not known; use stop, restart or destroy" },
	{ "", "on-power-off", CELLS("\0\0\0\1"), "VM 'a': on-power-off: must be \"stop\", \"restart\" or \"destroy\"" },
	{ "", "on-crash", TEXT(""), "VM 'a': on-crash: " },
	{ "", "on-crash", TEXT("stop\0restart"), "VM 'a': on-crash: must be" },
	{ "", "load-offset", CELLS("\0\0\0\4"), "VM 'a': load-offset: 0x4 is not possible; give a multiple of 0x1000" },
	{ "", "load-offset", CELLS("\4\0\0\0"), "VM 'a': load-offset: 0x4000000 is not possible" },
	{ "", "load-offset", CELLS("\xff\xff\xff\xff\xff\xff\xf0\0"),
	  "VM 'a': load-offset: 0xfffffffffffff000 is not" },
	{ "", "firmware", TEXT("fw"), "VM 'a': kernel: not beside 'firmware'" },
	{ "", "firmware", CELLS("\0\0\0\1"), "VM 'a': firmware: must be the name of a file" },
	{ "", "firmware-read-only", NULL, 0, "VM 'a': firmware-read-only: only beside 'firmware'" },
	{ "", "variables-mib", CELLS("\0\0\0\2"), "VM 'a': variables-mib: only beside 'firmware'" },
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

static void the_console_may_begin_with_prefixes(void **state unused_arg)
{
	struct messages messages = messages_new();
	struct manifest m;
	struct tree t;

	tree_good(&t);
	open_good(&t, &m);
	assert_false(m.console_prefix);
	tree_bytes(&t, "/", "console-prefix", NULL, 0);
	open_good(&t, &m);
	assert_true(m.console_prefix);
	tree_delete(&t, "/", "console-prefix");
	tree_u32(&t, "/", "console-prefix", 1);
	assert_int_equal(manifest_open(&m, blob(&t), CPUS, &messages.report), ERR_INVALID);
	assert_int_equal(messages.count, 1);
	assert_string_equal(messages.last, "console-prefix: takes no value: the key alone says it");
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

/* ---- shared memories ---- */

/* A device 'name' of that VM on a region. libfdt puts it first. */
static void add_peer(struct tree *t, const char *vm, const char *name, const char *region)
{
	char path[64];

	snprintf(path, sizeof(path), "/vms/%s/devices", vm);
	if (fdt_path_offset(t->fdt, path) < 0) {
		*strrchr(path, '/') = '\0';
		tree_add(t, path, "devices");
		strcat(path, "/devices");
	}
	tree_add(t, path, name);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
	tree_string(t, path, "compatible", "shared-memory");
	tree_string(t, path, "region", region);
}

static void add_region(struct tree *t, const char *name, uint32_t kib)
{
	char path[64];

	if (fdt_path_offset(t->fdt, "/shared-memory") < 0) {
		tree_add(t, "/", "shared-memory");
	}
	tree_add(t, "/shared-memory", name);
	snprintf(path, sizeof(path), "/shared-memory/%s", name);
	tree_u32(t, path, "size-kib", kib);
}

/* VM "b" comes before "a", and has no other device. */
static void shared_memories_are_read(void **state unused_arg)
{
	struct messages messages = messages_new();
	struct region_config region;
	struct vm_config c;
	struct manifest m;
	struct tree t;
	int node;

	tree_good(&t);
	open_good(&t, &m);
	assert_int_equal(manifest_next_region(&m, -1), -1);
	tree_add_vm(&t, "b");
	add_region(&t, "small", 4);
	add_region(&t, "big", 6144);
	add_peer(&t, "b", "x", "big");
	add_peer(&t, "a", "y", "big");
	add_peer(&t, "a", "x", "small");
	tree_bytes(&t, "/vms/a/devices/x", "read-only", NULL, 0);
	open_good(&t, &m);
	node = manifest_next_region(&m, -1);
	assert_int_equal(manifest_read_region(&m, node, &region, &messages.report), OK);
	assert_string_equal(region.name, "big");
	assert_int_equal(region.size, MIB(6));
	assert_int_equal(manifest_region_peers(&m, "big"), 2);
	assert_int_equal(manifest_region_peers(&m, "small"), 1);
	assert_int_equal(manifest_region_peers(&m, "none"), 0);

	node = manifest_next_vm(&m, -1);
	assert_int_equal(manifest_read_vm(&m, node, &c, &messages.report), OK);
	assert_int_equal(c.device_count, 0);
	assert_int_equal(c.region_count, 1);
	assert_int_equal(c.regions[0].peer, 0);
	assert_false(c.regions[0].read_only);
	node = manifest_next_vm(&m, node);
	assert_int_equal(manifest_read_vm(&m, node, &c, &messages.report), OK);
	assert_int_equal(c.device_count, 4); /* in the slots that they have without the others */
	assert_int_equal(c.devices[0].kind, VM_DEVICE_BLK);
	assert_int_equal(c.region_count, 2);
	assert_string_equal(c.regions[0].region, "small");
	assert_true(c.regions[0].read_only);
	assert_int_equal(c.regions[0].base, GUEST_SHARED_BASE);
	assert_int_equal(c.regions[0].size, KIB(4));
	assert_string_equal(c.regions[1].name, "y");
	assert_int_equal(c.regions[1].peer, 1);
	assert_int_equal(c.regions[1].base, GUEST_SHARED_BASE + BLOCK_SIZE);
	assert_int_equal(messages.count, 0);
}

/* One more device of "a" or value, and what is said of "a". */
static void bad_shared_memories_are_named(void **state unused_arg)
{
	static const struct {
		uint32_t kib;
		const char *name, *region, *message;
	} cases[] = {
		{ 4, "x", "nowhere", "VM 'a': device 'x': region: there is no 'nowhere' in /shared-memory" },
		{ 4, "x", "home", "VM 'a': device 'w': region: the device 'x' of this VM has 'home' already" },
		{ 0, "x", "other", "VM 'a': device 'w': size-kib: 0 KiB are not possible; give a multiple of 4 up to" },
		{ 6, "x", "other", "VM 'a': device 'w': size-kib: 6 KiB" },
		{ 1u << 20, "x", "other", "VM 'a': device 'w': size-kib: 1048576 KiB" },
		{ 0xffffffff, "x", "other", "VM 'a': device 'w': size-kib: 4294967295 KiB" },
		{ GUEST_SHARED_SIZE >> 10, "x", "other",
		  "VM 'a': device 'w': region: the 769984 KiB of 'home' do not" },
		{ 4, "disk2", "other", "" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct messages messages = messages_new();
		struct vm_config c;
		struct manifest m;
		struct tree t;

		tree_good(&t);
		add_region(&t, "home", cases[i].kib);
		add_region(&t, "other", 4);
		add_peer(&t, "a", "w", "home");
		add_peer(&t, "a", cases[i].name, cases[i].region);
		open_good(&t, &m);
		assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report),
				 cases[i].message[0] == '\0' ? OK : ERR_INVALID);
		assert_int_equal(messages.count, cases[i].message[0] != '\0');
		if (strncmp(messages.last, cases[i].message, strlen(cases[i].message)) != 0) {
			fail_msg("case %u says: %s", i, messages.last);
		}
	}
}

static void too_many_peers_or_regions_are_refused(void **state unused_arg)
{
	struct messages messages = messages_new();
	struct vm_config c;
	struct manifest m;
	struct tree t;
	char name[16];
	unsigned good = 0;

	tree_good(&t);
	add_region(&t, "r", 4);
	for (unsigned i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "v%u", i);
		tree_add_vm(&t, name);
		add_peer(&t, name, "x", "r");
	}
	add_peer(&t, "a", "x", "r"); /* the last VM */
	open_good(&t, &m);
	for (int node = manifest_next_vm(&m, -1); node >= 0; node = manifest_next_vm(&m, node)) {
		good += manifest_read_vm(&m, node, &c, &messages.report) == OK;
	}
	assert_int_equal(good, 16);
	assert_int_equal(messages.count, 1);
	assert_non_null(strstr(messages.last, "VM 'a': device 'x': region: 'r' is used by 16 devices already"));

	tree_good(&t);
	for (unsigned i = 0; i < GUEST_SHARED_SLOTS + 1; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		add_region(&t, name, 4);
		add_peer(&t, "a", name, name);
	}
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), ERR_INVALID);
	assert_non_null(strstr(messages.last, "VM 'a': device 'r0': one shared memory too many; a VM has up to 8"));
}

static void bad_regions_are_named(void **state unused_arg)
{
	static const struct {
		const char *key, *message;
	} cases[] = {
		{ "size-kib", "device 'r': size-kib: must be a number of KiB" },
		{ "colour", "device 'r': colour: unknown key" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct messages messages = messages_new();
		struct region_config region;
		struct manifest m;
		struct tree t;

		tree_good(&t);
		add_region(&t, "r", 4);
		tree_string(&t, "/shared-memory/r", cases[i].key, "x yz");
		open_good(&t, &m);
		assert_int_equal(manifest_read_region(&m, manifest_next_region(&m, -1), &region, &messages.report),
				 ERR_INVALID);
		assert_int_equal(messages.count, 1);
		if (strncmp(messages.last, cases[i].message, strlen(cases[i].message)) != 0) {
			fail_msg("case %u says: %s", i, messages.last);
		}
	}
}

static void ffa_is_read(void **state unused_arg)
{
	static const uint8_t uuids[32] = { 1, 2, 3, 4, [16] = 0xff, [31] = 9 };
	struct messages messages = messages_new();
	struct vm_config c;
	struct manifest m;
	struct tree t;

	tree_good(&t);
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), OK);
	assert_false(c.ffa.enabled);
	assert_int_equal(c.smc_count, 0);
	tree_add(&t, "/vms/a", "ffa");
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), OK);
	assert_true(c.ffa.enabled);
	assert_int_equal(c.ffa.messaging, 0x406);
	assert_int_equal(c.ffa.uuid_count, 0);
	tree_bytes(&t, "/vms/a/ffa", "uuid", uuids, sizeof(uuids));
	tree_u32(&t, "/vms/a/ffa", "messaging-method", 0x607);
	tree_bytes(&t, "/vms/a", "smc-allow", "\xc2\0\0\1\x32\0\0\4", 8);
	open_good(&t, &m);
	assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), OK);
	assert_int_equal(c.ffa.messaging, 0x607);
	assert_int_equal(c.ffa.uuid_count, 2);
	assert_int_equal(c.ffa.uuids[0].word[0], 0x01020304);
	assert_int_equal(c.ffa.uuids[1].word[3], 9);
	assert_int_equal(c.smc_count, 2);
	assert_int_equal(c.smcs[0], 0xc2000001);
	assert_int_equal(messages.count, 0);
}

static void bad_ffa_is_named(void **state unused_arg)
{
	static const uint8_t same[32] = { [0] = 1, [16] = 1 }, many[80] = { 1 }, ids[33 * 4] = { 0xc2 };
	static const struct {
		const char *path, *key;
		const void *value;
		size_t size;
		const char *message;
	} cases[] = {
		{ "/vms/a/ffa", "colour", "x", 2, "VM 'a': colour: unknown key" },
		{ "/vms/a/ffa", "uuid", many, 12, "VM 'a': uuid: give 1 to 4 UUIDs of four cells each" },
		{ "/vms/a/ffa", "uuid", many, 80, "VM 'a': uuid: give 1 to 4 UUIDs" },
		{ "/vms/a/ffa", "uuid", many, 3, "VM 'a': uuid: must be four cells" },
		{ "/vms/a/ffa", "uuid", many, 32, "VM 'a': uuid: UUID 2 is nil" },
		{ "/vms/a/ffa", "uuid", same, 32, "VM 'a': uuid: UUID 2 is nil, or there already" },
		{ "/vms/a/ffa", "messaging-method", "\0\0\0\x8", 4, "VM 'a': messaging-method: 0x8 has bits" },
		{ "/vms/a/ffa", "messaging-method", "ab", 3, "VM 'a': messaging-method: must be one cell" },
		{ "/vms/a", "smc-allow", "\x84\0\0\x60", 4, "VM 'a': smc-allow: 0x84000060 is not the firmware's" },
		{ "/vms/a", "smc-allow", "\x84\0\0\3", 4, "VM 'a': smc-allow: 0x84000003 is not" },
		{ "/vms/a", "smc-allow", "\x80\0\0\0", 4, "VM 'a': smc-allow: 0x80000000 is not" },
		{ "/vms/a", "smc-allow", "\x86\0\0\0", 4, "VM 'a': smc-allow: 0x86000000 is not" },
		{ "/vms/a", "smc-allow", ids, sizeof(ids), "VM 'a': smc-allow: more than 32 function ids" },
		{ "/vms/a", "smc-allow", "x", 2, "VM 'a': smc-allow: must be a list" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct messages messages = messages_new();
		struct vm_config c;
		struct manifest m;
		struct tree t;

		tree_good(&t);
		tree_add(&t, "/vms/a", "ffa");
		tree_bytes(&t, cases[i].path, cases[i].key, cases[i].value, cases[i].size);
		open_good(&t, &m);
		assert_int_equal(manifest_read_vm(&m, manifest_next_vm(&m, -1), &c, &messages.report), ERR_INVALID);
		assert_int_equal(messages.count, 1);
		if (strstr(messages.last, cases[i].message) == NULL) {
			fail_msg("'%s' is not in '%s'", cases[i].message, messages.last);
		}
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
		cmocka_unit_test(what_becomes_of_a_vm_is_read),
		cmocka_unit_test(absent_keys_have_defaults),
		cmocka_unit_test(firmware_takes_the_place_of_a_kernel),
		cmocka_unit_test(each_fault_is_one_message_that_names_it),
		cmocka_unit_test(the_console_may_begin_with_prefixes),
		cmocka_unit_test(switches_are_read),
		cmocka_unit_test(bad_switches_are_named),
		cmocka_unit_test(shared_memories_are_read),
		cmocka_unit_test(bad_shared_memories_are_named),
		cmocka_unit_test(too_many_peers_or_regions_are_refused),
		cmocka_unit_test(bad_regions_are_named),
		cmocka_unit_test(ffa_is_read),
		cmocka_unit_test(bad_ffa_is_named),
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
