/* SPDX-License-Identifier: MIT */
/* Any bytes as an archive: the walk ends, and all that it gives lies inside. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cpio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span archive = span_of(data, size);
	struct cpio_entry entry;
	const char *why = NULL;
	uint64_t offset = 0, sum = 0;
	struct span found;
	enum err e;

	while ((e = cpio_read(archive, offset, &entry, &why)) == OK) {
		if (entry.next <= offset || strlen(entry.name) >= size) {
			abort();
		}
		for (uint64_t i = 0; i < entry.data.size; i++) {
			sum += entry.data.data[i];
		}
		if (cpio_is_file(&entry) && cpio_find(archive, entry.name, &found) != OK) {
			abort();
		}
		offset = entry.next;
	}
	if (e == ERR_INVALID && why == NULL) {
		abort();
	}
	return sum == UINT64_MAX;
}
