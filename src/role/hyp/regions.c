/* SPDX-License-Identifier: MIT */
#include "role/hyp/regions.h"

#include "core/mm/pool.h"
#include "lib/str.h"
#include "role/hyp/vm.h"

struct list regions = { &regions, &regions };

static void create(const struct region_config *config, unsigned peers, struct report *report)
{
	struct shared_region *region = shared_region_create(config->name, config->size, peers);
	struct pool_stats stats;

	if (region == NULL) {
		pool_stats(&stats);
		report_device_error(report, NULL, config->name, "size-kib",
				    "%llu KiB are asked for, but only %llu KiB are free in one piece",
				    (unsigned long long)config->size >> 10, (unsigned long long)stats.largest_free * 4);
		return;
	}
	list_append(&regions, &region->node);
}

void regions_create(const struct manifest *manifest, struct report *report)
{
	struct region_config config;

	for (int node = manifest_next_region(manifest, -1); node >= 0; node = manifest_next_region(manifest, node)) {
		unsigned peers;

		if (manifest_read_region(manifest, node, &config, report) != OK) {
			continue;
		}
		peers = manifest_region_peers(manifest, config.name);
		if (region_find(config.name) != NULL) {
			report_device_error(report, NULL, config.name, NULL,
					    "the name is taken by an earlier shared memory; choose another");
		} else if (peers == 0) {
			report_device_error(report, NULL, config.name, NULL,
					    "no VM uses this shared memory; remove it, or give one a device with "
					    "region = \"%s\"",
					    config.name);
		} else {
			create(&config, MIN(peers, (unsigned)SHARED_MEMORY_PEER_MAX), report);
		}
	}
}

struct shared_region *region_find(const char *name)
{
	list_for_each (node, &regions) {
		struct shared_region *region = list_entry(node, struct shared_region, node);

		if (strcmp(region->name, name) == 0) {
			return region;
		}
	}
	return NULL;
}

bool regions_map(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < vm->config->region_count; i++) {
		const struct vm_region_config *config = &vm->config->regions[i];
		const struct shared_region *region = region_find(config->region);

		if (region == NULL || region->size != config->size) {
			report_device_error(&report_to_log, vm->vm.name, config->name, "region",
					    "there is no '%s', as an earlier message says", config->region);
			return false;
		}
		if (stage2_map(&vm->vm.stage2, ipa(config->base), region->memory, region->size,
			       config->read_only ? STAGE2_R : STAGE2_R | STAGE2_W) != OK) {
			report_device_error(&report_to_log, vm->vm.name, config->name, "region",
					    "no memory for its translation tables");
			return false;
		}
	}
	return true;
}

bool regions_enter_some(struct hyp_vm *vm, uint64_t budget)
{
	for (unsigned i = 0; i < vm->config->region_count; i++) {
		if (shared_memory_enter_some(vm->regions[i], budget)) {
			return true;
		}
	}
	return false;
}

void regions_leave(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < vm->config->region_count; i++) {
		shared_memory_leave(vm->regions[i]);
	}
}

static void print_peer(struct fmt_sink *out, unsigned peer, struct shared_memory *device)
{
	struct shared_memory_counters counters;
	bool up = shared_memory_is_up(device, &counters);

	fmt_print(out, "  %2u %-16s %-10s %-4s rung %llu (merged %llu, ignored %llu)\n", peer,
		  shared_memory_vm(device)->name, shared_memory_read_only(device) ? "read-only" : "read-write",
		  up ? "up" : "down", (unsigned long long)counters.rung, (unsigned long long)counters.merged,
		  (unsigned long long)counters.ignored);
}

void regions_print(struct fmt_sink *out)
{
	list_for_each (node, &regions) {
		const struct shared_region *region = list_entry(node, struct shared_region, node);

		fmt_print(out, "%s: %llu KiB\n", region->name, (unsigned long long)region->size >> 10);
		for (unsigned i = 0; i < region->peer_count; i++) {
			if (region->peers[i] != NULL) {
				print_peer(out, i, region->peers[i]);
			}
		}
	}
}
