/* SPDX-License-Identifier: MIT */
/*
 * List registers: the virtual interface control registers (IHI 0069, 12.4), and what goes on between them and the
 * words of interrupt state. Own CPU, vCPU loaded.
 *
 * A list register is pending or active, never both: what comes for an active interrupt waits in its word, and the EOI
 * bit tells when the guest is done.
 */
#ifndef CORE_VGIC_LR_H
#define CORE_VGIC_LR_H

#include "arch/sysreg.h"
#include "core/vgic/vgic.h"

#define LR_INTID_SHIFT 0
#define LR_INTID_WIDTH 32
#define LR_PINTID_SHIFT 32
#define LR_PINTID_WIDTH 13
#define LR_EOI BIT(41) /* with HW = 0: maintenance interrupt when the guest deactivates it */
#define LR_PRIORITY_SHIFT 48
#define LR_PRIORITY_WIDTH 8
#define LR_GROUP BIT(60)
#define LR_HW BIT(61)
#define LR_PENDING BIT(62)
#define LR_ACTIVE BIT(63)

#define HCR_EN BIT(0)
#define HCR_LRENPIE BIT(2) /* maintenance while EOIcount is not 0 */
#define HCR_NPIE BIT(3)    /* while no list register is pending */
#define HCR_VGRP0EIE BIT(4) /* while the group is enabled; xDIE: while it is disabled */
#define HCR_VGRP0DIE BIT(5)
#define HCR_VGRP1EIE BIT(6)
#define HCR_VGRP1DIE BIT(7)
#define HCR_TDIR BIT(14)
#define HCR_EOICOUNT_SHIFT 27
#define HCR_EOICOUNT_WIDTH 5

#define VMCR_VENG0 BIT(0)
#define VMCR_VENG1 BIT(1)
#define VMCR_VEOIM BIT(9)
#define VMCR_VPMR_SHIFT 24
#define VMCR_VPMR_WIDTH 8

#define VTR_PREBITS_SHIFT 26 /* one less than there are */
#define VTR_PREBITS_WIDTH 3

#define LR_CASES(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static inline uint64_t lr_read(unsigned i)
{
	switch (i) {
#define LR_READ(n) \
	case n:    \
		return read_ich_lr##n##_el2();
		LR_CASES(LR_READ)
#undef LR_READ
	default:
		return 0;
	}
}

static inline void lr_write(unsigned i, uint64_t value)
{
	switch (i) {
#define LR_WRITE(n)                           \
	case n:                               \
		write_ich_lr##n##_el2(value); \
		break;
		LR_CASES(LR_WRITE)
#undef LR_WRITE
	default:
		break;
	}
}

/* How many active priority registers each group has: one for each 32 preemption levels. */
static inline unsigned apr_count(void)
{
	unsigned bits = (unsigned)FIELD_GET(VTR_PREBITS, read_ich_vtr_el2()) + 1;

	return bits <= 5 ? 1 : 1u << (bits - 5);
}

static inline void apr_save(uint64_t *ap0r, uint64_t *ap1r)
{
	unsigned count = apr_count();

	ap0r[0] = read_ich_ap0r0_el2();
	ap1r[0] = read_ich_ap1r0_el2();
	if (count > 1) {
		ap0r[1] = read_ich_ap0r1_el2();
		ap1r[1] = read_ich_ap1r1_el2();
	}
	if (count > 2) {
		ap0r[2] = read_ich_ap0r2_el2();
		ap0r[3] = read_ich_ap0r3_el2();
		ap1r[2] = read_ich_ap1r2_el2();
		ap1r[3] = read_ich_ap1r3_el2();
	}
}

static inline void apr_load(const uint64_t *ap0r, const uint64_t *ap1r)
{
	unsigned count = apr_count();

	write_ich_ap0r0_el2(ap0r[0]);
	write_ich_ap1r0_el2(ap1r[0]);
	if (count > 1) {
		write_ich_ap0r1_el2(ap0r[1]);
		write_ich_ap1r1_el2(ap1r[1]);
	}
	if (count > 2) {
		write_ich_ap0r2_el2(ap0r[2]);
		write_ich_ap0r3_el2(ap0r[3]);
		write_ich_ap1r2_el2(ap1r[2]);
		write_ich_ap1r3_el2(ap1r[3]);
	}
}

#define NO_LR VGIC_LR_MAX

static inline unsigned lr_intid(const struct vgic_cpu *cpu, unsigned i)
{
	return (unsigned)FIELD_GET(LR_INTID, cpu->lr[i]);
}

static inline void lr_set(struct vgic_cpu *cpu, unsigned i, uint64_t value)
{
	cpu->lr[i] = value;
	lr_write(i, value);
}

/* The list register that holds an interrupt, or NO_LR. */
unsigned lr_find(const struct vgic_cpu *cpu, unsigned intid);

/*
 * Takes an interrupt for a list register of ours; false if we have it, or another vCPU, whose release looks at it
 * again.
 */
bool lr_claim(struct vgic_cpu *cpu, unsigned intid);
/* Gives a claim up. The caller looks at the interrupt again: whoever changed it meanwhile rang us. */
void lr_release(struct vgic_cpu *cpu, unsigned intid);
/* After a release: notes the interrupt if there is reason to. */
void lr_look_again(struct vgic_cpu *cpu, unsigned intid);

/* The list register of an interrupt must not be filled again as it is (lr_refill). */
void lr_not_again(struct vgic_cpu *cpu, unsigned intid);
/* What a list register says of an interrupt by its word, but for its state. */
uint64_t lr_make(struct vgic_cpu *cpu, unsigned intid);
/* Fills a free list register with a claimed, pending interrupt; 'latched': its latch was cleared for that. */
void lr_fill(struct vgic_cpu *cpu, unsigned i, unsigned intid, bool latched);

/* Each of these empties a list register and releases its interrupt. Only lr_finish() looks at it again, too. */
void lr_drop(struct vgic_cpu *cpu, unsigned i); /* the caller has dealt with its state */
void lr_finish(struct vgic_cpu *cpu, unsigned i); /* the guest has deactivated it */
void lr_take_back(struct vgic_cpu *cpu, unsigned i); /* pending: back to its word */
void lr_park(struct vgic_cpu *cpu, unsigned i); /* active: back to its word, and into 'parked' */

/* Finishes what the guest has deactivated, in list registers or parked. */
void lr_fold(struct vgic_cpu *cpu);
/* Forgets that an interrupt is parked. */
void lr_unpark(struct vgic_cpu *cpu, unsigned intid);
/* Parked interrupts come back while there is room, so that the hardware ends them. */
void lr_unpark_all(struct vgic_cpu *cpu);
/*
 * Asks for the lines of those PPIs in 'mask' whose physical interrupt is active for them, and lets go those that are
 * low.
 */
void lr_hw_sample(struct vgic_cpu *cpu, uint32_t mask);

#endif
