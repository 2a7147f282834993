/* SPDX-License-Identifier: MIT */
#include "role/hyp/devices.h"

#include "core/mm/pool.h"
#include "lib/fmt.h"
#include "lib/str.h"
#include "role/hyp/dev/cfi_flash.h"
#include "role/hyp/dev/net_loopback.h"
#include "role/hyp/dev/net_switch.h"
#include "role/hyp/dev/pl011.h"
#include "role/hyp/dev/pl031.h"
#include "role/hyp/dev/virtio_blk.h"
#include "role/hyp/dev/virtio_console.h"
#include "role/hyp/dev/virtio_net.h"
#include "role/hyp/dev/virtio_rng.h"
#include "role/hyp/networks.h"
#include "role/hyp/regions.h"

/* ---- GICD and GICR on the bus ---- */

static bool dist_read(void *device unused_arg, struct vcpu *v, uint64_t offset, unsigned size, uint64_t *value)
{
	return vgic_dist_read(&v->vgic, offset, size, value);
}

static bool dist_write(void *device unused_arg, struct vcpu *v, uint64_t offset, unsigned size, uint64_t value)
{
	return vgic_dist_write(&v->vgic, offset, size, value);
}

static bool redist_read(void *device unused_arg, struct vcpu *v, uint64_t offset, unsigned size, uint64_t *value)
{
	return vgic_redist_read(&v->vgic, offset, size, value);
}

static bool redist_write(void *device unused_arg, struct vcpu *v, uint64_t offset, unsigned size, uint64_t value)
{
	return vgic_redist_write(&v->vgic, offset, size, value);
}

static const struct bus_ops dist_ops = { .read = dist_read, .write = dist_write };
static const struct bus_ops redist_ops = { .read = redist_read, .write = redist_write };

/* ---- virtio ---- */

static enum err make_blk(struct hyp_vm *vm, unsigned slot, ipa_t base, unsigned intid)
{
	const struct vm_device_config *config = &vm->config->devices[slot];
	char serial[VM_NAME_MAX + MANIFEST_NAME_MAX + 2];

	fmt_string(serial, sizeof(serial), "%s-%s", vm->vm.name, config->name);
	return virtio_blk_create(&vm->vm, base, intid,
				 &(struct virtio_blk_disk){ .data = pa_ptr(vm->disks[slot].memory),
							    .size = vm->disks[slot].file.size,
							    .read_only = config->read_only,
							    .serial = serial },
				 &vm->virtio[slot]);
}

/* On its switch, or alone. */
static enum err make_net(struct hyp_vm *vm, unsigned slot, ipa_t base, unsigned intid)
{
	const struct vm_device_config *config = &vm->config->devices[slot];
	char name[NET_SWITCH_PORT_NAME_MAX];
	const struct net_switch_port *other;
	struct net_switch *sw;
	enum err error;

	error = virtio_net_create(&vm->vm, base, intid, config->mac, &net_loopback, NULL, &vm->virtio[slot]);
	if (error != OK || config->network == NULL) {
		return error;
	}
	sw = network_find(config->network);
	if (sw == NULL) {
		return ERR_NOT_FOUND; /* a message about it has been given */
	}
	fmt_string(name, sizeof(name), "%s/%s", vm->vm.name, config->name);
	error = net_switch_plug(sw, virtio_net_port(vm->virtio[slot]), name, &other);
	if (error == ERR_EXISTS) {
		report_device_error(&report_to_log, vm->vm.name, config->name, "mac",
				    "%s on the switch '%s' has the same; give another", other->name, sw->name);
	}
	return error;
}

static enum err make_virtio(struct hyp_vm *vm, unsigned slot)
{
	const struct vm_device_config *config = &vm->config->devices[slot];
	ipa_t base = ipa(GUEST_VIRTIO_BASE + (uint64_t)slot * GUEST_VIRTIO_SIZE);
	unsigned intid = GUEST_SPI_INTID(GUEST_VIRTIO_SPI + slot);
	struct chardev out = { &vm_output_ops, vm };

	switch (config->kind) {
	case VM_DEVICE_BLK:
		return make_blk(vm, slot, base, intid);
	case VM_DEVICE_NET:
		return make_net(vm, slot, base, intid);
	case VM_DEVICE_CONSOLE:
		return virtio_console_create(&vm->vm, base, intid, out, &vm->virtio[slot]);
	case VM_DEVICE_RNG:
		return virtio_rng_create(&vm->vm, base, intid, &vm->virtio[slot]);
	}
	return ERR_UNSUPPORTED;
}

/* ---- flash ---- */

