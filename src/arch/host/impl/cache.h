/* SPDX-License-Identifier: MIT */
/* The developer's machine keeps its caches coherent: the ranges are recorded, so that a test can ask for them. */
#ifndef IMPL_CACHE_H
#define IMPL_CACHE_H

#include "lib/base.h"

struct host_cache_record {
	uint64_t calls;
	const void *base; /* of the last call */
	uint64_t size;
};

extern struct host_cache_record host_cache_cleaned;
extern struct host_cache_record host_cache_synced;

#endif
