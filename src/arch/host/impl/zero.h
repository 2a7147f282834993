/* SPDX-License-Identifier: MIT */
#ifndef IMPL_ZERO_H
#define IMPL_ZERO_H

#include "lib/str.h"

static inline void zero_pages(void *base, size_t size) { memset(base, 0, size); }

#endif
