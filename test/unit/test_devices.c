/* SPDX-License-Identifier: MIT */
/* A VM's devices: each where the guest's map says, in its own slot; disks that are copies and outlive a reset. */
#include "bundle_test.h"

#include "arch/host/host.h"
#include "core/mm/pool.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/vcpu.h"
#include "job_host.h"
#include "role/hyp/console.h"
#include "role/hyp/devices.h"

#include "abi/pl011.h"
#include "abi/virtio.h"

#define VIRTIO_MAGIC 0x74726976
#define DISK_SIZE 5000 /* no whole page */

static const struct vm_device_config device_list[] = {
	{ .kind = VM_DEVICE_RNG, .name = "rng" },
	{ .kind = VM_DEVICE_BLK, .name = "disk", .file = "disk" },
	{ .kind = VM_DEVICE_CONSOLE, .name = "port" },
	{ .kind = VM_DEVICE_NET, .name = "lan", .mac = { 2 } },
	{ .kind = VM_DEVICE_BLK, .name = "twin", .file = "disk", .read_only = true },
};
static const uint32_t virtio_ids[] = { VIRTIO_ID_RNG, VIRTIO_ID_BLOCK, VIRTIO_ID_CONSOLE, VIRTIO_ID_NET,
				       VIRTIO_ID_BLOCK };

static struct archive archive;
static struct bundle bundle;
static struct vm_config config;
static struct hyp_vm vm;
static struct vcpu vcpu;
static struct vcpu *table[1] = { &vcpu };
static struct cpu cpu;
static unsigned messages_seen;
static char last_message[256];

/* ---- outside ---- */

struct list vms = { &vms, &vms };

uint64_t clock_seconds(void)
{
	return 1800000000;
}

bool entropy_get(uint64_t *value)
{
	*value = 1;
	return true;
}

static bool nowhere_put(void *ctx, uint8_t byte)
{
	(void)ctx;
	(void)byte;
	return true;
}

const struct chardev_ops vm_output_ops = { .put = nowhere_put };

/* No interrupt is delivered here. */
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
	messages_seen++;
	snprintf(last_message, sizeof(last_message), "%s", text);
}

/* ---- the fixture ---- */

static uint64_t free_pages(void)
{
	struct pool_stats stats;

	pool_stats(&stats);
	return stats.free_pages;
}

static int setup(void **state)
{
	static _Alignas(PAGE_SIZE) uint8_t memory[MIB(8)];
	static uint8_t disk[DISK_SIZE];

	(void)state;
	host_log_hook = note_message;
	cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)] = 2; /* PARange: 40 bits */
	list_init(&vms);
	messages_seen = 0;
	pool_reset();
	assert_int_equal(pool_add(pa_from_ptr(memory), sizeof(memory)), OK);
	memset(disk, 0x77, sizeof(disk));
	archive.size = 0;
	archive_add(&archive, "disk", disk, sizeof(disk));
	archive_add(&archive, "empty", disk, 0);
	archive_end(&archive);
	bundle.archive = span_of(archive.data, archive.size);
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	config = (struct vm_config){
		.name = "a", .vcpu_count = 1, .memory_size = MIB(2), .device_count = ARRAY_SIZE(device_list)
	};
	memcpy(config.devices, device_list, sizeof(device_list));
	strcpy(vm.vm.name, "a");
	vm.config = &config;
	vm.bundle = &bundle;
	vm.vm.vcpus = table;
	vm.vm.vcpu_count = 1;
	vcpu.vm = &vm.vm;
	vcpu.cpu = &cpu;
	timer_queue_init(&cpu.timers);
	assert_true(vgic_init(&vm.vm.vgic, 1, GUEST_SPI_COUNT));
	assert_true(vgic_cpu_init(&vm.vm.vgic, 0, &vcpu.vgic, &vcpu, 0));
	return 0;
}

static void destroy(void)
{
	devices_destroy(&vm);
	vm_free_memory(&vm);
	bus_destroy(&vm.vm.bus);
	vgic_destroy(&vm.vm.vgic);
}

static bool access_bus(bool write, uint64_t address, uint64_t *value)
{
	const struct bus_region *region = bus_find(&vm.vm.bus, address, 4);

	if (region == NULL) {
		return false;
	}
	return write ? region->ops->write(region->device, &vcpu, address - region->base, 4, *value)
		     : region->ops->read(region->device, &vcpu, address - region->base, 4, value);
}

static uint32_t read32(uint64_t address)
{
	uint64_t value = 0;

	assert_true(access_bus(false, address, &value));
	return (uint32_t)value;
}

static void write32(uint64_t address, uint64_t value)
{
	assert_true(access_bus(true, address, &value));
}

static uint64_t slot(unsigned i)
{
	return GUEST_VIRTIO_BASE + (uint64_t)i * GUEST_VIRTIO_SIZE;
}

static bool is_zero(const uint8_t *at, uint64_t size)
{
	return at[0] == 0 && memcmp(at, at + 1, size - 1) == 0;
}

/* ---- tests ---- */

static void each_device_is_in_its_place(void **state)
{
	uint64_t value;

	(void)state;
	assert_true(vm_make_memory(&vm) && devices_create(&vm));
	assert_int_equal(messages_seen, 0);
	assert_int_equal(read32(GUEST_PL011_BASE + PL011_FR), PL011_FR_TXFE | PL011_FR_RXFE);
	assert_int_equal(read32(GUEST_PL031_BASE), 1800000000);
	/* The distributor and the one redistributor: GICD_PIDR2 and GICR_PIDR2 say GICv3. */
	assert_int_equal(read32(GUEST_GICD_BASE + 0xffe8) & 0xf0, 0x30);
	assert_int_equal(read32(GUEST_GICR_BASE + 0xffe8) & 0xf0, 0x30);
	assert_false(access_bus(false, GUEST_GICR_BASE + GUEST_GICR_SIZE, &value));
	for (unsigned i = 0; i < ARRAY_SIZE(device_list); i++) {
		assert_int_equal(read32(slot(i)), VIRTIO_MAGIC);
		assert_int_equal(read32(slot(i) + 8), virtio_ids[i]);
	}
	assert_false(access_bus(false, slot(ARRAY_SIZE(device_list)), &value));
	destroy();
}

