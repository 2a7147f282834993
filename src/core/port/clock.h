/* SPDX-License-Identifier: MIT */
/* What time it is outside. */
#ifndef CORE_PORT_CLOCK_H
#define CORE_PORT_CLOCK_H

#include "lib/base.h"

/* Wall-clock seconds since 1970. Goes by the physical counter, so it never runs backwards. Any CPU; takes no lock. */
uint64_t clock_seconds(void);

#endif
