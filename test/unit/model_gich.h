/* SPDX-License-Identifier: MIT */
/*
 * A CPU's virtual interrupt interface (IHI 0069, 4.5 and 12.4) as the vGIC's tests need it: what the list registers
 * do when the guest acknowledges, ends and deactivates, and what they tell. The registers are this thread's
 * host_sysreg; a test that plays several CPUs in one thread switches them. Five preemption bits, EOIR checked as the
 * architecture does.
 */
#ifndef TEST_MODEL_GICH_H
#define TEST_MODEL_GICH_H

#include <string.h>

#include "arch/sysreg.h"
#include "core/vgic/lr.h"

#define GICH_SPURIOUS 1023u
#define GICH_FIRST HOST_SYSREG_ich_ap0r0_el2
#define GICH_LAST HOST_SYSREG_ich_lr15_el2

#define MISR_EOI BIT(0)
#define MISR_U BIT(1)
#define MISR_LRENP BIT(2)
#define MISR_NP BIT(3)
#define MISR_VGRP0E BIT(4)
#define MISR_VGRP0D BIT(5)
#define MISR_VGRP1E BIT(6)
#define MISR_VGRP1D BIT(7)

/* A CPU: its registers while another one is played, and its physical PPIs. */
struct gich {
	uint64_t regs[GICH_LAST - GICH_FIRST + 1];
	uint32_t physical_active;
	uint32_t physical_line;
};

static _Thread_local struct gich *gich; /* the CPU that is played */
static unsigned gich_lr_count = 4;

static inline uint64_t gich_lr(unsigned i) { return host_sysreg[HOST_SYSREG_ich_lr0_el2 + i]; }

static inline void gich_set_lr(unsigned i, uint64_t lr) { host_sysreg[HOST_SYSREG_ich_lr0_el2 + i] = lr; }

static inline uint64_t gich_elrsr(void)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < gich_lr_count; i++) {
		uint64_t lr = gich_lr(i);

		if ((lr & (LR_PENDING | LR_ACTIVE)) == 0 && ((lr & LR_HW) != 0 || (lr & LR_EOI) == 0)) {
			value |= BIT(i);
		}
	}
	return value;
}

static inline uint64_t gich_eisr(void)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < gich_lr_count; i++) {
		if ((gich_lr(i) & (LR_PENDING | LR_ACTIVE | LR_HW | LR_EOI)) == LR_EOI) {
			value |= BIT(i);
		}
	}
	return value;
}

/*
 * The maintenance interrupt's reasons. NP is the stricter reading: a list register that is active too does not count.
 */
static inline uint64_t gich_misr(void)
{
	uint64_t hcr = host_sysreg[HOST_SYSREG_ich_hcr_el2];
	uint64_t vmcr = host_sysreg[HOST_SYSREG_ich_vmcr_el2];
	uint64_t value = 0;
	bool pending = false;

	for (unsigned i = 0; i < gich_lr_count; i++) {
		pending |= (gich_lr(i) & (LR_PENDING | LR_ACTIVE)) == LR_PENDING;
	}
	value |= gich_eisr() != 0 ? MISR_EOI : 0;
	value |= (hcr & HCR_LRENPIE) != 0 && FIELD_GET(HCR_EOICOUNT, hcr) != 0 ? MISR_LRENP : 0;
	value |= (hcr & HCR_NPIE) != 0 && !pending ? MISR_NP : 0;
	value |= (hcr & HCR_VGRP0EIE) != 0 && (vmcr & VMCR_VENG0) != 0 ? MISR_VGRP0E : 0;
	value |= (hcr & HCR_VGRP0DIE) != 0 && (vmcr & VMCR_VENG0) == 0 ? MISR_VGRP0D : 0;
	value |= (hcr & HCR_VGRP1EIE) != 0 && (vmcr & VMCR_VENG1) != 0 ? MISR_VGRP1E : 0;
	value |= (hcr & HCR_VGRP1DIE) != 0 && (vmcr & VMCR_VENG1) == 0 ? MISR_VGRP1D : 0;
	return (hcr & HCR_EN) != 0 ? value : 0;
}

static void gich_reading(enum host_sysreg_index reg)
{
	if (reg == HOST_SYSREG_ich_elrsr_el2) {
		host_sysreg[reg] = gich_elrsr();
	} else if (reg == HOST_SYSREG_ich_eisr_el2) {
		host_sysreg[reg] = gich_eisr();
	} else if (reg == HOST_SYSREG_ich_misr_el2) {
		host_sysreg[reg] = gich_misr();
	}
}

/* Gives every thread's CPU 'lr_count' list registers and 5 bits of priority. */
static inline void gich_init(unsigned lr_count)
{
	gich_lr_count = lr_count;
	host_sysreg_reading = gich_reading;
}

/* The read-only register, in this thread's file. */
static inline void gich_start(struct gich *cpu)
{
	memset(cpu, 0, sizeof(*cpu));
	gich = cpu;
	memset(&host_sysreg[GICH_FIRST], 0, sizeof(cpu->regs));
	host_sysreg[HOST_SYSREG_ich_vtr_el2] = (uint64_t)(gich_lr_count - 1) | 4u << 26 | UINT64_C(4) << 29 | BIT(19) |
					       BIT(21);
	memcpy(cpu->regs, &host_sysreg[GICH_FIRST], sizeof(cpu->regs));
}

