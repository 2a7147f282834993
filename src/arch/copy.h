/* SPDX-License-Identifier: MIT */
/*
 * Copying between guests' memory, whose addresses are seldom aligned alike.
 *
 *   copy_bytes(to, from, size)    Normal memory, MMU on; any alignment. Where the two overlap, the bytes at 'to' end up
 *                                 as some mixture of both.
 */
#ifndef ARCH_COPY_H
#define ARCH_COPY_H

#include "impl/copy.h"

#endif
