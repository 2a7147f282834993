/* SPDX-License-Identifier: MIT */
/*
 * Where a VM's kernel, initrd and device tree go in its RAM, and how they get there.
 *
 *   arm64 Image   text_offset above the second 2 MiB of RAM (Linux, Documentation/arch/arm64/booting.rst)
 *   ELF, ET_EXEC  at its physical addresses
 *   ELF, ET_DYN   as a whole moved so that its first 2 MiB are the second ones of RAM
 *   raw binary    at 'load-offset' in RAM
 *   firmware      not in RAM: in the first bank of flash, filled like a disk (vm_memory.h)
 *   device tree   at the start of RAM, where firmware made for QEMU's virt looks for it; if the kernel is there,
 *                 as high as it gets
 *   initrd        as high as it gets in the first 32 GiB of RAM
 */
#ifndef ROLE_HYP_IMAGE_H
#define ROLE_HYP_IMAGE_H

#include "core/vcpu/guest_mem.h"
#include "lib/elf.h"
#include "role/hyp/bundle.h"

/* Room for the device tree; the largest that guest_fdt.c can make is smaller (test_guest_fdt.c). */
#define IMAGE_FDT_SIZE KIB(64)

enum image_kind {
	IMAGE_LINUX,
	IMAGE_ELF,
	IMAGE_RAW,
	IMAGE_FIRMWARE,
};

struct image_range {
	uint64_t base; /* IPA */
	uint64_t size;
};

struct image_plan {
	const struct vm_config *config;
	enum image_kind kind;
	uint64_t entry;            /* IPA of the first instruction; there x0 = dtb */
	uint64_t dtb;              /* IPA of the device tree, IMAGE_FDT_SIZE bytes */
	struct image_range kernel; /* with what it needs behind the file: .bss; firmware: size 0 */
	struct image_range initrd; /* size 0: none */
	struct span kernel_file;
	struct elf elf; /* IMAGE_ELF: the same file */
	struct span initrd_file;
	struct span firmware_file;
	uint64_t flash_size[GUEST_FLASH_BANKS]; /* powers of two of at least BLOCK_SIZE; or 0: no such bank */
};

/*
 * Decides where everything goes in RAM of config->memory_size bytes at GUEST_RAM_BASE. ERR_INVALID, with a message
 * that names the VM and the key, if a file that the config names is missing (disks included), the kernel is of no
 * known form, or something does not fit. Reads the files and copies nothing; config and bundle stay in use.
 */
enum err image_plan(const struct vm_config *config, const struct bundle *bundle, struct image_plan *plan,
		    struct report *report);

/* How far the loading of a VM is. */
struct image_loader {
	const struct image_plan *plan;
	const struct guest_mem *mem;
	unsigned piece;  /* the ELF segments or the kernel, then the initrd, then the device tree */
	uint64_t done;   /* bytes of that piece */
};

static inline struct image_loader image_loader(const struct image_plan *plan, const struct guest_mem *mem)
{
	return (struct image_loader){ .plan = plan, .mem = mem };
}

/*
 * Copies kernel and initrd to the VM's RAM, zeroes an ELF's .bss, makes the device tree, and cleans the caches so
 * that a guest with its MMU off finds it all. At most about 'budget' bytes in a call: true if there is more to do.
 * '*error' is ERR_RANGE, with some of it done, if the RAM is not that of the plan. No vCPU of the VM runs.
 */
bool image_load_some(struct image_loader *loader, uint64_t budget, enum err *error);

#endif
