/* SPDX-License-Identifier: MIT */
#include "payload/lib/fdt.h"

#include "payload/lib/string.h"

#define FDT_MAGIC 0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE 2u
#define FDT_PROP 3u
#define FDT_NOP 4u

static const uint8_t *fdt_struct;
static const char *fdt_strings;

/* One aligned word at a time, also when the compiler would merge two: the MMU may be off. */
static uint32_t cell(const void *p)
{
	return __builtin_bswap32(*(const volatile uint32_t *)p);
}

static uint32_t align4(uint32_t value)
{
	return (value + 3) & ~3u;
}

bool fdt_init(const void *blob)
{
	const uint8_t *fdt = blob;

	if (fdt == NULL || ((uintptr_t)fdt & 3) != 0 || cell(fdt) != FDT_MAGIC) {
		return false;
	}
	fdt_struct = fdt + cell(fdt + 8);
	fdt_strings = (const char *)fdt + cell(fdt + 12);
	return true;
}

/* A node is named by the offset of its BEGIN_NODE token plus 1, so that 0 is no node. */
const char *fdt_name(uint32_t node)
{
	return (const char *)fdt_struct + (node - 1) + 4;
}

/* Offset behind the token at 'at'. */
static uint32_t skip_token(uint32_t at)
{
	switch (cell(fdt_struct + at)) {
	case FDT_BEGIN_NODE:
		return align4(at + 4 + (uint32_t)strlen((const char *)fdt_struct + at + 4) + 1);
	case FDT_PROP:
		return align4(at + 12 + cell(fdt_struct + at + 4));
	default:
		return at + 4;
	}
}

uint32_t fdt_next(uint32_t node)
{
	uint32_t at = skip_token(node - 1);

	for (;; at = skip_token(at)) {
		switch (cell(fdt_struct + at)) {
		case FDT_BEGIN_NODE:
			return at + 1;
		case FDT_END_NODE:
		case FDT_PROP:
		case FDT_NOP:
			break;
		default:
			return 0;
		}
	}
}

const void *fdt_prop(uint32_t node, const char *name, uint32_t *length)
{
	uint32_t at = skip_token(node - 1);
	uint32_t token;

	for (; (token = cell(fdt_struct + at)) == FDT_PROP || token == FDT_NOP; at = skip_token(at)) {
		if (token == FDT_PROP && str_equal(fdt_strings + cell(fdt_struct + at + 8), name)) {
			*length = cell(fdt_struct + at + 4);
			return fdt_struct + at + 12;
		}
	}
	return NULL;
}

bool fdt_is_compatible(uint32_t node, const char *compatible)
{
	uint32_t length;
	const char *list = fdt_prop(node, "compatible", &length);

	for (uint32_t at = 0; list != NULL && at < length; at += (uint32_t)strlen(list + at) + 1) {
		if (str_equal(list + at, compatible)) {
			return true;
		}
	}
	return false;
}

uint32_t fdt_find_compatible(const char *compatible)
{
	uint32_t node = FDT_ROOT;

	while (node != 0 && !fdt_is_compatible(node, compatible)) {
		node = fdt_next(node);
	}
	return node;
}

uint32_t fdt_find_name(const char *name)
{
	for (uint32_t node = fdt_next(FDT_ROOT); node != 0; node = fdt_next(node)) {
		char end = str_starts(fdt_name(node), name) ? fdt_name(node)[strlen(name)] : 'x';

		if (end == '\0' || end == '@') {
			return node;
		}
	}
	return 0;
}

uint32_t fdt_u32(uint32_t node, const char *name, uint32_t index)
{
	uint32_t length;
	const uint8_t *value = node == 0 ? NULL : fdt_prop(node, name, &length);

	return value == NULL || index * 4 + 4 > length ? 0 : cell(value + index * 4);
}

uint64_t fdt_u64(uint32_t node, const char *name, uint32_t index)
{
	uint32_t length;
	const uint8_t *value = node == 0 ? NULL : fdt_prop(node, name, &length);

	if (value == NULL || index * 8 + 8 > length) {
		return 0;
	}
	return (uint64_t)cell(value + index * 8) << 32 | cell(value + index * 8 + 4);
}

const char *fdt_bootargs(void)
{
	uint32_t node = fdt_find_name("chosen");
	uint32_t length;
	const char *args = node == 0 ? NULL : fdt_prop(node, "bootargs", &length);

	return args == NULL ? "" : args;
}
