/* SPDX-License-Identifier: MIT */
#include "lib/fdt.h"

#include "lib/checked.h"
#include "lib/str.h"

#define CELL 4

/* Whatever the bytes are to others. */
struct cell {
	fdt32_t big_endian;
} __attribute__((may_alias));

/* All blocks of a tree, and all values in it, are aligned to cells. */
static uint32_t read_cell(const uint8_t *p)
{
	return fdt32_to_cpu(((const struct cell *)(const void *)p)->big_endian);
}

void fdt_tokens_init(struct fdt_tokens *t, const void *fdt)
{
	const char *strings = (const char *)fdt + fdt_off_dt_strings(fdt);
	uint64_t size = fdt_size_dt_strings(fdt);

	/* A name that the block does not end is none; so the others need no check. */
	while (size > 0 && strings[size - 1] != '\0') {
		size--;
	}
	*t = (struct fdt_tokens){ .at = (const uint8_t *)fdt + fdt_off_dt_struct(fdt),
				  .strings = strings,
				  .strings_size = size };
	t->end = t->at + ALIGN_DOWN(fdt_size_dt_struct(fdt), CELL);
}

bool fdt_next_token(struct fdt_tokens *t, struct fdt_token *out)
{
	const uint8_t *at = t->at, *end = t->end;
	uint64_t size = 0; /* of what follows the tag */
	uint32_t name;

	do {
		if (at == end) {
			return false;
		}
		out->tag = read_cell(at);
		at += CELL;
	} while (out->tag == FDT_NOP);
	switch (out->tag) {
	case FDT_BEGIN_NODE:
		out->name = (const char *)at;
		while (at + size < end && at[size] != '\0') {
			size++;
		}
		size++;
		break;
	case FDT_PROP:
		if (end - at < 2 * CELL) {
			return false;
		}
		size = read_cell(at);
		name = read_cell(at + CELL);
		at += 2 * CELL;
		if (name >= t->strings_size) {
			return false;
		}
		out->name = t->strings + name;
		out->value = span_of(at, size);
		break;
	case FDT_END_NODE:
		break;
	case FDT_END:
		end = at;
		break;
	default:
		return false;
	}
	size = ALIGN_UP(size, CELL);
	if (size > (uint64_t)(end - at)) {
		return false;
	}
	t->at = at + size;
	t->end = end;
	return true;
}

/*
 * One root node, every node closed, every property inside a node. Each tag takes four bytes or more, so the walk
 * ends.
 */
static bool structure_ok(const void *fdt)
{
	struct fdt_tokens tokens;
	struct fdt_token token;
	bool root_closed = false;
	int depth = 0;

	fdt_tokens_init(&tokens, fdt);
	while (fdt_next_token(&tokens, &token)) {
		switch (token.tag) {
		case FDT_BEGIN_NODE:
			if (root_closed) {
				return false;
			}
			depth++;
			break;
		case FDT_END_NODE:
			if (depth == 0) {
				return false;
			}
			depth--;
			root_closed = depth == 0;
			break;
		case FDT_PROP:
			if (depth == 0) {
				return false;
			}
			break;
		default: /* FDT_END */
			return root_closed;
		}
	}
	return false;
}

/* What libfdt checks, and what it takes for granted: the form that all tools write, and the alignment of the blocks. */
bool fdt_header_ok(const void *fdt, uint64_t size)
{
	return fdt_check_header(fdt) == 0 && fdt_version(fdt) >= 17 && fdt_totalsize(fdt) <= size &&
	       IS_ALIGNED(fdt_off_dt_struct(fdt), CELL) && IS_ALIGNED(fdt_off_mem_rsvmap(fdt), 2 * CELL);
}

enum err fdt_open(struct span blob, const void **fdt)
{
	if (blob.size < sizeof(struct fdt_header) || !IS_ALIGNED((uintptr_t)blob.data, 2 * CELL) ||
	    !fdt_header_ok(blob.data, blob.size) || fdt_num_mem_rsv(blob.data) < 0 || !structure_ok(blob.data)) {
		return ERR_INVALID;
	}
	*fdt = blob.data;
	return OK;
}

