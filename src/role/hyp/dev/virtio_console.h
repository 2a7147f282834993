/* SPDX-License-Identifier: MIT */
/* virtio-console (VIRTIO 1.2, 5.3): one port, as in a device without VIRTIO_CONSOLE_F_MULTIPORT. */
#ifndef ROLE_HYP_DEV_VIRTIO_CONSOLE_H
#define ROLE_HYP_DEV_VIRTIO_CONSOLE_H

#include "role/hyp/dev/chardev.h"
#include "role/hyp/dev/virtio_mmio.h"

/* Makes the device; see virtio_create(). Output goes to 'out'. ERR_NO_MEMORY, or what bus_add() says. */
enum err virtio_console_create(struct vm *vm, ipa_t base, unsigned intid, struct chardev out,
			       struct virtio_device **dev);
/*
 * Input from outside. Any CPU, not with a lock that the chardev's put takes. False, and nothing taken, if there is no
 * room.
 */
bool virtio_console_input(struct virtio_device *dev, uint8_t byte);
/* The chardev that refused a byte has room again. As virtio_console_input(). */
void virtio_console_tx_ready(struct virtio_device *dev);

#endif
