/* SPDX-License-Identifier: MIT */
/*
 * The vectors at EL1 below a program that EL2 runs at EL0 with nobody in between: each is an HVC, so that every
 * exception goes on to EL2. They are fetched through the program's own translation, so they have a page to themselves.
 */
#ifndef ARCH_EL0_VECTORS_H
#define ARCH_EL0_VECTORS_H

/* Immediates of the HVCs. */
#define EL0_HVC_SYNC 0x5e0  /* a synchronous exception from EL0: ESR_EL1 says which */
#define EL0_HVC_OTHER 0x5e1 /* anything else that came to EL1 */

#ifndef __ASSEMBLER__
#include "lib/base.h"

extern const uint8_t el0_vectors[PAGE_SIZE];
#endif

#endif
