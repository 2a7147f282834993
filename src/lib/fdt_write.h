/* SPDX-License-Identifier: MIT */
/*
 * Writes a device tree of version 17 from front to back, in one pass: the root and each node with its properties first,
 * then its children. The names of properties are not made one where they repeat.
 */
#ifndef LIB_FDT_WRITE_H
#define LIB_FDT_WRITE_H

#include "lib/base.h"

struct fdt_writer {
	uint8_t *blob;
	uint64_t at;         /* where the structure goes on */
	uint64_t names;      /* where they are until the tree is finished: in the last part of the buffer */
	uint64_t names_size; /* of those written */
	uint64_t size;       /* of the buffer */
	bool full;           /* something did not fit; nothing is written any more */
};

/* 'buffer' is aligned to 8 bytes. Up to a quarter of it holds names of properties. */
void fdt_write_start(struct fdt_writer *w, void *buffer, uint64_t size);
/* The whole tree's size in bytes; 0 if it did not fit. */
uint64_t fdt_write_finish(struct fdt_writer *w);

void fdt_write_node(struct fdt_writer *w, const char *name);
void fdt_write_node_end(struct fdt_writer *w);
void fdt_write_property(struct fdt_writer *w, const char *name, const void *data, uint64_t size);
void fdt_write_cells(struct fdt_writer *w, const char *name, const uint32_t *cells, unsigned count);

#endif
