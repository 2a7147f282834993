/* SPDX-License-Identifier: MIT */
/*
 * The interrupts that the Secure world takes: Secure Group 1 of a GICv3 (IHI 0069, 4.6). Private ones (SGIs, PPIs) are
 * those of the calling CPU, and firmware may have taken them away when it turned the CPU on. Any CPU may call; the
 * driver's lock is innermost. Implemented in drivers/gicv3_s.c.
 */
#ifndef CORE_PORT_SECURE_IRQ_H
#define CORE_PORT_SECURE_IRQ_H

#include "lib/base.h"

/* As the normal world's priorities are 0x80 and above, ours come first, and ICC_PMR_EL1 can hold back his alone. */
#define SECURE_IRQ_PRIORITY_END 0x80
#define SECURE_IRQ_PRIORITY_EL2 0x10

/* True for an SGI, a PPI, and an SPI that the GIC has. The functions below are for those only. */
bool secure_irq_exists(uint32_t intid);
/*
 * Makes the interrupt ours: off, neither pending nor active, with that priority (below SECURE_IRQ_PRIORITY_END),
 * level-sensitive or by edge (an SGI is always by edge; a PPI may be fixed by the GIC), an SPI going to this CPU.
 */
void secure_irq_claim(uint32_t intid, uint8_t priority, bool level);
/* Gives it to the normal world: off, Non-secure Group 1, lowest priority but one. */
void secure_irq_release(uint32_t intid);
/* From now on it may come, or not any more when this returns; its pending state stays. */
void secure_irq_enable(uint32_t intid);
void secure_irq_disable(uint32_t intid);
/*
 * Ends an interrupt that was acknowledged and whose priority was dropped: it may come again. A private one of the
 * calling CPU, an SPI of any. Not by ICC_DIR_EL1, which QEMU ignores at S-EL2.
 */
void secure_irq_deactivate(uint32_t intid);
/* An SPI goes to the CPU with those affinity fields. */
void secure_irq_route(uint32_t intid, uint64_t mpidr);

#endif
