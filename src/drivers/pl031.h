/* SPDX-License-Identifier: MIT */
/* The physical PL031 real-time clock (DDI 0224): read only. */
#ifndef DRIVERS_PL031_H
#define DRIVERS_PL031_H

#include "lib/base.h"

/* Seconds since 1970. */
uint32_t pl031_read(uintptr_t base);

#endif
