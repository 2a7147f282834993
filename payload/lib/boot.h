/* SPDX-License-Identifier: MIT */
/* What start.S hands to C. */
#ifndef PAYLOAD_LIB_BOOT_H
#define PAYLOAD_LIB_BOOT_H

#include "payload/lib/base.h"

/* The RAM that the device tree gave. */
extern uint64_t ram_base;
extern uint64_t ram_size;
/* CNTPCT_EL0 as read by the image's first instruction. */
extern uint64_t boot_first_count;

noreturn void boot_main(const void *fdt, uint64_t first_count);

#endif
