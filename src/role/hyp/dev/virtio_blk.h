/* SPDX-License-Identifier: MIT */
/* virtio-blk (VIRTIO 1.2, 5.2) over a disk in EL2's memory. */
#ifndef ROLE_HYP_DEV_VIRTIO_BLK_H
#define ROLE_HYP_DEV_VIRTIO_BLK_H

#include "role/hyp/dev/virtio_mmio.h"

/* The disk of one VM. The data belongs to the caller, outlives the device, and is the device's alone meanwhile. */
struct virtio_blk_disk {
	uint8_t *data;
	uint64_t size; /* bytes; what is left after the last whole sector is not shown */
	bool read_only;
	const char *serial; /* for GET_ID; copied, cut to VIRTIO_BLK_ID_BYTES */
};

/* Makes the device; see virtio_create(). ERR_NO_MEMORY, or what bus_add() says. */
enum err virtio_blk_create(struct vm *vm, ipa_t base, unsigned intid, const struct virtio_blk_disk *disk,
			   struct virtio_device **dev);

/* Other memory of the same size takes the place of its data. The device is not in use. */
void virtio_blk_set_data(struct virtio_device *dev, uint8_t *data);

#endif
