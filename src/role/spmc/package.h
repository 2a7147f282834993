/* SPDX-License-Identifier: MIT */
/*
 * A secure partition package as TF-A's sptool makes it and BL2 loads it: header, manifest, image. Version 2 gives the
 * header a page, which becomes the boot information; in version 1 the manifest follows the header at once.
 */
#ifndef ROLE_SPMC_PACKAGE_H
#define ROLE_SPMC_PACKAGE_H

#include "lib/span.h"

#define SP_PACKAGE_MAGIC 0x474b5053u /* "SPKG" */
#define SP_PACKAGE_HEADER_SIZE 24u

struct sp_package {
	struct span manifest;
	uint64_t image_offset, image_size; /* not empty, and inside the memory */
	bool has_header_page;
};

/* Reads the header at the start of 'memory'. NULL, or what is wrong with it, for a message; then 'out' is untouched. */
const char *sp_package_read(struct span memory, struct sp_package *out);

#endif
