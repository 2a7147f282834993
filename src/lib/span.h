/* SPDX-License-Identifier: MIT */
/* Bytes that somebody else owns and nobody changes: a file in the bundle, a device tree, a property's value. */
#ifndef LIB_SPAN_H
#define LIB_SPAN_H

#include "lib/base.h"

struct span {
	const uint8_t *data;
	uint64_t size;
};

static inline struct span span_of(const void *data, uint64_t size) { return (struct span){ data, size }; }

/* The part [offset, offset + size); false, and *out alone, if it is not all inside. An empty part is fine. */
static inline bool span_part(struct span whole, uint64_t offset, uint64_t size, struct span *out)
{
	if (offset > whole.size || size > whole.size - offset) {
		return false;
	}
	*out = span_of(whole.data + offset, size);
	return true;
}

#endif
