/* SPDX-License-Identifier: MIT */
/* Where a serial device's output goes. Input comes by the device's own xxx_input(). */
#ifndef ROLE_HYP_DEV_CHARDEV_H
#define ROLE_HYP_DEV_CHARDEV_H

#include "lib/base.h"

struct chardev_ops {
	/*
	 * Takes one byte; false if there is no room now, and then the device keeps it and waits to be told
	 * (xxx_tx_ready()). Called with the device's lock held, so it must not call back into the device, and a lock
	 * that it takes must not be held by anybody who calls xxx_input() or xxx_tx_ready().
	 */
	bool (*put)(void *ctx, uint8_t byte);
};

struct chardev {
	const struct chardev_ops *ops;
	void *ctx;
};

static inline bool chardev_put(const struct chardev *dev, uint8_t byte) { return dev->ops->put(dev->ctx, byte); }

#endif
