/* SPDX-License-Identifier: MIT */
#include "role/spmc/package.h"

#include "lib/str.h"

struct header {
	uint32_t magic;
	uint32_t version;
	uint32_t manifest_offset, manifest_size;
	uint32_t image_offset, image_size;
};
_Static_assert(sizeof(struct header) == SP_PACKAGE_HEADER_SIZE, "");

/* The manifest lies between header and image, and the image in the memory. Offsets are 32 bits, so sums do not wrap. */
static const char *check_places(const struct header *h, uint64_t memory_size)
{
	uint64_t manifest_end = (uint64_t)h->manifest_offset + h->manifest_size;
	uint64_t image_end = (uint64_t)h->image_offset + h->image_size;

	if (h->version == 2 ? h->manifest_offset < PAGE_SIZE || !IS_ALIGNED(h->manifest_offset, PAGE_SIZE)
			    : h->manifest_offset < sizeof(*h) || !IS_ALIGNED(h->manifest_offset, 8)) {
		return "the offset of the manifest is not possible";
	}
	if (h->manifest_size == 0 || manifest_end > h->image_offset) {
		return "the manifest is empty or does not fit before the image";
	}
	if (!IS_ALIGNED(h->image_offset, PAGE_SIZE) || h->image_size == 0 || image_end > memory_size) {
		return "the image is empty, not at a page, or not all in the memory of the partition";
	}
	return NULL;
}

const char *sp_package_read(struct span memory, struct sp_package *out)
{
	const char *wrong;
	struct header h;

	if (memory.size < sizeof(h)) {
		return "the memory of the partition is too small for it";
	}
	memcpy(&h, memory.data, sizeof(h));
	if (h.magic != SP_PACKAGE_MAGIC) {
		return "there is none at load_address";
	}
	if (h.version != 1 && h.version != 2) {
		return "its version is neither 1 nor 2";
	}
	wrong = check_places(&h, memory.size);
	if (wrong == NULL) {
		*out = (struct sp_package){
			.manifest = span_of(memory.data + h.manifest_offset, h.manifest_size),
			.image_offset = h.image_offset,
			.image_size = h.image_size,
			.has_header_page = h.version == 2,
		};
	}
	return wrong;
}
