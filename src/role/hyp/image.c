/* SPDX-License-Identifier: MIT */
#include "role/hyp/image.h"

#include "arch/cache.h"
#include "core/port/entropy.h"
#include "lib/str.h"
#include "role/hyp/guest_fdt.h"

/* The kernel goes above this much of RAM, which is free for the device tree. */
#define KERNEL_OFFSET BLOCK_SIZE

/* The head of an arm64 Image; Linux, Documentation/arch/arm64/booting.rst. */
struct linux_image {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size; /* with .bss; 0 in kernels before 3.17 */
	uint64_t flags;
	uint64_t reserved[3];
	uint32_t magic;
	uint32_t reserved5;
};
_Static_assert(sizeof(struct linux_image) == 64, "arm64 Image header");

#define LINUX_IMAGE_MAGIC 0x644d5241u
#define LINUX_IMAGE_BIG_ENDIAN BIT(0)
#define LINUX_IMAGE_OLD_TEXT_OFFSET 0x80000u

/* The kernel and its initrd must lie in 32 GiB that begin at a multiple of 1 GiB; RAM does. */
#define LINUX_INITRD_WINDOW GIB(32)
_Static_assert(IS_ALIGNED(GUEST_RAM_BASE, GIB(1)), "the initrd's window begins where RAM does");

/* A plan in the making. */
struct planner {
	const struct vm_config *config;
	struct report *report;
	struct image_plan *plan;
	uint64_t ram_end;
};

#define complain(p, key, ...) report_error((p)->report, (p)->config->name, key, __VA_ARGS__)

static bool in_ram(const struct planner *p, struct image_range r)
{
	return range_in(r.base, r.size, GUEST_RAM_BASE, p->config->memory_size);
}

static bool kernel_fits(const struct planner *p)
{
	struct image_range r = p->plan->kernel;

	if (!in_ram(p, r)) {
		complain(p, "kernel",
			 "it takes 0x%llx bytes at 0x%llx, but the VM's RAM is 0x%x to 0x%llx; see memory-mib",
			 (unsigned long long)r.size, (unsigned long long)r.base, GUEST_RAM_BASE,
			 (unsigned long long)p->ram_end);
		return false;
	}
	return true;
}

static bool is_linux_image(struct span file, struct linux_image *head)
{
	if (file.size < sizeof(*head)) {
		return false;
	}
	memcpy(head, file.data, sizeof(*head));
	return head->magic == LINUX_IMAGE_MAGIC;
}

static bool plan_linux(const struct planner *p, const struct linux_image *head)
{
	struct image_plan *plan = p->plan;
	uint64_t text_offset = head->image_size != 0 ? head->text_offset : LINUX_IMAGE_OLD_TEXT_OFFSET;

	if ((head->flags & LINUX_IMAGE_BIG_ENDIAN) != 0) {
		complain(p, "kernel", "'%.64s' is a big-endian Image; only little-endian ones start",
			 p->config->kernel);
		return false;
	}
	if (text_offset >= p->config->memory_size || !IS_ALIGNED(text_offset, 4)) {
		complain(p, "kernel", "'%.64s' has the text_offset 0x%llx, which is no place in the VM's RAM",
			 p->config->kernel, (unsigned long long)text_offset);
		return false;
	}
	plan->kind = IMAGE_LINUX;
	plan->kernel.base = GUEST_RAM_BASE + KERNEL_OFFSET + text_offset;
	plan->kernel.size = MAX(head->image_size, plan->kernel_file.size);
	plan->entry = plan->kernel.base;
	return kernel_fits(p);
}

/* How far an ELF is moved from its physical addresses, modulo 2^64. */
static uint64_t elf_bias(const struct elf *elf)
{
	return elf->relocatable ? GUEST_RAM_BASE + KERNEL_OFFSET - ALIGN_DOWN(elf->low, BLOCK_SIZE) : 0;
}

static bool plan_elf(const struct planner *p)
{
	struct image_plan *plan = p->plan;
	struct elf *elf = &plan->elf;
	const char *why = "";

	if (elf_open(plan->kernel_file, elf, &why) != OK) {
		complain(p, "kernel", "'%.64s' is an ELF file, but %s", p->config->kernel, why);
		return false;
	}
	plan->kind = IMAGE_ELF;
	plan->kernel.base = elf->low + elf_bias(elf);
	plan->kernel.size = elf->high - elf->low;
	plan->entry = elf->entry + elf_bias(elf);
	return kernel_fits(p);
}

