/* SPDX-License-Identifier: MIT */
#include "arch/cache.h"

#include "impl/cache.h"

struct host_cache_record host_cache_cleaned;
struct host_cache_record host_cache_synced;

static void record(struct host_cache_record *to, const void *base, uint64_t size)
{
	to->calls++;
	to->base = base;
	to->size = size;
}

void cache_clean_invalidate(const void *base, uint64_t size)
{
	record(&host_cache_cleaned, base, size);
}

void cache_sync_code(const void *base, uint64_t size)
{
	record(&host_cache_synced, base, size);
}
