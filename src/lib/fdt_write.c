/* SPDX-License-Identifier: MIT */
#include "lib/fdt_write.h"

#include <libfdt.h>

#include "lib/str.h"

#define CELL sizeof(fdt32_t)
#define RESERVE_MAP_AT ALIGN_UP(sizeof(struct fdt_header), 8)
#define RESERVE_MAP_SIZE sizeof(struct fdt_reserve_entry) /* the one that ends it */
#define STRUCT_AT (RESERVE_MAP_AT + RESERVE_MAP_SIZE)
#define NAMES_PART 4

/* Room for 'size' bytes and what fills their last cell, which is zero; NULL: there is none. */
static uint8_t *take(struct fdt_writer *w, uint64_t size)
{
	uint8_t *to = w->blob + w->at;

	if (w->full || size > w->names - w->at || ALIGN_UP(size, CELL) > w->names - w->at) {
		w->full = true;
		return NULL;
	}
	w->at += ALIGN_UP(size, CELL);
	if (!IS_ALIGNED(size, CELL)) {
		memset(to + ALIGN_DOWN(size, CELL), 0, CELL);
	}
	return to;
}

/* Cells are aligned to themselves, and nobody reads them as anything else while the tree is written. */
static void put_cells(uint8_t *to, const uint32_t *cells, unsigned count)
{
	fdt32_t *big_endian = (fdt32_t *)(void *)to;

	for (unsigned i = 0; i < count; i++) {
		big_endian[i] = cpu_to_fdt32(cells[i]);
	}
}

static void put_token(struct fdt_writer *w, uint32_t token)
{
	uint8_t *to = take(w, CELL);

	if (to != NULL) {
		put_cells(to, &token, 1);
	}
}

void fdt_write_start(struct fdt_writer *w, void *buffer, uint64_t size)
{
	*w = (struct fdt_writer){ .blob = buffer, .size = size, .names = ALIGN_DOWN(size - size / NAMES_PART, CELL) };
	w->full = w->names < STRUCT_AT;
	if (!w->full) {
		memset(w->blob, 0, STRUCT_AT);
		w->at = STRUCT_AT;
	}
}

void fdt_write_node(struct fdt_writer *w, const char *name)
{
	uint64_t size = strlen(name) + 1;
	uint8_t *to;

	put_token(w, FDT_BEGIN_NODE);
	to = take(w, size);
	if (to != NULL) {
		memcpy(to, name, size);
	}
}

void fdt_write_node_end(struct fdt_writer *w)
{
	put_token(w, FDT_END_NODE);
}

/* Where the value of a property goes; NULL: nowhere. */
static uint8_t *begin_property(struct fdt_writer *w, const char *name, uint64_t size)
{
	const uint32_t head[] = { FDT_PROP, (uint32_t)size, (uint32_t)w->names_size };
	uint64_t name_size = strlen(name) + 1;
	uint8_t *to;

	if (name_size > w->size - w->names - w->names_size || size > w->size) {
		w->full = true;
	}
	to = take(w, sizeof(head) + size);
	if (to == NULL) {
		return NULL;
	}
	memcpy(w->blob + w->names + w->names_size, name, name_size);
	w->names_size += name_size;
	put_cells(to, head, ARRAY_SIZE(head));
	return to + sizeof(head);
}

void fdt_write_property(struct fdt_writer *w, const char *name, const void *data, uint64_t size)
{
	uint8_t *to = begin_property(w, name, size);

	if (to != NULL && size != 0) {
		memcpy(to, data, size);
	}
}

void fdt_write_cells(struct fdt_writer *w, const char *name, const uint32_t *cells, unsigned count)
{
	uint8_t *to = begin_property(w, name, count * CELL);

	if (to != NULL) {
		put_cells(to, cells, count);
	}
}

uint64_t fdt_write_finish(struct fdt_writer *w)
{
	uint64_t size;

	put_token(w, FDT_END);
	if (w->full) {
		return 0;
	}
	size = w->at + w->names_size;
	memmove(w->blob + w->at, w->blob + w->names, w->names_size);
	fdt_set_magic(w->blob, FDT_MAGIC);
	fdt_set_totalsize(w->blob, (uint32_t)size);
	fdt_set_off_dt_struct(w->blob, STRUCT_AT);
	fdt_set_off_dt_strings(w->blob, (uint32_t)w->at);
	fdt_set_off_mem_rsvmap(w->blob, RESERVE_MAP_AT);
	fdt_set_version(w->blob, 17);
	fdt_set_last_comp_version(w->blob, 16);
	fdt_set_size_dt_strings(w->blob, (uint32_t)w->names_size);
	fdt_set_size_dt_struct(w->blob, (uint32_t)(w->at - STRUCT_AT));
	return size;
}