static bool plan_raw(const struct planner *p)
{
	struct image_plan *plan = p->plan;

	plan->kind = IMAGE_RAW;
	plan->kernel.base = GUEST_RAM_BASE + p->config->load_offset;
	plan->kernel.size = plan->kernel_file.size;
	plan->entry = plan->kernel.base;
	return kernel_fits(p);
}

/* A bank of flash has a power of two of bytes; that it is whole blocks of stage 2 makes changing it cheap. */
static bool plan_firmware(const struct planner *p)
{
	struct image_plan *plan = p->plan;
	uint64_t size = BLOCK_SIZE;

	if (plan->firmware_file.size > GUEST_FLASH_WINDOW) {
		complain(p, "firmware", "'%.64s' is larger than a bank of flash, which has %u MiB at most",
			 p->config->firmware, GUEST_FLASH_WINDOW >> 20);
		return false;
	}
	while (size < plan->firmware_file.size) {
		size *= 2;
	}
	plan->kind = IMAGE_FIRMWARE;
	plan->entry = GUEST_FLASH_BASE;
	plan->flash_size[0] = size;
	plan->flash_size[1] = p->config->variables_size;
	return true;
}

static bool plan_kernel(const struct planner *p)
{
	struct span file = p->plan->kernel_file;
	struct linux_image head;

	if (p->config->firmware != NULL) {
		return plan_firmware(p);
	}
	if (p->config->raw) {
		return plan_raw(p);
	}
	if (elf_is(file)) {
		return plan_elf(p);
	}
	if (is_linux_image(file, &head)) {
		return plan_linux(p, &head);
	}
	complain(p, "kernel", "'%.64s' is neither an arm64 Image nor an ELF file%s", p->config->kernel,
		 file.size >= 2 && file.data[0] == 0x1f && file.data[1] == 0x8b
			 ? "; it is packed with gzip: unpack it"
			 : "; for a raw binary give load-offset");
	return false;
}

static bool overlaps(struct image_range a, struct image_range b)
{
	return range_overlaps(a.base, a.size, b.base, b.size);
}

/* The highest place of whole pages below 'limit' that leaves kernel and device tree alone. */
static bool place_high(const struct planner *p, uint64_t limit, uint64_t size, uint64_t *out)
{
	/* Before the device tree has its place, 'dtb' is 0, which is nowhere near. */
	const struct image_range taken[] = { p->plan->kernel, { p->plan->dtb, IMAGE_FDT_SIZE } };
	struct image_range r = { .size = size };

	/* Each turn but the last moves below another taken range. */
	for (unsigned turn = 0; turn <= ARRAY_SIZE(taken); turn++) {
		bool moved = false;

		if (size > limit || limit - size < GUEST_RAM_BASE) {
			return false;
		}
		r.base = ALIGN_DOWN(limit - size, PAGE_SIZE);
		for (unsigned i = 0; i < ARRAY_SIZE(taken) && !moved; i++) {
			if (overlaps(r, taken[i])) {
				limit = taken[i].base;
				moved = true;
			}
		}
		if (!moved) {
			*out = r.base;
			return in_ram(p, r);
		}
	}
	return false;
}

static bool plan_fdt(const struct planner *p)
{
	const struct image_range first = { .base = GUEST_RAM_BASE, .size = IMAGE_FDT_SIZE };
	uint64_t base = first.base;

	if (overlaps(first, p->plan->kernel) && !place_high(p, p->ram_end, IMAGE_FDT_SIZE, &base)) {
		complain(p, "memory-mib",
			 "beside the kernel there is no room for the device tree (%llu KiB); give more",
			 (unsigned long long)(IMAGE_FDT_SIZE >> 10));
		return false;
	}
	p->plan->dtb = base;
	return true;
}

static bool plan_initrd(const struct planner *p)
{
	struct image_range *initrd = &p->plan->initrd;
	uint64_t limit = MIN(p->ram_end, GUEST_RAM_BASE + LINUX_INITRD_WINDOW);
	uint64_t size = p->plan->initrd_file.size;

	if (size != 0 && !place_high(p, limit, size, &initrd->base)) {
		complain(p, "memory-mib", "beside the kernel there is no room for the initrd (%llu KiB); give more",
			 (unsigned long long)(size >> 10) + 1);
		return false;
	}
	initrd->size = size;
	return true;
}

