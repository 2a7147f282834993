/* SPDX-License-Identifier: MIT */
/*
 * Zeroing of whole pages as fast as the machine can.
 *
 *   zero_pages(base, size)    Normal memory, MMU on; multiples of PAGE_SIZE
 */
#ifndef ARCH_ZERO_H
#define ARCH_ZERO_H

#include "impl/zero.h"

#endif
