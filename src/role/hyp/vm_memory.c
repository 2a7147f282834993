/* SPDX-License-Identifier: MIT */
#include "role/hyp/vm_memory.h"

#include "arch/cache.h"
#include "arch/zero.h"
#include "core/mm/pool.h"
#include "core/vcpu/idreg.h"
#include "ffa/space.h"
#include "lib/fmt.h"
#include "lib/panic.h"
#include "lib/str.h"
#include "role/hyp/dev/cfi_flash.h"
#include "role/hyp/dev/virtio_blk.h"
#include "role/hyp/regions.h"
#include "role/hyp/vm.h"

static bool fail(const struct hyp_vm *vm, const char *key, const char *what)
{
	report_error(&report_to_log, vm->vm.name, key, "%s", what);
	return false;
}

static uint16_t owner_of(const struct hyp_vm *vm)
{
	return (uint16_t)(PAGE_OWNER_VM + vm->vm.id);
}

/* ---- who has it ---- */

/* Who has the most RAM; NULL if nobody has any. */
static const struct hyp_vm *largest_vm(void)
{
	const struct hyp_vm *largest = NULL;

	list_for_each (node, &vms) {
		const struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		if (vm->ram.v != 0 && (largest == NULL || vm->config->memory_size > largest->config->memory_size)) {
			largest = vm;
		}
	}
	return largest;
}

/* There are no 'size' bytes in one piece for what the key asks for. 'device' may be NULL. */
static bool fail_for_memory(const struct hyp_vm *vm, const char *device, const char *key, uint64_t size)
{
	const struct hyp_vm *other = largest_vm();
	struct pool_stats stats;
	char advice[80] = "give less";

	pool_stats(&stats);
	if (other != NULL) {
		fmt_string(advice, sizeof(advice), "VM '%s' has %llu MiB: destroy it, or give less", other->vm.name,
			   (unsigned long long)other->config->memory_size >> 20);
	}
	report_device_error(&report_to_log, vm->vm.name, device, key,
			    "%llu MiB are asked for, but only %llu MiB are free in one piece; %s",
			    (unsigned long long)(size + MIB(1) - 1) >> 20, (unsigned long long)stats.largest_free >> 8,
			    advice);
	return false;
}

/* ---- making it ---- */

#define RAM_ACCESS (STAGE2_R | STAGE2_W | STAGE2_X)

/* RAM: one piece, mapped at GUEST_RAM_BASE. With FF-A, what the VM borrows comes behind it. */
static bool make_ram(struct hyp_vm *vm)
{
	uint64_t mmfr0 = cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)], size = vm->config->memory_size;
	bool ffa = vm->config->ffa.enabled;
	unsigned bits = stage2_ipa_bits(mmfr0, ffa ? BIT(FFA_GUEST_IPA_BITS) : GUEST_RAM_BASE + size);

	if (bits == 0 || (ffa && GUEST_RAM_BASE + size > FFA_BORROWED_BASE)) {
		return fail(vm, ffa ? "ffa" : "memory-mib", "more than this CPU's guest physical addresses reach");
	}
	if (stage2_init(&vm->vm.stage2, ffa ? STAGE2_ENDPOINT : STAGE2_VM, bits, (uint16_t)(vm->vm.id + 1), mmfr0,
			cpu_features.raw[IDREG_INDEX(id_aa64mmfr1_el1)]) != OK) {
		return fail(vm, NULL, "no memory for its translation tables");
	}
	if (pool_alloc(size / PAGE_SIZE, BLOCK_SIZE, owner_of(vm), &vm->ram) != OK) {
		return fail_for_memory(vm, NULL, "memory-mib", size);
	}
	vm->vm.mem.banks[0] = (struct guest_bank){ GUEST_RAM_BASE, size, pa_ptr(vm->ram) };
	vm->vm.mem.count = 1;
	vm->vm.mem.away = 0;
	vm->vm.mem.tables = ffa ? &vm->vm.stage2 : NULL;
	if (stage2_map(&vm->vm.stage2, ipa(GUEST_RAM_BASE), vm->ram, size, RAM_ACCESS) != OK) {
		pool_free(vm->ram, size / PAGE_SIZE);
		vm->ram = pa(0);
		return fail(vm, "memory-mib", "no memory for its translation tables");
	}
	return true;
}

