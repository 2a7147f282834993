/* SPDX-License-Identifier: MIT */
/*
 * Answers messages on every CPU, shares and retrieves memory: all of that is in payload/sp/lib. Its own is that it
 * reads its boot information (FF-A 1.2, 5.4), which leads to its manifest.
 */
#include "payload/lib/fdt.h"
#include "payload/sp/lib/sp.h"

#define CONTENT_IS_ADDRESS(flags) (((flags) >> 2 & 3) == 0)

/* Where it finds its manifest: the one descriptor there is, inside the blob. */
static const struct ffa_boot_info *manifest_info(void)
{
	const struct ffa_boot_info_header *header = sp_boot_info;
	const struct ffa_boot_info *info;

	if (header == NULL || header->signature != FFA_BOOT_INFO_SIGNATURE || header->descriptor_count != 1 ||
	    header->descriptor_size != sizeof(*info) || header->descriptor_offset % 8 != 0 || header->reserved != 0) {
		return NULL;
	}
	info = (const void *)((const uint8_t *)header + header->descriptor_offset);
	if (info->type != 0 || !CONTENT_IS_ADDRESS(info->flags) || info->contents < (uint64_t)(info + 1) ||
	    info->contents + info->size > (uint64_t)header + header->blob_size) {
		return NULL;
	}
	return info;
}

static void start(void)
{
	const struct ffa_boot_info *info = manifest_info();

	if (info == NULL || !fdt_init((const void *)info->contents)) {
		sp_panic("no manifest in its boot information");
	}
	sp_log("hello: partition 0x%x is up\n", (uint32_t)sp_id);
}

static bool command(uint64_t *w, uint32_t count)
{
	(void)count;
	if (w[0] != COMMAND_BOOT_INFO) {
		return false;
	}
	w[0] = FFA_OK;
	w[1] = sp_boot_info->version;
	w[2] = fdt_u32(FDT_ROOT, "ffa-version", 0);
	w[3] = manifest_info()->size;
	w[4] = fdt_u32(FDT_ROOT, "uuid", 0);
	return true;
}

const struct sp_program sp_program = {
	.name = "hello",
	.version = FFA_VERSION_1_2,
	.start = start,
	.command = command,
};