static void disks_are_copies_that_outlive_a_reset(void **state)
{
	struct vm_cursor cursor = { 0 };
	unsigned turns = 0;
	uint8_t *disk, *twin;

	(void)state;
	assert_true(vm_make_memory(&vm) && devices_create(&vm));
	while (vm_fill_disks_some(&vm, 1000)) {
		turns++;
	}
	assert_int_equal(turns, 2 * 9); /* two disks of two pages */
	disk = pa_ptr(vm.disks[1].memory);
	twin = pa_ptr(vm.disks[4].memory);
	assert_int_equal(vm.disks[1].pages, 2);
	assert_int_equal(pool_owner(vm.disks[1].memory), PAGE_OWNER_VM + vm.vm.id);
	for (unsigned i = 0; i < DISK_SIZE; i++) {
		assert_int_equal(disk[i], 0x77);
	}
	disk[7] = 1;
	assert_int_equal(twin[7], 0x77);
	/* A driver that got half-way, and a UART in use. */
	write32(slot(1) + 0x70, 3);
	write32(GUEST_PL011_BASE + PL011_IMSC, 0x7ff);
	devices_reset(&vm);
	assert_int_equal(read32(slot(1) + 0x70), 0);
	assert_int_equal(read32(GUEST_PL011_BASE + PL011_IMSC), 0);
	assert_int_equal(disk[7], 1);
	assert_false(vm_fill_disks_some(&vm, 1000));
	/* The rest of the last page is the disk's, too. */
	assert_int_equal(disk[2 * PAGE_SIZE - 1], 0);
	disk[2 * PAGE_SIZE - 1] = 1;
	memset(pa_ptr(vm.ram), 0x55, config.memory_size);
	while (vm_scrub_some(&vm, false, &cursor, KIB(64))) {
	}
	assert_true(is_zero(pa_ptr(vm.ram), config.memory_size));
	assert_int_equal(disk[0], 0x77);
	cursor = (struct vm_cursor){ 0 };
	while (vm_scrub_some(&vm, true, &cursor, PAGE_SIZE)) {
	}
	assert_true(is_zero(disk, 2 * PAGE_SIZE) && is_zero(twin, 2 * PAGE_SIZE));
	destroy();
}

/* A destroyed VM that starts again has its disks as they were at first. */
static void new_memory_holds_the_files(void **state)
{
	struct vm_cursor cursor = { 0 };
	uint64_t value = 0;

	(void)state;
	assert_true(vm_make_memory(&vm) && devices_create(&vm));
	while (vm_fill_disks_some(&vm, MIB(1))) {
	}
	devices_reset(&vm);
	while (vm_scrub_some(&vm, true, &cursor, MIB(1))) {
	}
	vm_free_memory(&vm);
	assert_int_equal(vm.vm.mem.count, 0);
	assert_null(guest_mem_ptr(&vm.vm.mem, GUEST_RAM_BASE, 1));
	/* Its devices are still there, and answer. */
	assert_int_equal(read32(slot(1)), VIRTIO_MAGIC);
	assert_true(access_bus(true, slot(1) + 0x50, &value));
	assert_true(vm_make_memory(&vm));
	while (vm_fill_disks_some(&vm, MIB(1))) {
	}
	assert_int_equal(*(uint8_t *)pa_ptr(vm.disks[1].memory), 0x77);
	assert_int_equal(*(uint8_t *)pa_ptr(vm.disks[4].memory), 0x77);
	destroy();
}

static void who_has_the_memory_is_named(void **state)
{
	static struct hyp_vm other;
	struct vm_config big = { .name = "big", .memory_size = MIB(100) };

	(void)state;
	other.config = &big;
	other.ram = pa(MIB(2));
	strcpy(other.vm.name, "big");
	config.memory_size = MIB(64);
	assert_false(vm_make_memory(&vm));
	assert_non_null(strstr(last_message, "VM 'a': memory-mib: 64 MiB are asked for, but only "));
	assert_non_null(strstr(last_message, "in one piece; give less"));
	list_append(&vms, &other.node);
	assert_false(vm_make_memory(&vm));
	assert_non_null(strstr(last_message, "VM 'big' has 100 MiB: destroy it, or give less"));
	assert_int_equal(vm.ram.v, 0);
	vgic_destroy(&vm.vm.vgic);
}

static void what_cannot_be_made_is_named(void **state)
{
	static const char *const files[] = { "nothing", "empty" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		uint64_t before = free_pages();

		config.devices[4].file = files[i];
		messages_seen = 0;
		assert_false(vm_make_memory(&vm));
		assert_int_equal(messages_seen, 1);
		assert_non_null(strstr(last_message, "VM 'a': device 'twin': "));
		assert_int_equal(free_pages(), before);
	}
	vgic_destroy(&vm.vm.vgic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_device_is_in_its_place, setup),
		cmocka_unit_test_setup(disks_are_copies_that_outlive_a_reset, setup),
		cmocka_unit_test_setup(new_memory_holds_the_files, setup),
		cmocka_unit_test_setup(who_has_the_memory_is_named, setup),
		cmocka_unit_test_setup(what_cannot_be_made_is_named, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
