/* SPDX-License-Identifier: MIT */
/* A VM's making: everything of role/hyp and core is real but the pool, the console and the CPUs. */
#include "vm_world.h"

#define VCPUS 4
#define CPUS 3
#define KERNEL_OFFSET MIB(2)
#define ENTRY (GUEST_RAM_BASE + KERNEL_OFFSET)
#define MEMORY_SIZE MIB(6)

/* ---- a VM ---- */

static struct archive archive;
static struct bundle bundle;
static struct vm_config config;
static struct hyp_vm *vm;

static void make_config(void)
{
	static uint8_t kernel[256], disk[5000];
	static const struct vm_device_config devices[] = {
		{ .kind = VM_DEVICE_BLK, .name = "disk", .file = "disk" },
		{ .kind = VM_DEVICE_NET, .name = "lan", .mac = { 2 } },
		{ .kind = VM_DEVICE_CONSOLE, .name = "port" },
		{ .kind = VM_DEVICE_RNG, .name = "rng" },
		{ .kind = VM_DEVICE_BLK, .name = "more", .file = "disk", .read_only = true },
	};

	memset(disk, 0x77, sizeof(disk));
	archive.size = 0;
	archive_add(&archive, "kernel", kernel, sizeof(kernel));
	archive_add(&archive, "disk", disk, sizeof(disk));
	archive_end(&archive);
	bundle.archive = span_of(archive.data, archive.size);
	config = (struct vm_config){ .name = "a",
				     .vcpu_count = VCPUS,
				     .memory_size = MEMORY_SIZE,
				     .kernel = "kernel",
				     .raw = true,
				     .load_offset = KERNEL_OFFSET,
				     .device_count = ARRAY_SIZE(devices) };
	memcpy(config.devices, devices, sizeof(devices));
	for (unsigned i = 0; i < VCPUS; i++) {
		config.affinity[i] = (uint16_t)(i % CPUS);
	}
}

static int setup(void **state)
{
	(void)state;
	machine_reset(CPUS);
	memset(&cpu_features, 0, sizeof(cpu_features));
	cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)] = 2; /* PARange: 40 bits */
	host_log_hook = note_message;
	messages_seen = resets_said = offs = allocations = held = 0;
	fail_at = UINT32_MAX;
	list_init(&vms);
	make_config();
	return 0;
}

/* VMs are for ever; a test frees what it made by the parts. */
static void destroy(void)
{
	for (unsigned i = 0; i < VCPUS; i++) {
		pool_free_object(vm->vm.vcpus[i], sizeof(struct vcpu));
	}
	pool_free_object(vm->vm.vcpus, VCPUS * sizeof(struct vcpu *));
	pool_free_object(vm->vm.shares, CPUS * sizeof(struct cpu_share));
	memset(pa_ptr(vm->ram), 0, MEMORY_SIZE);
	devices_destroy(vm);
	vgic_destroy(&vm->vm.vgic);
	bus_destroy(&vm->vm.bus);
	vm_free_memory(vm);
	vm_text_free(&vm->output.text);
	pool_free_object(vm, sizeof(*vm));
	assert_int_equal(held, 0);
}

static void a_failed_creation_leaves_no_trace(void **state)
{
	unsigned needed;

	(void)state;
	vm = vm_create(&config, &bundle);
	assert_non_null(vm);
	assert_int_equal(messages_seen, 0);
	assert_ptr_equal(vms.next, &vm->node);
	needed = allocations;
	assert_true(needed > 20);
	destroy();
	list_init(&vms);
	for (unsigned i = 0; i < needed; i++) {
		allocations = messages_seen = 0;
		fail_at = i;
		assert_null(vm_create(&config, &bundle));
		assert_int_equal(held, 0);
		assert_true(list_empty(&vms));
		assert_int_equal(messages_seen, 1);
		assert_memory_equal(last_message, "VM 'a': ", 8);
	}
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	config.memory_size = BIT(40);
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "memory-mib: "));
	make_config();
	fail_at = 2; /* object, stage-2 root, memory */
	allocations = 0;
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "memory-mib: 6 MiB"));
	fail_at = UINT32_MAX;
	make_config();
	config.devices[0].file = "nothing";
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "disk"));
	make_config();
	config.kernel = "nothing";
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "kernel: "));
	assert_int_equal(held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_failed_creation_leaves_no_trace, setup),
		cmocka_unit_test_setup(what_is_wrong_is_named, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
