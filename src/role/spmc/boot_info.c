/* SPDX-License-Identifier: MIT */
#include "role/spmc/boot_info.h"

#include "arch/cache.h"
#include "lib/str.h"

/* The manifest stays where it is; so the blob, which contains what it describes, reaches to the end of that. */
void boot_info_write(pa_t package, const struct sp_manifest *m, struct span manifest)
{
	uint64_t manifest_address = pa_from_ptr(manifest.data).v;
	struct {
		struct ffa_boot_info_header header;
		struct ffa_boot_info info;
	} blob = {
		.header = {
			.signature = FFA_BOOT_INFO_SIGNATURE,
			.version = m->ffa_version,
			.blob_size = (uint32_t)(manifest_address + manifest.size - package.v),
			.descriptor_size = sizeof(struct ffa_boot_info),
			.descriptor_count = m->boot_info_fdt ? 1 : 0,
			.descriptor_offset = sizeof(struct ffa_boot_info_header),
		},
	};

	if (m->boot_info_fdt) {
		blob.info.size = (uint32_t)manifest.size;
		blob.info.contents = manifest_address;
	}
	memcpy(pa_ptr(package), &blob, sizeof(blob));
	/* The partition reads it with its MMU off, which goes past the caches where there is no FEAT_S2FWB. */
	cache_clean_invalidate(pa_ptr(package), sizeof(blob));
}
