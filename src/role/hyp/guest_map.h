/* SPDX-License-Identifier: MIT */
/*
 * What a VM finds where: the memory map and interrupt numbers of QEMU's "virt" machine, so that software made for
 * that runs unchanged. Addresses are IPAs. The device tree (guest_fdt.c) and the devices take them from here.
 */
#ifndef ROLE_HYP_GUEST_MAP_H
#define ROLE_HYP_GUEST_MAP_H

#include "lib/base.h"

/* Flash of a VM that starts with firmware: bank 0 is what it executes, bank 1 keeps its variables. */
#define GUEST_FLASH_BASE 0u
#define GUEST_FLASH_BANKS 2
#define GUEST_FLASH_WINDOW 0x04000000u /* room for each bank */
#define GUEST_GICD_BASE 0x08000000u
#define GUEST_GICD_SIZE 0x10000u
#define GUEST_GICR_BASE 0x080a0000u
#define GUEST_GICR_SIZE 0x20000u /* of each vCPU, one after the other */
#define GUEST_PL011_BASE 0x09000000u
#define GUEST_PL011_SIZE 0x1000u
#define GUEST_PL011_SPI 1
#define GUEST_PL031_BASE 0x09010000u
#define GUEST_PL031_SIZE 0x1000u
#define GUEST_PL031_SPI 2
#define GUEST_VIRTIO_BASE 0x0a000000u
#define GUEST_VIRTIO_SIZE 0x200u /* of each slot */
#define GUEST_VIRTIO_SLOTS 32
#define GUEST_VIRTIO_SPI 16 /* of slot 0; the next ones follow */
/*
 * Shared memories: registers on the platform bus, as far apart as the largest pages; memory where PCI would have its.
 */
#define GUEST_SHARED_SLOTS 8
#define GUEST_SHARED_REGISTERS_BASE 0x0c000000u
#define GUEST_SHARED_REGISTERS_STRIDE 0x10000u
#define GUEST_SHARED_BASE 0x10000000u
#define GUEST_SHARED_SIZE (0x3eff0000u - GUEST_SHARED_BASE)
#define GUEST_SHARED_SPI (GUEST_VIRTIO_SPI + GUEST_VIRTIO_SLOTS)
#define GUEST_RAM_BASE 0x40000000u
#define GUEST_RAM_MAX BIT(47) /* size; RAM ends inside 48 bits of IPA */

/* SPIs 0..GUEST_SPI_COUNT - 1; the INTID of an SPI is its number plus 32. */
#define GUEST_SPI_COUNT (GUEST_SHARED_SPI + GUEST_SHARED_SLOTS)
#define GUEST_SPI_INTID(spi) (32 + (spi))

/* PPIs of the timers: their INTIDs less 16. */
#define GUEST_PPI_TIMER_HYP 10
#define GUEST_PPI_TIMER_VIRT 11
#define GUEST_PPI_TIMER_SECURE 13
#define GUEST_PPI_TIMER_PHYS 14

/* As many redistributors as fit between their base and the PL011. */
#define GUEST_CPU_MAX ((GUEST_PL011_BASE - GUEST_GICR_BASE) / GUEST_GICR_SIZE)
_Static_assert(GUEST_CPU_MAX == 123, "the map of QEMU's virt has room for 123 redistributors");

/* MPIDR affinity fields of a vCPU: 16 in a cluster, because an SGI's target list names 16 (GICv3, ICC_SGI1R_EL1). */
static inline uint64_t guest_cpu_affinity(unsigned index) { return (uint64_t)(index / 16) << 8 | index % 16; }

#endif
