/* SPDX-License-Identifier: MIT */
#ifndef IMPL_COPY_H
#define IMPL_COPY_H

#include "lib/str.h"

static inline void copy_bytes(void *to, const void *from, size_t size) { memmove(to, from, size); }

#endif
