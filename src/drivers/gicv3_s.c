/* SPDX-License-Identifier: MIT */
/*
 * The Secure world's part of a GIC that firmware has brought up. An interrupt's group stands in two registers: IGROUPR
 * and IGRPMODR are 0 and 1 for Secure Group 1, 1 and 0 for Non-secure Group 1.
 */
#include "arch/gic_cpu.h"
#include "arch/spinlock.h"
#include "core/port/secure_irq.h"
#include "drivers/gicv3.h"
#include "drivers/gicv3_priv.h"

#define GICD_CTLR_ENABLE_G1S (1u << 2) /* as the Secure state sees the register */
#define GICD_CTLR_DS (1u << 6)
#define ICFGR_EDGE 2u
#define PRIORITY_RELEASED 0xf0

static struct spinlock lock; /* for registers that several interrupts share */

enum err gic_s_dist_init(uintptr_t gicd)
{
	enum err error = gic_find_dist(gicd);
	uint32_t ctlr;

	if (error != OK) {
		return error;
	}
	ctlr = mmio_read32(gic_dist + GICD_CTLR);
	if ((ctlr & GICD_CTLR_DS) != 0) {
		return ERR_UNSUPPORTED; /* one Security state only */
	}
	mmio_write32(gic_dist + GICD_CTLR, ctlr | GICD_CTLR_ENABLE_G1S);
	gic_wait_dist();
	return OK;
}

enum err gic_s_cpu_init(const struct host_range *regions, unsigned count)
{
	enum err error = gic_find_redist(regions, count);

	if (error == OK) {
		gic_open_cpu_interface();
	}
	return error;
}

bool secure_irq_exists(uint32_t intid)
{
	return intid < gic_spi_end();
}

/* Changes 'width' bits of the interrupt's field in a register. The lock is held. */
static void put_field(uint32_t intid, unsigned reg, unsigned width, uint32_t value)
{
	uintptr_t address = gic_bank(intid) + reg + 4 * (intid * width / 32);
	unsigned shift = intid * width % 32;
	uint32_t mask = ((1u << width) - 1) << shift;

	mmio_write32(address, (mmio_read32(address) & ~mask) | value << shift);
}

static void set_group(uint32_t intid, bool secure)
{
	put_field(intid, GIC_IGROUPR, 1, secure ? 0 : 1);
	put_field(intid, GIC_IGRPMODR, 1, secure ? 1 : 0);
}

void secure_irq_claim(uint32_t intid, uint8_t priority, bool level)
{
	secure_irq_disable(intid);
	spin_lock(&lock);
	set_group(intid, true);
	if (intid >= GIC_FIRST_PPI) {
		put_field(intid, GIC_ICFGR, 2, level ? 0 : ICFGR_EDGE);
	}
	spin_unlock(&lock);
	mmio_write8(gic_bank(intid) + GIC_IPRIORITYR + intid, priority);
	gic_write_bit(intid, GIC_ICPENDR);
	gic_write_bit(intid, GIC_ICACTIVER);
	if (intid >= GIC_FIRST_SPI) {
		gic_route(intid, this_cpu()->mpidr);
	}
}

void secure_irq_release(uint32_t intid)
{
	secure_irq_disable(intid);
	gic_write_bit(intid, GIC_ICPENDR);
	mmio_write8(gic_bank(intid) + GIC_IPRIORITYR + intid, PRIORITY_RELEASED);
	spin_lock(&lock);
	set_group(intid, false);
	spin_unlock(&lock);
}

void secure_irq_enable(uint32_t intid)
{
	gic_write_bit(intid, GIC_ISENABLER);
	gic_wait(intid);
}

void secure_irq_disable(uint32_t intid)
{
	gic_write_bit(intid, GIC_ICENABLER);
	gic_wait(intid);
}

void secure_irq_deactivate(uint32_t intid)
{
	gic_write_bit(intid, GIC_ICACTIVER);
}

void secure_irq_route(uint32_t intid, uint64_t mpidr)
{
	gic_route(intid, mpidr);
}
