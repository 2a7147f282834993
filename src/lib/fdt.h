/* SPDX-License-Identifier: MIT */
/*
 * Reading device trees that nobody vouches for: libfdt finds nodes and properties, these functions check what is in
 * them. Each returns ERR_NOT_FOUND if the property is absent and ERR_INVALID if it has another form than asked for,
 * and writes its results only on OK. A node is libfdt's offset; a negative one is answered as if nothing were in it.
 *
 * Addresses are taken as they stand in "reg": "ranges" of the parents are not applied. The devices that we use on the
 * machines that we know are children of the root or of buses that map 1:1.
 */
#ifndef LIB_FDT_H
#define LIB_FDT_H

#include <libfdt.h>

#include "lib/err.h"
#include "lib/span.h"

/*
 * Checks that the blob holds a whole, consistent tree (structure and strings, all of it) of version 17, at an address
 * that is a multiple of 8. It may be shorter than the blob. ERR_INVALID if it is not; *fdt is for libfdt and for the
 * functions below.
 */
enum err fdt_open(struct span blob, const void **fdt);

/*
 * Checks the header alone, and that the tree says to take no more than 'size' bytes. So far libfdt may walk it, which
 * stays inside; what it meets there is not checked.
 */
bool fdt_header_ok(const void *fdt, uint64_t size);

/* What a tree is made of, in its order. */
struct fdt_token {
	uint32_t tag;      /* FDT_BEGIN_NODE, FDT_PROP, FDT_END_NODE or FDT_END */
	const char *name;  /* of a node or property */
	struct span value; /* of a property */
};

struct fdt_tokens {
	const uint8_t *at, *end;
	const char *strings; /* the last byte is zero */
	uint64_t strings_size;
};

/*
 * For who reads all of a tree: one pass over it, where libfdt would begin anew for each question. The header must
 * have been found good. What stands in the blob is followed only within its blocks.
 */
void fdt_tokens_init(struct fdt_tokens *tokens, const void *fdt);
/* False where the structure is broken, or behind FDT_END. */
bool fdt_next_token(struct fdt_tokens *tokens, struct fdt_token *out);

/* The value of a property. */
enum err fdt_read_span(const void *fdt, int node, const char *name, struct span *out);
/* A property of one cell. */
enum err fdt_read_u32(const void *fdt, int node, const char *name, uint32_t *out);
/* A number of one or two cells. */
enum err fdt_read_u64(const void *fdt, int node, const char *name, uint64_t *out);
/* One to 'max' cells; ERR_RANGE if there are more. */
enum err fdt_read_cells(const void *fdt, int node, const char *name, uint32_t *out, unsigned max, unsigned *count);
/* One string, which is not empty, printable ASCII and ends where the property ends. It points into the tree. */
enum err fdt_read_string(const void *fdt, int node, const char *name, const char **out);

/* How many cells an address and a size take in "reg" of a node's children. */
struct fdt_reg_form {
	unsigned address_cells; /* 0..2 */
	unsigned size_cells;    /* 0..2 */
};

/*
 * "#address-cells" and "#size-cells" of the parent, with the specification's defaults 2 and 1. ERR_UNSUPPORTED above
 * 2.
 */
enum err fdt_read_reg_form(const void *fdt, int parent, struct fdt_reg_form *out);
/* Entry 'index' of "reg". ERR_NOT_FOUND behind the last one, ERR_RANGE if base + size passes 2^64. */
enum err fdt_read_reg(const void *fdt, int node, struct fdt_reg_form form, unsigned index, uint64_t *base,
		      uint64_t *size);

/* True if "status" is absent or says "okay" (or "ok"). */
bool fdt_node_enabled(const void *fdt, int node);
/* The next enabled node behind 'after' (-1: from the start) that has 'compatible' in its list; -1 if there is none. */
int fdt_next_compatible(const void *fdt, int after, const char *compatible);

#endif
