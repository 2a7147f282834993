/* SPDX-License-Identifier: MIT */
#include "payload/lib/gic.h"

#include "payload/lib/fdt.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

#define GICR_TYPER_LAST BIT(4)
#define GICR_TYPER_VLPIS BIT(1)

uint64_t gicd = 0x08000000;
uint32_t gic_intids;

static uint64_t gicr_region = 0x080a0000;

/* Walks the redistributors, as their order need not be that of the CPUs. */
static void find_redistributors(void)
{
	uint64_t frame = gicr_region;
	uint64_t typer;

	do {
		uint64_t affinity;

		typer = mmio_read64(frame + GICR_TYPER);
		affinity = BITS(typer, 55, 32) | BITS(typer, 63, 56) << 32;
		for (uint32_t i = 0; i < cpu_count; i++) {
			if (cpus[i].affinity == affinity) {
				cpus[i].gicr = frame;
			}
		}
		frame += (typer & GICR_TYPER_VLPIS) != 0 ? 0x40000 : 0x20000;
	} while ((typer & GICR_TYPER_LAST) == 0);

	for (uint32_t i = 0; i < cpu_count; i++) {
		if (cpus[i].gicr == 0) {
			report_fatal("gic: no redistributor for CPU %u", i);
		}
	}
}

void gic_wait_rwp(void)
{
	if (!WAIT_UNTIL((mmio_read32(gicd + GICD_CTLR) & GICD_CTLR_RWP) == 0, 1000)) {
		report_fatal("gic: GICD_CTLR.RWP stays set");
	}
}

void gic_init(void)
{
	uint32_t node = fdt_find_compatible("arm,gic-v3");

	if (node != 0) {
		gicd = fdt_u64(node, "reg", 0);
		gicr_region = fdt_u64(node, "reg", 2);
	}
	mmio_write32(gicd + GICD_CTLR, 0);
	gic_wait_rwp();
	gic_intids = MIN(32 * (uint32_t)(BITS(mmio_read32(gicd + GICD_TYPER), 4, 0) + 1), 1020);
	for (uint32_t i = 32; i < gic_intids; i += 32) {
		mmio_write32(gicd + GIC_ICENABLER + i / 8, ~0u);
		mmio_write32(gicd + GIC_ICPENDR + i / 8, ~0u);
		mmio_write32(gicd + GIC_ICACTIVER + i / 8, ~0u);
		mmio_write32(gicd + GIC_IGROUPR + i / 8, ~0u);
	}
	for (uint32_t i = 32; i < gic_intids; i += 4) {
		mmio_write32(gicd + GIC_IPRIORITYR + i, 0x80808080);
	}
	mmio_write32(gicd + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GRP1 | GICD_CTLR_GRP0);
	gic_wait_rwp();
	find_redistributors();
}

void gic_init_cpu(void)
{
	uint64_t rd = this_cpu()->gicr;
	uint64_t sgi = rd + GICR_SGI_BASE;

	mmio_write32(rd + GICR_WAKER, 0);
	if (!WAIT_UNTIL((mmio_read32(rd + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP) == 0, 1000)) {
		report_fatal("gic: redistributor stays asleep");
	}
	mmio_write32(sgi + GIC_ICENABLER, ~0u);
	mmio_write32(sgi + GIC_ICPENDR, ~0u);
	mmio_write32(sgi + GIC_ICACTIVER, ~0u);
	mmio_write32(sgi + GIC_IGROUPR, ~0u);
	for (uint32_t i = 0; i < 32; i += 4) {
		mmio_write32(sgi + GIC_IPRIORITYR + i, 0x80808080);
	}
	write_icc(ICC_SRE_EL1, 7);
	isb();
	write_icc(ICC_PMR_EL1, 0xff);
	write_icc(ICC_BPR1_EL1, 0);
	write_icc(ICC_CTLR_EL1, 0);
	write_icc(ICC_IGRPEN1_EL1, 1);
	isb();
}

uint64_t gic_base(uint32_t cpu, uint32_t intid)
{
	return intid < 32 ? cpus[cpu].gicr + GICR_SGI_BASE : gicd;
}

void gic_set_bit(uint32_t cpu, uint32_t intid, uint32_t bank)
{
	mmio_write32(gic_base(cpu, intid) + bank + intid / 32 * 4, BIT32(intid % 32));
}

bool gic_get_bit(uint32_t cpu, uint32_t intid, uint32_t bank)
{
	return (mmio_read32(gic_base(cpu, intid) + bank + intid / 32 * 4) & BIT32(intid % 32)) != 0;
}

void gic_enable(uint32_t cpu, uint32_t intid)
{
	gic_set_bit(cpu, intid, GIC_ISENABLER);
}

void gic_disable(uint32_t cpu, uint32_t intid)
{
	uint64_t rd = cpus[cpu].gicr;

	gic_set_bit(cpu, intid, GIC_ICENABLER);
	if (intid >= 32) {
		gic_wait_rwp();
	} else if (!WAIT_UNTIL((mmio_read32(rd + GICR_CTLR) & BIT32(3)) == 0, 1000)) {
		report_fatal("gic: GICR_CTLR.RWP stays set");
	}
}

void gic_set_priority(uint32_t cpu, uint32_t intid, uint8_t priority)
{
	mmio_write8(gic_base(cpu, intid) + GIC_IPRIORITYR + intid, priority);
}

static void change_field(uint64_t address, uint32_t shift, uint32_t mask, uint32_t value)
{
	mmio_write32(address, (mmio_read32(address) & ~(mask << shift)) | value << shift);
}

void gic_set_group(uint32_t cpu, uint32_t intid, bool group1)
{
	change_field(gic_base(cpu, intid) + GIC_IGROUPR + intid / 32 * 4, intid % 32, 1, group1);
}

void gic_set_edge(uint32_t cpu, uint32_t intid, bool edge)
{
	change_field(gic_base(cpu, intid) + GIC_ICFGR + intid / 16 * 4, intid % 16 * 2, 3, edge ? 2 : 0);
}

void gic_route(uint32_t intid, uint32_t cpu)
{
	mmio_write64(gicd + GICD_IROUTER + 8ul * intid, cpus[cpu].affinity);
}

uint64_t gic_sgi_value(uint32_t cpu, uint32_t sgi)
{
	uint64_t a = cpus[cpu].affinity;

	return BITS(a, 39, 32) << 48 | BITS(a, 23, 16) << 32 | (uint64_t)sgi << 24 | BITS(a, 15, 8) << 16 |
	       BITS(a, 7, 4) << 44 | BIT(BITS(a, 3, 0));
}

void gic_send_sgi(uint32_t cpu, uint32_t sgi)
{
	dsb_ish();
	write_icc(ICC_SGI1R_EL1, gic_sgi_value(cpu, sgi));
	isb();
}

uint32_t gic_ack(void)
{
	uint32_t intid = (uint32_t)read_icc(ICC_IAR1_EL1);

	dsb();
	return intid;
}

void gic_eoi(uint32_t intid)
{
	dsb();
	write_icc(ICC_EOIR1_EL1, intid);
	isb();
}
