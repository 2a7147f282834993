/* SPDX-License-Identifier: MIT */
/*
 * This CPU's own GICv3 interface (physical, Group 1 of our own Security state), by system registers. EOImode is 1:
 * dropping the priority and deactivating are two steps, so that a guest can do the second (list registers with the HW
 * bit).
 */
#ifndef ARCH_GIC_CPU_H
#define ARCH_GIC_CPU_H

#include "arch/barrier.h"
#include "arch/sysreg.h"

#define GIC_INTID_NONE 1020 /* this and above: nothing to serve */

#define ICC_SGI1R_INTID_SHIFT 24
#define ICC_SGI1R_INTID_WIDTH 4

/* Acknowledges the highest pending interrupt; GIC_INTID_NONE or above if there is none. */
static inline uint32_t gic_ack(void) { return (uint32_t)read_icc_iar1_el1() & 0xffffff; }

/* Whether there is one to acknowledge. */
static inline bool gic_has_pending(void) { return (read_icc_hppir1_el1() & 0xffffff) < GIC_INTID_NONE; }

/* Lets interrupts of the same priority come again; the acknowledged one stays active. */
static inline void gic_drop(uint32_t intid) { write_icc_eoir1_el1(intid); }

static inline void gic_deactivate(uint32_t intid) { write_icc_dir_el1(intid); }

/* What ICC_SGI1R_EL1 takes to name one CPU, by its affinity. */
static inline uint64_t gic_sgi_target(uint64_t mpidr)
{
	uint64_t aff0 = mpidr & 0xff;

	return (mpidr >> 32 & 0xff) << 48 | (mpidr >> 16 & 0xff) << 32 | (mpidr >> 8 & 0xff) << 16 | (aff0 >> 4) << 44 |
	       BIT(aff0 & 15);
}

/* SGI to one CPU. What was written before is visible to it when it has acknowledged. */
static inline void gic_send_sgi(uint64_t target, unsigned intid)
{
	/* DSB: stores before the SGI are seen by the CPU that takes it; partner is its acknowledge. */
	dsb_ishst();
	write_icc_sgi1r_el1(FIELD_PUT(ICC_SGI1R_INTID, intid) | target);
	isb();
}

/* From the Secure state: an SGI of the normal world (Non-secure Group 1) to one CPU. */
static inline void gic_send_ns_sgi(uint64_t target, unsigned intid)
{
	dsb_ishst();
	write_icc_asgi1r_el1(FIELD_PUT(ICC_SGI1R_INTID, intid) | target);
	isb();
}

#endif
