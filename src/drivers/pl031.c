/* SPDX-License-Identifier: MIT */
#include "drivers/pl031.h"

#include "arch/mmio.h"

#define RTC_DR 0x00

uint32_t pl031_read(uintptr_t base)
{
	return mmio_read32(base + RTC_DR);
}