static bool make_disk(struct hyp_vm *vm, unsigned slot)
{
	const struct vm_device_config *config = &vm->config->devices[slot];
	struct vm_disk *disk = &vm->disks[slot];
	uint64_t pages;

	if (bundle_file(vm->bundle, config->file, &disk->file) != OK || disk->file.size == 0) {
		report_device_error(&report_to_log, vm->vm.name, config->name, "file",
				    "'%.64s' is empty, or not in the bundle", config->file);
		return false;
	}
	pages = (disk->file.size + PAGE_SIZE - 1) / PAGE_SIZE;
	if (pool_alloc(pages, PAGE_SIZE, owner_of(vm), &disk->memory) != OK) {
		return fail_for_memory(vm, config->name, "file", disk->file.size);
	}
	disk->pages = pages;
	if (vm->virtio[slot] != NULL) {
		virtio_blk_set_data(vm->virtio[slot], pa_ptr(disk->memory));
	}
	return true;
}

static bool map_flash(struct hyp_vm *vm)
{
	for (unsigned bank = 0; bank < GUEST_FLASH_BANKS; bank++) {
		const struct vm_disk *disk = &vm->disks[VM_FLASH_DISK + bank];

		if (disk->pages != 0 &&
		    stage2_map(&vm->vm.stage2, ipa(GUEST_FLASH_BASE + (uint64_t)bank * GUEST_FLASH_WINDOW),
			       disk->memory, disk->pages * PAGE_SIZE, CFI_FLASH_SHOWN) != OK) {
			return fail(vm, "firmware", "no memory for its translation tables");
		}
	}
	return true;
}

/* The variables begin erased. */
static bool make_flash(struct hyp_vm *vm)
{
	for (unsigned bank = 0; bank < GUEST_FLASH_BANKS; bank++) {
		struct vm_disk *disk = &vm->disks[VM_FLASH_DISK + bank];
		uint64_t size = vm->plan.flash_size[bank];

		if (size == 0) {
			continue;
		}
		if (pool_alloc(size / PAGE_SIZE, BLOCK_SIZE, owner_of(vm), &disk->memory) != OK) {
			return fail_for_memory(vm, NULL, bank == 0 ? "firmware" : "variables-mib", size);
		}
		disk->pages = size / PAGE_SIZE;
		disk->padding = CFI_FLASH_ERASED;
		if (bank == 0) {
			disk->file = vm->plan.firmware_file;
		}
		if (vm->flash[bank] != NULL) {
			cfi_flash_set_memory(vm->flash[bank], disk->memory);
		}
	}
	return map_flash(vm);
}

static bool make_disks(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < vm->config->device_count; i++) {
		if (vm->config->devices[i].kind == VM_DEVICE_BLK && !make_disk(vm, i)) {
			return false;
		}
	}
	return true;
}

bool vm_make_memory(struct hyp_vm *vm)
{
	bool made = make_ram(vm) && regions_map(vm) && make_disks(vm) && make_flash(vm);

	if (!made) {
		vm_free_memory(vm); /* nothing was written there yet */
	}
	return made;
}

/* ---- giving it back ---- */

bool vm_ram_is_whole(struct hyp_vm *vm)
{
	unsigned attrs;

	return vm->config->ffa.enabled ? vm->ram.v != 0 &&
						 stage2_uniform(&vm->vm.stage2, ipa(GUEST_RAM_BASE), vm->ram,
								vm->config->memory_size, &attrs) &&
						 attrs == RAM_ACCESS
				       : true;
}

/* Bytes of RAM from 'offset' on, 'max' at most, that are alike: the VM's own, or not. */
static uint64_t ram_run(struct hyp_vm *vm, uint64_t offset, uint64_t max, bool *own)
{
	uint64_t run;
	unsigned attrs;
	pa_t to;

	*own = stage2_lookup(&vm->vm.stage2, ipa(GUEST_RAM_BASE + offset), &to, &attrs, &run) &&
	       (attrs & STAGE2_STATE_MASK) == STAGE2_OWNED;
	return *own ? MIN(run, max) : PAGE_SIZE;
}

void vm_free_pages(pa_t base, uint64_t pages)
{
	if (pool_free_part(base, pages) != OK) {
		log_error("no memory to note that %llu pages at 0x%llx are free; they are lost",
			  (unsigned long long)pages, (unsigned long long)base.v);
	}
}

