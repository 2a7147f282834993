/* SPDX-License-Identifier: MIT */
/*
 * Reading device trees that nobody vouches for. The functions that read a property return ERR_NOT_FOUND if it is absent
 * and ERR_INVALID if it has another form than asked for, and write their results only on OK. A node is its offset in
 * the structure block, as in libfdt, and 0 is the root; a negative one is answered as if nothing were in it.
 */
#ifndef LIB_FDT_H
#define LIB_FDT_H

#include <libfdt.h>

#include "lib/err.h"
#include "lib/span.h"

/*
 * Checks that the blob holds a whole, consistent tree (structure and strings, all of it) of version 17, at an address
 * that is a multiple of 8. It may be shorter than the blob. ERR_INVALID if it is not; *fdt is for the functions below.
 */
enum err fdt_open(struct span blob, const void **fdt);

/*
 * Checks the header alone, and that the tree says to take no more than 'size' bytes: enough for the functions below,
 * which stay inside. What they meet there is not checked.
 */
bool fdt_header_ok(const void *fdt, uint64_t size);

/* What a tree is made of, in its order. */
struct fdt_token {
	uint32_t tag;      /* FDT_BEGIN_NODE, FDT_PROP, FDT_END_NODE or FDT_END */
	const char *name;  /* of a node or property */
	struct span value; /* of a property */
};

struct fdt_tokens {
	const uint8_t *at, *end; /* both aligned to cells */
	const char *strings; /* the last byte is zero */
	uint64_t strings_size;
};

/*
 * One pass over a tree. The header must have been found good. What stands in the blob is followed only within its
 * blocks.
 */
void fdt_tokens_init(struct fdt_tokens *tokens, const void *fdt);
/* The same from a node on, whose own token is read; false if there is none. */
bool fdt_tokens_at(struct fdt_tokens *tokens, const void *fdt, int node, struct fdt_token *out);
/* False where the structure is broken, or behind FDT_END. */
bool fdt_next_token(struct fdt_tokens *tokens, struct fdt_token *out);

/* The node's name with its unit address; "" if there is no such node. */
const char *fdt_node_name(const void *fdt, int node);
/* The child behind 'previous', which is -1 for the first one; -1 if there is none. */
int fdt_next_child(const void *fdt, int parent, int previous);
/* The child of that name, or -1. */
int fdt_child(const void *fdt, int parent, const char *name);

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

#endif
