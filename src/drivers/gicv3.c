/* SPDX-License-Identifier: MIT */
#include "drivers/gicv3.h"

#include "arch/barrier.h"
#include "arch/gic_cpu.h"
#include "drivers/gicv3_priv.h"

#define GICD_CTLR_RWP (1u << 31)
#define GICR_CTLR_RWP (1u << 3)
#define GICR_WAKER_PROCESSOR_SLEEP (1u << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1u << 2)
#define GICR_TYPER_LAST BIT(4)
#define GICR_TYPER_VLPIS BIT(1)
#define GICR_FRAME KIB(128)
#define GICR_FRAME_VLPIS KIB(256)

uintptr_t gic_dist;
uintptr_t gic_redist[CPU_MAX];

void gic_wait_dist(void)
{
	while ((mmio_read32(gic_dist + GICD_CTLR) & GICD_CTLR_RWP) != 0) {
		cpu_relax();
	}
}

void gic_wait_redist(uintptr_t frame)
{
	while ((mmio_read32(frame + GICR_CTLR) & GICR_CTLR_RWP) != 0) {
		cpu_relax();
	}
}

enum err gic_find_dist(uintptr_t gicd)
{
	uint32_t arch = mmio_read32(gicd + GICD_PIDR2) >> 4 & 0xf;

	if (arch != 3 && arch != 4) {
		return ERR_UNSUPPORTED;
	}
	gic_dist = gicd;
	return OK;
}

uint32_t gic_spi_end(void)
{
	return MIN(32 * ((mmio_read32(gic_dist + GICD_TYPER) & 0x1f) + 1), (uint32_t)GIC_INTID_NONE);
}

/* The frame whose GICR_TYPER shows this CPU's affinity, or 0. */
static uintptr_t find_frame(const struct host_range *regions, unsigned count, uint64_t mpidr)
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

enum err gic_find_redist(const struct host_range *regions, unsigned count)
{
	struct cpu *cpu = this_cpu();
	uintptr_t frame = find_frame(regions, count, cpu->mpidr);

	if (frame == 0) {
		return ERR_NOT_FOUND;
	}
	gic_redist[cpu->index] = frame;
	mmio_write32(frame + GICR_WAKER, mmio_read32(frame + GICR_WAKER) & ~GICR_WAKER_PROCESSOR_SLEEP);
	while ((mmio_read32(frame + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP) != 0) {
		cpu_relax();
	}
	return OK;
}

void gic_open_cpu_interface(void)
{
	write_icc_sre_el2(ICC_SRE_EL2_VALUE);
	isb();
	write_icc_sre_el1(0x7);
	isb();
	write_icc_pmr_el1(0xff);
	write_icc_bpr1_el1(0);
	write_icc_ctlr_el1(ICC_CTLR_EOIMODE);
	write_icc_igrpen1_el1(1);
	isb();
}

uintptr_t gic_bank(uint32_t intid)
{
	return intid < GIC_FIRST_SPI ? gic_redist[this_cpu()->index] + GICR_SGI_BASE : gic_dist;
}

void gic_wait(uint32_t intid)
{
	if (intid < GIC_FIRST_SPI) {
		gic_wait_redist(gic_redist[this_cpu()->index]);
	} else {
		gic_wait_dist();
	}
}

void gic_write_bit(uint32_t intid, unsigned reg)
{
	mmio_write32(gic_bank(intid) + reg + 4 * (intid / 32), 1u << (intid % 32));
}

void gic_route(uint32_t intid, uint64_t mpidr)
{
	mmio_write64(gic_dist + GICD_IROUTER + 8 * (uint64_t)intid, mpidr);
}

void irq_set_active(uint32_t intid, bool active)
{
	gic_write_bit(intid, active ? GIC_ISACTIVER : GIC_ICACTIVER);
}

bool irq_is_pending(uint32_t intid)
{
	return (mmio_read32(gic_bank(intid) + GIC_ISPENDR + 4 * (intid / 32)) >> (intid % 32) & 1) != 0;
}
