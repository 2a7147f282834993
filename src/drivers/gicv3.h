/* SPDX-License-Identifier: MIT */
/* The physical GICv3's distributor and redistributors (IHI 0069), Non-secure Group 1 only. */
#ifndef DRIVERS_GICV3_H
#define DRIVERS_GICV3_H

#include "core/port/host.h"

/* Distributor; ERR_UNSUPPORTED if it is no GICv3 or GICv4. */
enum err gic_dist_init(uintptr_t gicd);
/* Finds this CPU's redistributor in the regions (ERR_NOT_FOUND), wakes it, and opens the CPU interface. */
enum err gic_cpu_init(const struct host_range *regions, unsigned count);

#endif