static bool make_flash(struct hyp_vm *vm, unsigned bank)
{
	ipa_t base = ipa(GUEST_FLASH_BASE + (uint64_t)bank * GUEST_FLASH_WINDOW);
	const struct vm_disk *contents = &vm->disks[VM_FLASH_DISK + bank];
	enum err error;

	error = cfi_flash_create(&vm->vm, base, contents->memory, contents->pages * PAGE_SIZE,
				 bank == 0 && vm->config->firmware_read_only, &vm->flash[bank]);
	if (error != OK) {
		report_error(&report_to_log, vm->vm.name, "firmware", "cannot make the flash: %s", err_name(error));
	}
	return error == OK;
}

/* ---- shared memories ---- */

static bool make_region(struct hyp_vm *vm, unsigned slot)
{
	const struct vm_region_config *config = &vm->config->regions[slot];
	ipa_t registers = ipa(GUEST_SHARED_REGISTERS_BASE + (uint64_t)slot * GUEST_SHARED_REGISTERS_STRIDE);
	struct shared_region *region = region_find(config->region);
	enum err error = ERR_NOT_FOUND;

	if (region != NULL) {
		error = shared_memory_create(&vm->vm, registers, GUEST_SPI_INTID(GUEST_SHARED_SPI + slot), region,
					     config->peer, config->read_only, &vm->regions[slot]);
	}
	if (error != OK) {
		report_device_error(&report_to_log, vm->vm.name, config->name, NULL, "cannot make the device: %s",
				    err_name(error));
	}
	return error == OK;
}

bool devices_create(struct hyp_vm *vm)
{
	struct chardev out = { &vm_output_ops, vm };
	struct bus *bus = &vm->vm.bus;

	if (bus_add(bus, ipa(GUEST_GICD_BASE), GUEST_GICD_SIZE, &dist_ops, NULL) != OK ||
	    bus_add(bus, ipa(GUEST_GICR_BASE), (uint64_t)GUEST_GICR_SIZE * vm->config->vcpu_count, &redist_ops, NULL) !=
		    OK ||
	    pl011_create(&vm->vm, ipa(GUEST_PL011_BASE), GUEST_SPI_INTID(GUEST_PL011_SPI), out, &vm->uart) != OK ||
	    pl031_create(&vm->vm, ipa(GUEST_PL031_BASE), GUEST_SPI_INTID(GUEST_PL031_SPI), &vm->rtc) != OK) {
		report_error(&report_to_log, vm->vm.name, NULL, "no memory for its devices");
		return false;
	}
	for (unsigned i = 0; i < vm->config->device_count; i++) {
		enum err error = make_virtio(vm, i);

		if (error != OK) {
			report_device_error(&report_to_log, vm->vm.name, vm->config->devices[i].name, NULL,
					    "cannot make the device: %s", err_name(error));
			return false;
		}
	}
	for (unsigned i = 0; i < vm->config->region_count; i++) {
		if (!make_region(vm, i)) {
			return false;
		}
	}
	for (unsigned i = 0; i < GUEST_FLASH_BANKS; i++) {
		if (vm->plan.flash_size[i] != 0 && !make_flash(vm, i)) {
			return false;
		}
	}
	return true;
}

void devices_reset(struct hyp_vm *vm)
{
	pl011_reset(vm->uart);
	pl031_reset(vm->rtc);
	for (unsigned i = 0; i < vm->config->device_count; i++) {
		virtio_reset(vm->virtio[i]);
	}
	for (unsigned i = 0; i < GUEST_FLASH_BANKS; i++) {
		if (vm->flash[i] != NULL) {
			cfi_flash_reset(vm->flash[i]);
		}
	}
}

void devices_wait(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < vm->config->device_count; i++) {
		virtio_wait(vm->virtio[i]);
	}
}

void devices_destroy(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < GUEST_VIRTIO_SLOTS; i++) {
		if (vm->virtio[i] != NULL) {
			virtio_destroy(vm->virtio[i]);
		}
	}
	for (unsigned i = 0; i < GUEST_SHARED_SLOTS; i++) {
		if (vm->regions[i] != NULL) {
			shared_memory_destroy(vm->regions[i]);
		}
	}
	for (unsigned i = 0; i < GUEST_FLASH_BANKS; i++) {
		if (vm->flash[i] != NULL) {
			cfi_flash_destroy(vm->flash[i]);
		}
	}
	if (vm->rtc != NULL) {
		pl031_destroy(vm->rtc);
	}
	if (vm->uart != NULL) {
		pl011_destroy(vm->uart);
	}
}
