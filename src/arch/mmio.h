/* SPDX-License-Identifier: MIT */
/*
 * Access to device registers with exactly the width named.
 *
 *   uint32_t mmio_read32(uintptr_t address)      void mmio_write32(uintptr_t address, uint32_t value)
 *   and the same for 8, 16 and 64 bits.
 */
#ifndef ARCH_MMIO_H
#define ARCH_MMIO_H

#include "impl/mmio.h"

#endif
