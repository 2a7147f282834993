/* SPDX-License-Identifier: MIT */
/*
 * Barriers, for the cases that atomic.h does not cover (device memory, page tables, instruction stream).
 * A use names its partner in a comment.
 *
 *   dsb_ish() dsb_ishst() dsb_sy() dsb_nsh()   isb()   dmb_ish() dmb_oshst()
 *   cpu_relax()   a hint inside a spin
 */
#ifndef ARCH_BARRIER_H
#define ARCH_BARRIER_H

#include "impl/barrier.h"

#endif