/* No TLB knows it when the pool has it. */
static void free_part(struct hyp_vm *vm, uint64_t from, uint64_t to)
{
	if (from < to) {
		CHECK(stage2_unmap(&vm->vm.stage2, ipa(GUEST_RAM_BASE + from), to - from) == OK);
		vm_free_pages(pa(vm->ram.v + from), (to - from) / PAGE_SIZE);
	}
}

/* What is left of it, piece by piece. */
static void free_parts(struct hyp_vm *vm)
{
	uint64_t size = vm->config->memory_size, first = 0, run;
	bool own;

	for (uint64_t at = 0; at < size; at += run) {
		run = ram_run(vm, at, size - at, &own);
		if (!own) {
			free_part(vm, first, at);
			first = at + run;
		}
	}
	free_part(vm, first, size);
}

static void free_ram(struct hyp_vm *vm)
{
	bool whole = vm->ram.v != 0 && vm_ram_is_whole(vm);

	vm->vm.mem.count = 0;
	if (vm->ram.v != 0 && !whole) {
		free_parts(vm);
	}
	if (vm->vm.stage2.root_pages != 0) {
		stage2_destroy(&vm->vm.stage2);
	}
	if (whole) {
		pool_free(vm->ram, vm->config->memory_size / PAGE_SIZE);
	}
	vm->ram = pa(0);
}

bool vm_exchange_ram(struct hyp_vm *vm)
{
	bool made;

	free_ram(vm);
	made = make_ram(vm) && regions_map(vm) && map_flash(vm);
	if (!made) {
		free_ram(vm);
	}
	return made;
}

void vm_free_memory(struct hyp_vm *vm)
{
	free_ram(vm);
	for (unsigned i = 0; i < VM_DISK_MAX; i++) {
		if (vm->disks[i].pages != 0) {
			pool_free(vm->disks[i].memory, vm->disks[i].pages);
		}
		vm->disks[i] = (struct vm_disk){ 0 };
	}
}

/* ---- what is in it ---- */

/* A guest whose caches are off sees memory itself. */
static void scrub(pa_t base, uint64_t size)
{
	zero_pages(pa_ptr(base), size);
	cache_clean_invalidate(pa_ptr(base), size);
}

/* At most 'budget' bytes of RAM, from *done on. True if there is more. */
static bool scrub_ram_some(struct hyp_vm *vm, uint64_t *done, uint64_t budget)
{
	uint64_t size = vm->ram.v != 0 ? vm->config->memory_size : 0, end = MIN(size, *done + budget), run;
	bool own = true;

	for (; *done < end; *done += run) {
		run = vm->config->ffa.enabled ? ram_run(vm, *done, end - *done, &own) : end - *done;
		if (own) {
			scrub(pa(vm->ram.v + *done), run);
		}
	}
	return *done < size;
}

bool vm_scrub_some(struct hyp_vm *vm, bool disks, struct vm_cursor *cursor, uint64_t budget)
{
	if (cursor->piece == 0) {
		if (scrub_ram_some(vm, &cursor->done, budget)) {
			return true;
		}
		*cursor = (struct vm_cursor){ .piece = 1 };
		return disks;
	}
	for (; disks && cursor->piece <= VM_DISK_MAX; *cursor = (struct vm_cursor){ .piece = cursor->piece + 1 }) {
		const struct vm_disk *disk = &vm->disks[cursor->piece - 1];
		uint64_t size = MIN(budget, disk->pages * PAGE_SIZE - cursor->done);

		if (size != 0) {
			scrub(pa(disk->memory.v + cursor->done), size);
			cursor->done += size;
			return true;
		}
	}
	return false;
}

bool vm_fill_disks_some(struct hyp_vm *vm, uint64_t budget)
{
	for (unsigned i = 0; i < VM_DISK_MAX; i++) {
		struct vm_disk *disk = &vm->disks[i];
		uint64_t from = disk->filled, size = MIN(budget, disk->pages * PAGE_SIZE - from);
		uint64_t copied = from < disk->file.size ? MIN(size, disk->file.size - from) : 0;

		if (size != 0) {
			uint8_t *to = pa_ptr(pa(disk->memory.v + from));

			memcpy(to, disk->file.data + from, copied);
			memset(to + copied, disk->padding, size - copied);
			disk->filled += size;
			if (i >= VM_FLASH_DISK) {
				/* A guest begins to execute it with its caches off. */
				cache_clean_invalidate(to, size);
				cache_sync_code(to, size);
			}
			return true;
		}
	}
	return false;
}
