/* SPDX-License-Identifier: MIT */
/* virtio-rng, the entropy device (VIRTIO 1.2, 5.4), out of core/port/entropy.h. */
#ifndef ROLE_HYP_DEV_VIRTIO_RNG_H
#define ROLE_HYP_DEV_VIRTIO_RNG_H

#include "role/hyp/dev/virtio_mmio.h"

/* Makes the device; see virtio_create(). ERR_NO_MEMORY, or what bus_add() says. */
enum err virtio_rng_create(struct vm *vm, ipa_t base, unsigned intid, struct virtio_device **dev);

#endif
