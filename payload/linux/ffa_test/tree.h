/* SPDX-License-Identifier: MIT */
/* Where kernels differ, and names that hold for all. Kbuild finds out what no name in their headers tells. */
#ifndef FFA_TEST_TREE_H
#define FFA_TEST_TREE_H

#include <linux/arm_ffa.h>
#include <linux/hrtimer.h>

/* What the driver asks for: constants, which FFA_VERSION_1_2 is not. */
#ifdef FFA_VERSION_1_2
#define DRIVER_VERSION 0x10002
#else
#define FFA_VERSION_1_2 0x10002
#define DRIVER_VERSION 0x10001
#endif

/* A direct message of 1.2, to the UUID by which the driver found the partition. */
static inline int tree_send_receive2(struct ffa_device *sp, struct ffa_send_direct_data2 *data)
{
#ifdef MESSAGE2_NAMES_UUID
	return sp->ops->msg_ops->sync_send_receive2(sp, &sp->uuid, data);
#else
	return sp->ops->msg_ops->sync_send_receive2(sp, data);
#endif
}

static inline void tree_hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *))
{
#ifdef HAS_HRTIMER_SETUP
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
	timer->function = function;
#endif
}

#endif
