/* SPDX-License-Identifier: MIT */
/* Registers of the GICv3's distributor and redistributors, and what both Security states do with them. */
#ifndef DRIVERS_GICV3_PRIV_H
#define DRIVERS_GICV3_PRIV_H

#include "arch/mmio.h"
#include "core/port/host.h"

enum {
	GICD_CTLR = 0x0000,
	GICD_TYPER = 0x0004,
	GICD_IROUTER = 0x6000,
	GICD_PIDR2 = 0xffe8,

	GICR_CTLR = 0x0000,
	GICR_TYPER = 0x0008,
	GICR_WAKER = 0x0014,
	GICR_SGI_BASE = 0x10000,

	/* From the start of the distributor; for private interrupts at the same place behind GICR_SGI_BASE. */
	GIC_IGROUPR = 0x0080,
	GIC_ISENABLER = 0x0100,
	GIC_ICENABLER = 0x0180,
	GIC_ISPENDR = 0x0200,
	GIC_ICPENDR = 0x0280,
	GIC_ISACTIVER = 0x0300,
	GIC_ICACTIVER = 0x0380,
	GIC_IPRIORITYR = 0x0400,
	GIC_ICFGR = 0x0c00,
	GIC_IGRPMODR = 0x0d00,
};

#define GIC_FIRST_PPI 16u
#define GIC_FIRST_SPI 32u

/* EOIMODE of ICC_CTLR_EL1; SRE, DFB, DIB of ICC_SRE_EL2, without Enable, or a guest could turn the interface off. */
#define ICC_CTLR_EOIMODE BIT(1)
#define ICC_SRE_EL2_VALUE 0x7u

extern uintptr_t gic_dist;
extern uintptr_t gic_redist[CPU_MAX]; /* by CPU index */

/* Register writes take effect in the GIC at their own time; these wait until they have. */
void gic_wait_dist(void);
void gic_wait_redist(uintptr_t frame);

/* Notes the distributor; ERR_UNSUPPORTED if it is no GICv3 or GICv4. */
enum err gic_find_dist(uintptr_t gicd);
/* INTIDs below this exist as SPIs. */
uint32_t gic_spi_end(void);
/* Notes this CPU's redistributor and wakes it; ERR_NOT_FOUND. */
enum err gic_find_redist(const struct host_range *regions, unsigned count);
/* System registers on, all priorities let through, EOImode 1, Group 1 on. */
void gic_open_cpu_interface(void);

/* Where the registers of that interrupt are: the distributor, or this CPU's frame for private ones. */
uintptr_t gic_bank(uint32_t intid);
/* Waits for writes to that bank. */
void gic_wait(uint32_t intid);
/* Writes the interrupt's bit to a register that sets or clears by bits. */
void gic_write_bit(uint32_t intid, unsigned reg);
/* An SPI goes to the CPU with that affinity. */
void gic_route(uint32_t intid, uint64_t mpidr);

#endif
