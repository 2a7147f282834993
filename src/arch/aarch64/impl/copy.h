/* SPDX-License-Identifier: MIT */
#ifndef IMPL_COPY_H
#define IMPL_COPY_H

#include "lib/base.h"

void copy_bytes(void *to, const void *from, size_t size);

#endif