enum err image_plan(const struct vm_config *config, const struct bundle *bundle, struct image_plan *plan,
		    struct report *report)
{
	struct image_plan made = { .config = config };
	const struct planner p = {
		.config = config,
		.report = report,
		.plan = &made,
		.ram_end = GUEST_RAM_BASE + config->memory_size,
	};

	if (!bundle_has_files(bundle, config, report)) {
		return ERR_INVALID;
	}
	if (config->firmware != NULL) {
		(void)bundle_file(bundle, config->firmware, &made.firmware_file);
	} else {
		(void)bundle_file(bundle, config->kernel, &made.kernel_file);
	}
	if (config->initrd != NULL) {
		(void)bundle_file(bundle, config->initrd, &made.initrd_file);
	}
	if (!plan_kernel(&p) || !plan_fdt(&p) || !plan_initrd(&p)) {
		return ERR_INVALID;
	}
	*plan = made;
	return OK;
}

/* ---- loading ---- */

/* Something to be copied: 'data', and zeroes behind it up to 'size'. */
struct piece {
	uint64_t base, size;
	struct span data;
};

/*
 * Piece 'index' of what the plan has to copy; false behind the last one. An ELF's segments are pieces, but some of them
 * empty ones.
 */
static bool find_piece(const struct image_plan *plan, unsigned index, struct piece *out)
{
	unsigned kernel_pieces = 1;

	*out = (struct piece){ 0 };
	if (plan->kind == IMAGE_ELF) {
		struct elf_segment s;

		kernel_pieces = plan->elf.header_count;
		if (index < kernel_pieces && elf_segment(&plan->elf, index, &s)) {
			*out = (struct piece){ s.paddr + elf_bias(&plan->elf), s.size, s.data };
		}
	} else if (index == 0) {
		/* The kernel clears its .bss itself. */
		*out = (struct piece){ plan->kernel.base, plan->kernel_file.size, plan->kernel_file };
	}
	if (index == kernel_pieces) {
		*out = (struct piece){ plan->initrd.base, plan->initrd_file.size, plan->initrd_file };
	}
	return index <= kernel_pieces;
}

/*
 * The boot protocol: loaded images are in memory itself, not in caches alone, and no stale instruction is held of
 * them.
 */
static bool load_part(const struct guest_mem *mem, const struct piece *piece, uint64_t from, uint64_t size)
{
	uint8_t *to = guest_mem_ptr(mem, piece->base + from, size);
	uint64_t copied = from < piece->data.size ? MIN(size, piece->data.size - from) : 0;

	if (to == NULL || piece->data.size > piece->size) {
		return false;
	}
	memcpy(to, piece->data.data + from, copied);
	memset(to + copied, 0, size - copied);
	cache_clean_invalidate(to, size);
	cache_sync_code(to, size);
	return true;
}

static bool load_fdt(const struct image_plan *plan, const struct guest_mem *mem)
{
	void *to = guest_mem_ptr(mem, plan->dtb, IMAGE_FDT_SIZE);
	uint64_t seed[GUEST_FDT_SEED_WORDS], size;
	bool seeded = true;

	for (unsigned i = 0; i < GUEST_FDT_SEED_WORDS && seeded; i++) {
		seeded = entropy_get(&seed[i]);
	}
	if (to == NULL) {
		return false;
	}
	size = guest_fdt_build(plan, seeded ? seed : NULL, to, IMAGE_FDT_SIZE);
	cache_clean_invalidate(to, size);
	return size != 0;
}

bool image_load_some(struct image_loader *loader, uint64_t budget, enum err *error)
{
	struct piece piece;

	*error = OK;
	while (find_piece(loader->plan, loader->piece, &piece)) {
		uint64_t size = MIN(budget, piece.size - loader->done);

		if (size != 0 && !load_part(loader->mem, &piece, loader->done, size)) {
			*error = ERR_RANGE;
			return false;
		}
		budget -= size;
		loader->done += size;
		if (loader->done < piece.size) {
			return true;
		}
		loader->piece++;
		loader->done = 0;
	}
	*error = load_fdt(loader->plan, loader->mem) ? OK : ERR_RANGE;
	return false;
}
