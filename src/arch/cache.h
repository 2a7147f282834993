/* SPDX-License-Identifier: MIT */
/* Cache maintenance by virtual address; both complete before they return. */
#ifndef ARCH_CACHE_H
#define ARCH_CACHE_H

#include "lib/base.h"

/* Cleans and invalidates [base, base + size) to the point of coherency. */
void cache_clean_invalidate(const void *base, uint64_t size);
/* Makes instructions written at [base, base + size) fetchable on all CPUs. */
void cache_sync_code(const void *base, uint64_t size);

#endif
