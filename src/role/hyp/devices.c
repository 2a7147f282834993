/* SPDX-License-Identifier: MIT */
#include "role/hyp/devices.h"

#include "arch/zero.h"
#include "core/mm/pool.h"
#include "lib/fmt.h"
#include "lib/str.h"
#include "role/hyp/console.h"
#include "role/hyp/dev/net_loopback.h"
#include "role/hyp/dev/net_switch.h"
#include "role/hyp/dev/pl011.h"
#include "role/hyp/dev/pl031.h"
#include "role/hyp/dev/virtio_blk.h"
#include "role/hyp/dev/virtio_console.h"
#include "role/hyp/dev/virtio_net.h"
#include "role/hyp/dev/virtio_rng.h"
#include "role/hyp/networks.h"

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

/* A disk is the VM's own copy of a file in the bundle; it lives as long as the VM, over its resets. */
static enum err make_disk(struct hyp_vm *vm, struct vm_disk *disk, struct span file)
{
	uint64_t pages = (file.size + PAGE_SIZE - 1) / PAGE_SIZE;
	enum err error = pages == 0
				 ? ERR_INVALID
				 : pool_alloc(pages, PAGE_SIZE, (uint16_t)(PAGE_OWNER_VM + vm->vm.id), &disk->memory);

	if (error == OK) {
		disk->pages = pages;
		memcpy(pa_ptr(disk->memory), file.data, file.size);
	}
	return error;
}

static enum err make_blk(struct hyp_vm *vm, const struct bundle *bundle, unsigned slot, ipa_t base, unsigned intid)
{
	const struct vm_device_config *config = &vm->config->devices[slot];
	struct vm_disk *disk = &vm->disks[slot];
	char serial[VM_NAME_MAX + MANIFEST_NAME_MAX + 2];
	struct span file;
	enum err error = bundle_file(bundle, config->file, &file);

	if (error == OK) {
		error = make_disk(vm, disk, file);
	}
	if (error != OK) {
		return error;
	}
	fmt_string(serial, sizeof(serial), "%s-%s", vm->vm.name, config->name);
	return virtio_blk_create(&vm->vm, base, intid,
				 &(struct virtio_blk_disk){ .data = pa_ptr(disk->memory),
							    .size = file.size,
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

static enum err make_virtio(struct hyp_vm *vm, const struct bundle *bundle, unsigned slot)
{
	const struct vm_device_config *config = &vm->config->devices[slot];
	ipa_t base = ipa(GUEST_VIRTIO_BASE + (uint64_t)slot * GUEST_VIRTIO_SIZE);
	unsigned intid = GUEST_SPI_INTID(GUEST_VIRTIO_SPI + slot);
	struct chardev out = { &console_vm_ops, vm };

	switch (config->kind) {
	case VM_DEVICE_BLK:
		return make_blk(vm, bundle, slot, base, intid);
	case VM_DEVICE_NET:
		return make_net(vm, slot, base, intid);
	case VM_DEVICE_CONSOLE:
		return virtio_console_create(&vm->vm, base, intid, out, &vm->virtio[slot]);
	case VM_DEVICE_RNG:
		return virtio_rng_create(&vm->vm, base, intid, &vm->virtio[slot]);
	}
	return ERR_UNSUPPORTED;
}

bool devices_create(struct hyp_vm *vm, const struct bundle *bundle)
{
	struct chardev out = { &console_vm_ops, vm };
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
		enum err error = make_virtio(vm, bundle, i);

		if (error != OK) {
			report_device_error(&report_to_log, vm->vm.name, vm->config->devices[i].name, NULL,
					    "cannot make the device: %s", err_name(error));
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
}

void devices_destroy(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < GUEST_VIRTIO_SLOTS; i++) {
		if (vm->virtio[i] != NULL) {
			virtio_destroy(vm->virtio[i]);
		}
		if (vm->disks[i].pages != 0) {
			zero_pages(pa_ptr(vm->disks[i].memory), vm->disks[i].pages * PAGE_SIZE);
			pool_free(vm->disks[i].memory, vm->disks[i].pages);
		}
	}
	if (vm->rtc != NULL) {
		pl031_destroy(vm->rtc);
	}
	if (vm->uart != NULL) {
		pl011_destroy(vm->uart);
	}
}
