/* SPDX-License-Identifier: MIT */
/*
 * What differs between the two Security states that have an EL2 like ours. world_ns.c and world_s.c (arch/aarch64)
 * define the same names, and an image links one of them.
 */
#ifndef ARCH_WORLD_H
#define ARCH_WORLD_H

#include "lib/base.h"

/* "NS-EL2" or "S-EL2". */
extern const char world_name[];

/* SGIs between our CPUs: 0..7 are the normal world's, 8..15 the Secure world's, as firmware divides them. */
extern const unsigned world_sgi_kick; /* look at cpu->attention */
extern const unsigned world_sgi_stop; /* EL2 panics elsewhere */

/*
 * This CPU's EL2 physical timer fires when the physical counter has reached 'deadline'; UINT64_MAX turns it off. Its
 * output has followed when this returns.
 */
void world_timer_set(uint64_t deadline);

#endif