static inline void gich_switch(struct gich *to)
{
	if (gich != to) {
		memcpy(gich->regs, &host_sysreg[GICH_FIRST], sizeof(gich->regs));
		memcpy(&host_sysreg[GICH_FIRST], to->regs, sizeof(to->regs));
		gich = to;
	}
}

/* ---- what the guest does ---- */

/* The highest priority pending list register whose group is enabled, or -1. */
static inline int gich_best(void)
{
	uint64_t vmcr = host_sysreg[HOST_SYSREG_ich_vmcr_el2];
	int best = -1;

	for (unsigned i = 0; i < gich_lr_count; i++) {
		uint64_t lr = gich_lr(i);

		if ((lr & (LR_PENDING | LR_ACTIVE)) != LR_PENDING ||
		    (vmcr & ((lr & LR_GROUP) != 0 ? VMCR_VENG1 : VMCR_VENG0)) == 0) {
			continue;
		}
		if (best < 0 || FIELD_GET(LR_PRIORITY, lr) < FIELD_GET(LR_PRIORITY, gich_lr((unsigned)best))) {
			best = (int)i;
		}
	}
	return best;
}

/* The bits of a priority that preempt. The least binary points are those of five preemption bits. */
static inline unsigned gich_group_mask(bool group1)
{
	uint64_t vmcr = host_sysreg[HOST_SYSREG_ich_vmcr_el2];
	unsigned bpr0 = MAX((unsigned)(vmcr >> 21 & 7), 2u);
	unsigned bpr1 = MAX((unsigned)(vmcr >> 18 & 7), 3u);

	return group1 ? 0xffu << bpr1 & 0xff : 0xfeu << bpr0 & 0xff;
}

/* The running priority's number (priority / 8), or 32. */
static inline unsigned gich_running(void)
{
	uint32_t active = (uint32_t)(host_sysreg[HOST_SYSREG_ich_ap0r0_el2] | host_sysreg[HOST_SYSREG_ich_ap1r0_el2]);

	return active == 0 ? 32 : (unsigned)__builtin_ctz(active);
}

/* The list register that would interrupt now, or -1. */
static inline int gich_signalled(void)
{
	int i = gich_best();
	uint64_t lr;
	unsigned priority;

	if (i < 0) {
		return -1;
	}
	lr = gich_lr((unsigned)i);
	priority = (unsigned)FIELD_GET(LR_PRIORITY, lr);
	if (priority >= FIELD_GET(VMCR_VPMR, host_sysreg[HOST_SYSREG_ich_vmcr_el2]) ||
	    (priority & gich_group_mask((lr & LR_GROUP) != 0)) >= gich_running() * 8) {
		return -1;
	}
	return i;
}

/* ICV_IARn. */
static inline unsigned gich_ack(bool group1)
{
	int i = gich_signalled();
	uint64_t lr;
	unsigned level;

	if (i < 0 || ((gich_lr((unsigned)i) & LR_GROUP) != 0) != group1) {
		return GICH_SPURIOUS;
	}
	lr = gich_lr((unsigned)i);
	level = ((unsigned)FIELD_GET(LR_PRIORITY, lr) & gich_group_mask(group1)) / 8;
	host_sysreg[group1 ? HOST_SYSREG_ich_ap1r0_el2 : HOST_SYSREG_ich_ap0r0_el2] |= BIT(level);
	gich_set_lr((unsigned)i, (lr & ~LR_PENDING) | LR_ACTIVE);
	return (unsigned)FIELD_GET(LR_INTID, lr);
}

static inline void gich_deactivate(unsigned intid)
{
	for (unsigned i = 0; i < gich_lr_count; i++) {
		uint64_t lr = gich_lr(i);

		if ((lr & LR_ACTIVE) != 0 && FIELD_GET(LR_INTID, lr) == intid) {
			gich_set_lr(i, lr & ~LR_ACTIVE);
			if ((lr & LR_HW) != 0) {
				gich->physical_active &= ~(uint32_t)BIT(FIELD_GET(LR_PINTID, lr));
			}
			return;
		}
	}
	/* The counter saturates nowhere that the tests come. */
	host_sysreg[HOST_SYSREG_ich_hcr_el2] += BIT(HCR_EOICOUNT_SHIFT);
}

/* ICV_EOIRn. */
static inline void gich_eoi(unsigned intid, bool group1)
{
	uint64_t *apr = &host_sysreg[group1 ? HOST_SYSREG_ich_ap1r0_el2 : HOST_SYSREG_ich_ap0r0_el2];

	*apr &= *apr - (*apr != 0);
	if ((host_sysreg[HOST_SYSREG_ich_vmcr_el2] & VMCR_VEOIM) == 0) {
		gich_deactivate(intid);
	}
}

/* ICV_DIR, if it does not trap. */
static inline bool gich_dir_traps(void) { return (host_sysreg[HOST_SYSREG_ich_hcr_el2] & HCR_TDIR) != 0; }

#endif
