/* SPDX-License-Identifier: MIT */
#include "lib/str.h"

#include "lib/base.h"

bool str_copy(char *dst, const char *src, size_t size)
{
	size_t length = strnlen(src, size);
	bool fits = length < size;

	if (size != 0) {
		length = fits ? length : size - 1;
		memcpy(dst, src, length);
		dst[length] = '\0';
	}
	return fits;
}
