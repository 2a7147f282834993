/* SPDX-License-Identifier: MIT */
#include "lib/fdt.h"

#include "lib/checked.h"
#include "lib/str.h"

#define CELL 4

/* Of two cells at most, so there is nothing to overflow. */
static uint64_t read_number(const uint8_t *p, unsigned cells)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < cells; i++) {
		value = value << 32 | fdt32_ld((const fdt32_t *)(const void *)(p + i * CELL));
	}
	return value;
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
	t->end = t->at + fdt_size_dt_struct(fdt);
}

/* Steps over 'size' bytes and what fills their last cell; false if there are not as many. */
static bool step(struct fdt_tokens *t, uint64_t size, const uint8_t **out)
{
	if (ALIGN_UP(size, CELL) > (uint64_t)(t->end - t->at)) {
		return false;
	}
	*out = t->at;
	t->at += ALIGN_UP(size, CELL);
	return true;
}

static bool next_node_name(struct fdt_tokens *t, struct fdt_token *out)
{
	const uint8_t *p = t->at;

	while (p < t->end && *p != '\0') {
		p++;
	}
	out->name = (const char *)t->at;
	return p < t->end && step(t, (uint64_t)(p - t->at) + 1, &p);
}

static bool next_property(struct fdt_tokens *t, struct fdt_token *out)
{
	const uint8_t *head, *data;
	uint32_t size, name;

	if (!step(t, 2 * CELL, &head)) {
		return false;
	}
	size = (uint32_t)read_number(head, 1);
	name = (uint32_t)read_number(head + CELL, 1);
	if (name >= t->strings_size || !step(t, size, &data)) {
		return false;
	}
	out->name = t->strings + name;
	out->value = span_of(data, size);
	return true;
}

bool fdt_next_token(struct fdt_tokens *t, struct fdt_token *out)
{
	const uint8_t *tag;

	do {
		if (!step(t, CELL, &tag)) {
			return false;
		}
		out->tag = (uint32_t)read_number(tag, 1);
	} while (out->tag == FDT_NOP);
	switch (out->tag) {
	case FDT_BEGIN_NODE:
		return next_node_name(t, out);
	case FDT_PROP:
		return next_property(t, out);
	case FDT_END_NODE:
		return true;
	case FDT_END:
		t->end = t->at;
		return true;
	default:
		return false;
	}
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

enum err fdt_read_span(const void *fdt, int node, const char *name, struct span *out)
{
	struct fdt_tokens tokens;
	struct fdt_token token;

	fdt_tokens_init(&tokens, fdt);
	if (node < 0 || node > tokens.end - tokens.at || !IS_ALIGNED(node, CELL)) {
		return ERR_NOT_FOUND;
	}
	tokens.at += node;
	if (!fdt_next_token(&tokens, &token) || token.tag != FDT_BEGIN_NODE) {
		return ERR_NOT_FOUND;
	}
	while (fdt_next_token(&tokens, &token) && token.tag == FDT_PROP) {
		if (strcmp(token.name, name) == 0) {
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
	*out = read_number(value.data, (unsigned)value.size / CELL);
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
		out[i] = (uint32_t)read_number(value.data + i * CELL, 1);
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

static enum err read_cell_count(const void *fdt, int parent, const char *name, uint32_t absent, unsigned *out)
{
	uint32_t count = absent;
	enum err e = fdt_read_u32(fdt, parent, name, &count);

	if (e != OK && e != ERR_NOT_FOUND) {
		return e;
	}
	if (count > 2) {
		return ERR_UNSUPPORTED;
	}
	*out = count;
	return OK;
}

enum err fdt_read_reg_form(const void *fdt, int parent, struct fdt_reg_form *out)
{
	struct fdt_reg_form form;
	enum err e = read_cell_count(fdt, parent, "#address-cells", 2, &form.address_cells);

	if (e == OK) {
		e = read_cell_count(fdt, parent, "#size-cells", 1, &form.size_cells);
	}
	if (e == OK) {
		*out = form;
	}
	return e;
}

enum err fdt_read_reg(const void *fdt, int node, struct fdt_reg_form form, unsigned index, uint64_t *base,
		      uint64_t *size)
{
	uint64_t entry_size = (form.address_cells + form.size_cells) * CELL;
	uint64_t start, length, end;
	struct span value, entry;
	enum err e = fdt_read_span(fdt, node, "reg", &value);

	if (e != OK) {
		return e;
	}
	if (entry_size == 0 || value.size % entry_size != 0) {
		return ERR_INVALID;
	}
	if (!span_part(value, index * entry_size, entry_size, &entry)) {
		return ERR_NOT_FOUND;
	}
	start = read_number(entry.data, form.address_cells);
	length = read_number(entry.data + form.address_cells * CELL, form.size_cells);
	if (!add_u64(start, length, &end)) {
		return ERR_RANGE;
	}
	*base = start;
	*size = length;
	return OK;
}

bool fdt_node_enabled(const void *fdt, int node)
{
	const char *status;
	enum err e = fdt_read_string(fdt, node, "status", &status);

	return e == ERR_NOT_FOUND || (e == OK && (strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0));
}

int fdt_next_compatible(const void *fdt, int after, const char *compatible)
{
	do {
		after = fdt_node_offset_by_compatible(fdt, after, compatible);
	} while (after >= 0 && !fdt_node_enabled(fdt, after));
	return after >= 0 ? after : -1;
}
