/* SPDX-License-Identifier: MIT */
/* Any bytes as the memory of a package: what is accepted is inside it, in order. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "role/spmc/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);
	struct sp_package p;
	const char *wrong;

	memcpy(copy, data, size);
	wrong = sp_package_read(span_of(copy, size), &p);
	if (wrong != NULL ? strlen(wrong) == 0
			  : p.manifest.data < copy + SP_PACKAGE_HEADER_SIZE || p.manifest.size == 0 ||
				    p.manifest.data + p.manifest.size > copy + p.image_offset || p.image_size == 0 ||
				    p.image_offset + p.image_size > size) {
		abort();
	}
	free(copy);
	return 0;
}
