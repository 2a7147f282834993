/* SPDX-License-Identifier: MIT */
#ifndef PAYLOAD_VM_CROWD_CROWD_H
#define PAYLOAD_VM_CROWD_CROWD_H

#include "payload/lib/base.h"

/* Spins until the physical counter has reached 'until'; returns in how many rounds of so many instructions each. */
#define CROWD_SPIN_COUNT 1005
uint64_t crowd_spin(uint64_t until);

/*
 * Reads the physical counter until at least 'least' ticks lie between two readings; returns these, or 0 if it has
 * reached 'until'. With 'fp' it uses a floating-point register all the time.
 */
uint64_t crowd_gap(uint64_t least, uint32_t fp, uint64_t until);
void crowd_use_fp(void);

/* Begins another phase for scripts/qemu/count.c. */
void crowd_mark(void);

#endif
