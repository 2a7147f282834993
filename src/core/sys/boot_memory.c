/* SPDX-License-Identifier: MIT */
/* The machine's memory at boot: what is taken, where the other CPUs' stacks go, EL2's map, the page pool. */
#include "core/sys/boot.h"

#include "core/mm/pool.h"
#include "core/sys/image.h"
#include "lib/checked.h"
#include "lib/log.h"
#include "lib/panic.h"

#define RESERVE_MAX 64
#define TAKEN_MAX (HOST_RESERVED_MAX + RESERVE_MAX + 4)
#define MAPPED_MAX 3 /* pieces of RAM that have a map of their own: image, device tree, the other CPUs' areas */

struct stage1 el2_map;

/* What the pool does not get. */
static struct host_range taken[TAKEN_MAX];
static unsigned taken_count;
static unsigned reserve_count;
static bool pool_filled;
static struct host_range fdt_range;

static const struct stage1_pages pool_source = { .alloc = pool_alloc_page };

static struct host_range image_range(void)
{
	return (struct host_range){ (uint64_t)(uintptr_t)image_start, (uint64_t)(image_end - image_start) };
}

static void take(struct host_range range)
{
	if (range.size != 0) {
		taken[taken_count++] = range;
	}
}

void boot_memory_start(const struct host_range *fdt)
{
	fdt_range = *fdt;
	take(image_range());
	take(fdt_range);
}

static bool in_ram(uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < host.ram_count; i++) {
		if (range_in(base, size, host.ram[i].base, host.ram[i].size)) {
			return true;
		}
	}
	return false;
}

enum err boot_reserve(uint64_t base, uint64_t size)
{
	uint64_t end;

	if (!add_u64(base, size, &end) || !align_up_u64(end, PAGE_SIZE, &end)) {
		return ERR_RANGE;
	}
	base = ALIGN_DOWN(base, PAGE_SIZE);
	if (size == 0 || !in_ram(base, end - base)) {
		return ERR_RANGE;
	}
	for (unsigned i = 0; i < taken_count; i++) {
		if (range_overlaps(base, end - base, taken[i].base, taken[i].size)) {
			return ERR_DENIED;
		}
	}
	if (reserve_count == RESERVE_MAX) {
		return ERR_NO_MEMORY;
	}
	if (pool_filled) {
		enum err error = pool_reserve(pa(base), end - base);

		if (error != OK) {
			return error;
		}
	}
	reserve_count++;
	take((struct host_range){ base, end - base });
	return OK;
}

void boot_map_device(const struct host_range *range, const char *what)
{
	uint64_t base = ALIGN_DOWN(range->base, PAGE_SIZE);
	uint64_t end = ALIGN_UP(range->base + range->size, PAGE_SIZE);

	if (range->size != 0 && stage1_map(&el2_map, pa(base), end - base, STAGE1_DEVICE) != OK) {
		panic("cannot map %s at 0x%llx", what, (unsigned long long)range->base);
	}
}

/* Maps a region's whole pages except the 'holes', which are whole pages and sorted by base. */
static void map_region(const struct host_range *region, enum stage1_kind kind, const struct host_range *holes,
		       unsigned count)
{
	uint64_t at = ALIGN_UP(region->base, PAGE_SIZE);
	uint64_t end = ALIGN_DOWN(region->base + region->size, PAGE_SIZE);

	for (unsigned i = 0; i <= count; i++) {
		uint64_t stop = i < count ? MIN(MAX(holes[i].base, at), end) : end;

		if (stop > at && stage1_map(&el2_map, pa(at), stop - at, kind) != OK) {
			panic("cannot map RAM at 0x%llx", (unsigned long long)at);
		}
		if (i < count) {
			at = MAX(at, holes[i].base + holes[i].size);
		}
	}
}

/*
 * A free place for the other CPUs' areas: behind the image, else in the first hole of RAM; clear of all that is taken.
 * Found before RAM is mapped, because guard pages must not need a live block to be split.
 */
