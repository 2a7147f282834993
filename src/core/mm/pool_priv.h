/* SPDX-License-Identifier: MIT */
/* What the two files of the pool owe each other. */
#ifndef CORE_MM_POOL_PRIV_H
#define CORE_MM_POOL_PRIV_H

/* The part of pool_reset() that concerns pages. */
void pool_pages_reset(void);

#endif
