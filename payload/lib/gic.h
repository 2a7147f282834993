/* SPDX-License-Identifier: MIT */
/* GICv3 with one security state (IHI 0069): everything is put into Group 1 unless a test says otherwise. */
#ifndef PAYLOAD_LIB_GIC_H
#define PAYLOAD_LIB_GIC_H

#include "payload/lib/cpu.h"

#define GICD_CTLR 0x0000
#define GICD_CTLR_GRP0 BIT32(0)
#define GICD_CTLR_GRP1 BIT32(1)
#define GICD_CTLR_ARE BIT32(4)
#define GICD_CTLR_DS BIT32(6)
#define GICD_CTLR_RWP BIT32(31)
#define GICD_TYPER 0x0004
#define GICD_IIDR 0x0008
#define GICD_IROUTER 0x6000
#define GIC_PIDR2 0xffe8 /* in GICD and in each GICR frame */

/* The same offsets in GICD, for SPIs, and in SGI_base of a redistributor, for SGIs and PPIs. */
#define GIC_IGROUPR 0x0080
#define GIC_ISENABLER 0x0100
#define GIC_ICENABLER 0x0180
#define GIC_ISPENDR 0x0200
#define GIC_ICPENDR 0x0280
#define GIC_ISACTIVER 0x0300
#define GIC_ICACTIVER 0x0380
#define GIC_IPRIORITYR 0x0400
#define GIC_ICFGR 0x0c00
#define GIC_IGRPMODR 0x0d00

#define GICR_CTLR 0x0000
#define GICR_IIDR 0x0004
#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP BIT32(1)
#define GICR_WAKER_CHILDREN_ASLEEP BIT32(2)
#define GICR_SGI_BASE 0x10000

#define GIC_SPURIOUS 1023

extern uint64_t gicd;
extern uint32_t gic_intids; /* INTIDs 0 .. gic_intids - 1 exist */

/* The boot CPU: finds GICD and all redistributors by the device tree, resets them to a known state. */
void gic_init(void);
/* Each CPU: wakes its redistributor, all its SGIs and PPIs off in Group 1 at priority 0x80, CPU interface on. */
void gic_init_cpu(void);

/*
 * Base of the registers of an INTID: CPU n's SGI_base below 32, else GICD. Then + GIC_x + 4 * (intid / 32), and
 * so on.
 */
uint64_t gic_base(uint32_t cpu, uint32_t intid);
void gic_set_bit(uint32_t cpu, uint32_t intid, uint32_t bank); /* writes one bit, the others 0 */
bool gic_get_bit(uint32_t cpu, uint32_t intid, uint32_t bank);

/* 'cpu' matters for SGIs and PPIs only. */
void gic_enable(uint32_t cpu, uint32_t intid);
void gic_disable(uint32_t cpu, uint32_t intid);
void gic_set_priority(uint32_t cpu, uint32_t intid, uint8_t priority);
void gic_set_group(uint32_t cpu, uint32_t intid, bool group1);
void gic_set_edge(uint32_t cpu, uint32_t intid, bool edge);
/* Sends an SPI to CPU n only. */
void gic_route(uint32_t intid, uint32_t cpu);
void gic_wait_rwp(void);

/* ICC_SGI1R_EL1 value that names one CPU. */
uint64_t gic_sgi_value(uint32_t cpu, uint32_t sgi);
void gic_send_sgi(uint32_t cpu, uint32_t sgi);

/* Group 1 at the CPU interface. */
uint32_t gic_ack(void);
void gic_eoi(uint32_t intid);

#endif
