/* SPDX-License-Identifier: MIT */
/*
 * The physical GICv3's distributor and redistributors (IHI 0069). gicv3.c is what both Security states do alike;
 * gicv3_ns.c and gicv3_s.c bring it up and serve core/port/host.h and core/port/secure_irq.h. A board calls those of
 * its world.
 */
#ifndef DRIVERS_GICV3_H
#define DRIVERS_GICV3_H

#include "core/port/host.h"

/* Resets the distributor; ERR_UNSUPPORTED if it is no GICv3 or GICv4. */
enum err gic_ns_dist_init(uintptr_t gicd);
/* Finds this CPU's redistributor in the regions (ERR_NOT_FOUND), resets it, and opens the CPU interface. */
enum err gic_ns_cpu_init(const struct host_range *regions, unsigned count);

/* As above, but firmware has brought the GIC up and the normal world has its share of it: nothing is reset. */
enum err gic_s_dist_init(uintptr_t gicd);
enum err gic_s_cpu_init(const struct host_range *regions, unsigned count);

#endif