static uint64_t find_room(uint64_t size)
{
	for (unsigned r = 0; r < host.ram_count; r++) {
		uint64_t at = ALIGN_UP(host.ram[r].base, PAGE_SIZE);

		for (unsigned tries = 0; tries <= taken_count; tries++) {
			bool clear = true;

			if (!range_in(at, size, host.ram[r].base, host.ram[r].size)) {
				break;
			}
			for (unsigned i = 0; i < taken_count; i++) {
				if (range_overlaps(at, size, taken[i].base, taken[i].size)) {
					at = ALIGN_UP(taken[i].base + taken[i].size, PAGE_SIZE);
					clear = false;
				}
			}
			if (clear) {
				return at;
			}
		}
	}
	panic("no room for %u CPUs", host.cpu_count);
}

static void sort_ranges(struct host_range *ranges, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		for (unsigned j = i; j > 0 && ranges[j].base < ranges[j - 1].base; j--) {
			struct host_range other = ranges[j];

			ranges[j] = ranges[j - 1];
			ranges[j - 1] = other;
		}
	}
}

/*
 * Maps RAM, except what is mapped otherwise already and what must not be mapped: a cacheable alias of it would let the
 * CPU read ahead into memory that only its owner may touch.
 */
static void map_ram(const struct host_range *mapped, unsigned mapped_count)
{
	struct host_range holes[HOST_RESERVED_MAX + MAPPED_MAX];
	unsigned count = 0;

	for (; count < mapped_count; count++) {
		holes[count] = mapped[count];
	}
	for (unsigned i = 0; i < host.no_map_count; i++) {
		uint64_t base = ALIGN_DOWN(host.no_map[i].base, PAGE_SIZE);

		holes[count++] = (struct host_range){
			base, ALIGN_UP(host.no_map[i].base + host.no_map[i].size, PAGE_SIZE) - base
		};
	}
	sort_ranges(holes, count);
	for (unsigned i = 0; i < host.ram_count; i++) {
		map_region(&host.ram[i], STAGE1_DATA, holes, count);
	}
	for (unsigned i = 0; i < host.ns_ram_count; i++) {
		map_region(&host.ns_ram[i], STAGE1_DATA_NS, NULL, 0);
	}
}

/* Finds and maps the other CPUs' areas, each but for its guard page. */
static struct host_range map_cpu_areas(void)
{
	struct host_range areas = { .size = (host.cpu_count - 1) * sizeof(struct cpu_area) };
	struct cpu_area *area;

	areas.base = find_room(MAX(areas.size, PAGE_SIZE));
	area = pa_ptr(pa(areas.base));
	for (unsigned i = 1; i < host.cpu_count; i++, area++) {
		uint64_t size = sizeof(*area) - sizeof(area->guard);

		if (stage1_map(&el2_map, pa_from_ptr(area->stack), size, STAGE1_DATA) != OK) {
			panic("cannot map the stack of CPU %u", i);
		}
	}
	take(areas);
	return areas;
}

static void fill_pool(void)
{
	for (unsigned i = 0; i < host.ram_count; i++) {
		if (pool_add(pa(host.ram[i].base), host.ram[i].size) != OK) {
			log_warn("RAM at 0x%llx is not used: the pool refused it",
				 (unsigned long long)host.ram[i].base);
		}
	}
	for (unsigned i = 0; i < taken_count; i++) {
		if (pool_reserve(pa(taken[i].base), taken[i].size) != OK) {
			panic("cannot keep 0x%llx, %llu bytes, out of the pool", (unsigned long long)taken[i].base,
			      (unsigned long long)taken[i].size);
		}
	}
	pool_filled = true;
}

struct cpu_area *boot_memory_init(void)
{
	struct host_range areas;

	take(host.initrd);
	for (unsigned i = 0; i < host.reserved_count; i++) {
		take(host.reserved[i]);
	}
	areas = map_cpu_areas();
	map_ram((struct host_range[MAPPED_MAX]){ image_range(), fdt_range, areas }, MAPPED_MAX);
	fill_pool();
	el2_map.pages = &pool_source;
	return pa_ptr(pa(areas.base));
}
