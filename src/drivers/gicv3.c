/* SPDX-License-Identifier: MIT */
#include "drivers/gicv3.h"

#include "arch/barrier.h"
#include "arch/gic_cpu.h"
#include "arch/mmio.h"

enum {
	GICD_CTLR = 0x0000,
	GICD_TYPER = 0x0004,
	GICD_IGROUPR = 0x0080,
	GICD_ISENABLER = 0x0100,
	GICD_ICENABLER = 0x0180,
	GICD_IPRIORITYR = 0x0400,
	GICD_IROUTER = 0x6000,
	GICD_PIDR2 = 0xffe8,

	GICR_CTLR = 0x0000,
	GICR_TYPER = 0x0008,
	GICR_WAKER = 0x0014,
	GICR_SGI_BASE = 0x10000,
	GICR_IGROUPR0 = GICR_SGI_BASE + 0x080,
	GICR_ISENABLER0 = GICR_SGI_BASE + 0x100,
	GICR_ICENABLER0 = GICR_SGI_BASE + 0x180,
	GICR_ISPENDR0 = GICR_SGI_BASE + 0x200,
	GICR_ISACTIVER0 = GICR_SGI_BASE + 0x300,
	GICR_ICACTIVER0 = GICR_SGI_BASE + 0x380,
	GICR_IPRIORITYR = GICR_SGI_BASE + 0x400,
};

#define GICD_CTLR_ENABLE_G1 (1u << 1) /* with two Security states: EnableGrp1A; with one: EnableGrp1 */
#define GICD_CTLR_ARE_NS (1u << 4)
#define GICD_CTLR_RWP (1u << 31)
#define GICR_CTLR_RWP (1u << 3)
#define GICR_WAKER_PROCESSOR_SLEEP (1u << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1u << 2)
#define GICR_TYPER_LAST BIT(4)
#define GICR_TYPER_VLPIS BIT(1)
#define GICR_FRAME KIB(128)
#define GICR_FRAME_VLPIS KIB(256)

#define PRIORITY_ALL 0xa0a0a0a0u
#define ICC_CTLR_EOIMODE BIT(1)
/*
 * SRE, DFB, DIB. Without Enable: EL1's accesses to ICC_SRE_EL1 trap, or a guest could turn the interface off for the
 * next.
 */
#define ICC_SRE_EL2_VALUE 0x7u

#define FIRST_SPI 32u

static uintptr_t dist;
static uintptr_t redist[CPU_MAX]; /* by CPU index */

/* Register writes take effect in the GIC at their own time; RWP tells. */
static void wait_rwp(uintptr_t ctlr, uint32_t bit)
{
	while ((mmio_read32(ctlr) & bit) != 0) {
		cpu_relax();
	}
}

enum err gic_dist_init(uintptr_t gicd)
{
	uint32_t arch = mmio_read32(gicd + GICD_PIDR2) >> 4 & 0xf;
	uint32_t last;

	if (arch != 3 && arch != 4) {
		return ERR_UNSUPPORTED;
	}
	dist = gicd;
	mmio_write32(dist + GICD_CTLR, 0);
	wait_rwp(dist + GICD_CTLR, GICD_CTLR_RWP);
	last = MIN(32 * ((mmio_read32(dist + GICD_TYPER) & 0x1f) + 1), 1020u);
	for (uint32_t id = FIRST_SPI; id < last; id += 32) {
		mmio_write32(dist + GICD_ICENABLER + id / 8, ~0u);
		mmio_write32(dist + GICD_IGROUPR + id / 8, ~0u);
	}
	mmio_write32(dist + GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1);
	wait_rwp(dist + GICD_CTLR, GICD_CTLR_RWP);
	return OK;
}

/* The frame whose GICR_TYPER shows this CPU's affinity, or 0. */
static uintptr_t find_redist(const struct host_range *regions, unsigned count, uint64_t mpidr)
{
	uint32_t affinity = (uint32_t)((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff));

	for (unsigned i = 0; i < count; i++) {
		uint64_t offset = 0;

		while (regions[i].size - offset >= GICR_FRAME) {
			uintptr_t frame = regions[i].base + offset;
			uint64_t typer = mmio_read64(frame + GICR_TYPER);

			if (hi32(typer) == affinity) {
				return frame;
			}
			offset += (typer & GICR_TYPER_VLPIS) != 0 ? GICR_FRAME_VLPIS : GICR_FRAME;
			if ((typer & GICR_TYPER_LAST) != 0 || offset > regions[i].size) {
				break;
			}
		}
	}
	return 0;
}

enum err gic_cpu_init(const struct host_range *regions, unsigned count)
{
	struct cpu *cpu = this_cpu();
	uintptr_t frame = find_redist(regions, count, cpu->mpidr);

	if (frame == 0) {
		return ERR_NOT_FOUND;
	}
	redist[cpu->index] = frame;
	mmio_write32(frame + GICR_WAKER, mmio_read32(frame + GICR_WAKER) & ~GICR_WAKER_PROCESSOR_SLEEP);
	while ((mmio_read32(frame + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP) != 0) {
		cpu_relax();
	}
	mmio_write32(frame + GICR_ICENABLER0, ~0u);
	mmio_write32(frame + GICR_ICACTIVER0, ~0u);
	mmio_write32(frame + GICR_IGROUPR0, ~0u);
	for (unsigned i = 0; i < 32; i += 4) {
		mmio_write32(frame + GICR_IPRIORITYR + i, PRIORITY_ALL);
	}
	mmio_write32(frame + GICR_ISENABLER0, 0xffff); /* SGIs */
	wait_rwp(frame + GICR_CTLR, GICR_CTLR_RWP);

	write_icc_sre_el2(ICC_SRE_EL2_VALUE);
	isb();
	write_icc_sre_el1(0x7);
	isb();
	write_icc_pmr_el1(0xff);
	write_icc_bpr1_el1(0);
	write_icc_ctlr_el1(ICC_CTLR_EOIMODE);
	write_icc_igrpen1_el1(1);
	isb();
	return OK;
}

void irq_enable(uint32_t intid)
{
	struct cpu *cpu = this_cpu();
	uint32_t bit = 1u << (intid % 32);

	if (intid < FIRST_SPI) {
		mmio_write32(redist[cpu->index] + GICR_ISENABLER0, bit);
		wait_rwp(redist[cpu->index] + GICR_CTLR, GICR_CTLR_RWP);
		return;
	}
	mmio_write64(dist + GICD_IROUTER + 8 * (uint64_t)intid, cpu->mpidr);
	mmio_write8(dist + GICD_IPRIORITYR + intid, (uint8_t)PRIORITY_ALL);
	mmio_write32(dist + GICD_ISENABLER + 4 * (intid / 32), bit);
	wait_rwp(dist + GICD_CTLR, GICD_CTLR_RWP);
}

void irq_set_active(uint32_t intid, bool active)
{
	mmio_write32(redist[this_cpu()->index] + (active ? GICR_ISACTIVER0 : GICR_ICACTIVER0), 1u << (intid % 32));
}

bool irq_is_pending(uint32_t intid)
{
	return (mmio_read32(redist[this_cpu()->index] + GICR_ISPENDR0) >> (intid % 32) & 1) != 0;
}
