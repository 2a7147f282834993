/* SPDX-License-Identifier: MIT */
/* The normal world's GIC: Non-secure Group 1, all of it ours. */
#include "arch/gic_cpu.h"
#include "drivers/gicv3.h"
#include "drivers/gicv3_priv.h"

#define GICD_CTLR_ENABLE_G1 (1u << 1) /* with two Security states: EnableGrp1A; with one: EnableGrp1 */
#define GICD_CTLR_ARE_NS (1u << 4)

#define PRIORITY_ALL 0xa0a0a0a0u

enum err gic_ns_dist_init(uintptr_t gicd)
{
	enum err error = gic_find_dist(gicd);
	uint32_t end;

	if (error != OK) {
		return error;
	}
	mmio_write32(gic_dist + GICD_CTLR, 0);
	gic_wait_dist();
	end = gic_spi_end();
	for (uint32_t id = GIC_FIRST_SPI; id < end; id += 32) {
		mmio_write32(gic_dist + GIC_ICENABLER + id / 8, ~0u);
		mmio_write32(gic_dist + GIC_IGROUPR + id / 8, ~0u);
	}
	mmio_write32(gic_dist + GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1);
	gic_wait_dist();
	return OK;
}

enum err gic_ns_cpu_init(const struct host_range *regions, unsigned count)
{
	enum err error = gic_find_redist(regions, count);
	uintptr_t frame, bank;

	if (error != OK) {
		return error;
	}
	frame = gic_redist[this_cpu()->index];
	bank = frame + GICR_SGI_BASE;
	mmio_write32(bank + GIC_ICENABLER, ~0u);
	mmio_write32(bank + GIC_ICACTIVER, ~0u);
	mmio_write32(bank + GIC_IGROUPR, ~0u);
	for (unsigned i = 0; i < GIC_FIRST_SPI; i += 4) {
		mmio_write32(bank + GIC_IPRIORITYR + i, PRIORITY_ALL);
	}
	mmio_write32(bank + GIC_ISENABLER, 0xffff); /* SGIs */
	gic_wait_redist(frame);
	gic_open_cpu_interface();
	return OK;
}

void irq_enable(uint32_t intid)
{
	if (intid >= GIC_FIRST_SPI) {
		gic_route(intid, this_cpu()->mpidr);
		mmio_write8(gic_dist + GIC_IPRIORITYR + intid, (uint8_t)PRIORITY_ALL);
	}
	gic_write_bit(intid, GIC_ISENABLER);
	gic_wait(intid);
}