bool fdt_tokens_at(struct fdt_tokens *t, const void *fdt, int node, struct fdt_token *out)
{
	fdt_tokens_init(t, fdt);
	if (node < 0 || node > t->end - t->at || !IS_ALIGNED(node, CELL)) {
		return false;
	}
	t->at += node;
	return fdt_next_token(t, out) && out->tag == FDT_BEGIN_NODE;
}

const char *fdt_node_name(const void *fdt, int node)
{
	struct fdt_tokens tokens;
	struct fdt_token token;

	return fdt_tokens_at(&tokens, fdt, node, &token) ? token.name : "";
}

int fdt_next_child(const void *fdt, int parent, int previous)
{
	struct fdt_tokens tokens;
	struct fdt_token token;
	const uint8_t *base;
	/* How many nodes are open below the parent. */
	int depth = previous < 0 ? 0 : 1;

	if (!fdt_tokens_at(&tokens, fdt, previous < 0 ? parent : previous, &token)) {
		return -1;
	}
	base = (const uint8_t *)fdt + fdt_off_dt_struct(fdt);
	for (;;) {
		const uint8_t *at = tokens.at;

		if (!fdt_next_token(&tokens, &token)) {
			return -1;
		}
		if (token.tag == FDT_BEGIN_NODE) {
			if (depth == 0) {
				return (int)(at - base);
			}
			depth++;
		} else if (token.tag == FDT_END_NODE && depth-- == 0) {
			return -1;
		}
	}
}

int fdt_child(const void *fdt, int parent, const char *name)
{
	int child = -1;

	do {
		child = fdt_next_child(fdt, parent, child);
	} while (child >= 0 && strcmp(fdt_node_name(fdt, child), name) != 0);
	return child;
}

enum err fdt_read_span(const void *fdt, int node, const char *name, struct span *out)
{
	struct fdt_tokens tokens;
	struct fdt_token token;

	if (!fdt_tokens_at(&tokens, fdt, node, &token)) {
		return ERR_NOT_FOUND;
	}
	while (fdt_next_token(&tokens, &token) && token.tag == FDT_PROP) {
		if (token.name[0] == name[0] && strcmp(token.name, name) == 0) {
			*out = token.value;
			return OK;
		}
	}
	return ERR_NOT_FOUND;
}

enum err fdt_read_u32(const void *fdt, int node, const char *name, uint32_t *out)
{
	unsigned count;
	enum err e = fdt_read_cells(fdt, node, name, out, 1, &count);

	return e == ERR_RANGE ? ERR_INVALID : e;
}

enum err fdt_read_u64(const void *fdt, int node, const char *name, uint64_t *out)
{
	struct span value;
	enum err e = fdt_read_span(fdt, node, name, &value);

	if (e != OK) {
		return e;
	}
	if (value.size != CELL && value.size != 2 * CELL) {
		return ERR_INVALID;
	}
	*out = value.size == CELL ? read_cell(value.data)
				  : (uint64_t)read_cell(value.data) << 32 | read_cell(value.data + CELL);
	return OK;
}

enum err fdt_read_cells(const void *fdt, int node, const char *name, uint32_t *out, unsigned max, unsigned *count)
{
	struct span value;
	enum err e = fdt_read_span(fdt, node, name, &value);

	if (e != OK) {
		return e;
	}
	if (value.size == 0 || value.size % CELL != 0) {
		return ERR_INVALID;
	}
	if (value.size / CELL > max) {
		return ERR_RANGE;
	}
	*count = (unsigned)value.size / CELL;
	for (unsigned i = 0; i < *count; i++) {
		out[i] = read_cell(value.data + i * CELL);
	}
	return OK;
}

enum err fdt_read_string(const void *fdt, int node, const char *name, const char **out)
{
	struct span value;
	enum err e = fdt_read_span(fdt, node, name, &value);

	if (e != OK) {
		return e;
	}
	if (value.size < 2 || value.data[value.size - 1] != '\0') {
		return ERR_INVALID;
	}
	for (uint64_t i = 0; i < value.size - 1; i++) {
		if (value.data[i] < ' ' || value.data[i] > '~') {
			return ERR_INVALID;
		}
	}
	*out = (const char *)value.data;
	return OK;
}
