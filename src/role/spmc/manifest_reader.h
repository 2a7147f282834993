/* SPDX-License-Identifier: MIT */
/*
 * One pass over a device tree that nobody vouches for. A node is read in two steps: all its properties, by the list of
 * those that the binding defines, then its children one after the other. The first fault is reported and ends the
 * reading; so functions return false after a message was given, and their callers just return it on.
 */
#ifndef ROLE_SPMC_MANIFEST_READER_H
#define ROLE_SPMC_MANIFEST_READER_H

#include "lib/fdt.h"
#include "role/spmc/manifest.h"

struct manifest_reader {
	struct fdt_tokens tokens;
	struct fdt_token token; /* the next one */
	const char *sp;         /* whose manifest; NULL: the SPMC's */
	const char *node;       /* in which node, for messages; NULL: the root */
	const struct spmc_report *report;
	unsigned told; /* things that the binding does not define */
};

#define MANIFEST_KEYS_MAX 40

/* The properties of a node: those that it may have, and what it has. */
struct manifest_node {
	const char *const *keys; /* names; the functions below take indices */
	unsigned key_count;
	struct span values[MANIFEST_KEYS_MAX]; /* data NULL: absent */
};

/* At LOG_ERROR; false, to be returned. 'key' may be NULL. The message begins with the SP, the node and the key. */
bool reader_refuse(const struct manifest_reader *r, const char *key, const char *fmt, ...) printf_like(3, 4);
/* The same at LOG_WARN: what is asked for is not done, but the reading goes on. */
void reader_warn(const struct manifest_reader *r, const char *key, const char *fmt, ...) printf_like(3, 4);

/* Begins with the root of the tree. 'report' and 'sp' are set in 'r' by the caller. */
bool reader_start(struct manifest_reader *r, struct span blob);
/* What a property means that is not in the list. */
enum manifest_foreign {
	FOREIGN_REFUSED, /* a mistake: nobody else reads this node */
	FOREIGN_PASSED,  /* another standard's */
	FOREIGN_TOLD,    /* perhaps the SP's own, which reads its manifest too, but it may be a mistake */
};
/* The properties of the node that was just entered. */
bool reader_properties(struct manifest_reader *r, struct manifest_node *n, const char *const *keys, unsigned key_count,
		       enum manifest_foreign foreign);
#define reader_read(r, n, keys) reader_properties(r, n, keys, ARRAY_SIZE(keys), FOREIGN_REFUSED)
#define reader_read_open(r, n, keys) reader_properties(r, n, keys, ARRAY_SIZE(keys), FOREIGN_PASSED)
#define reader_read_told(r, n, keys) reader_properties(r, n, keys, ARRAY_SIZE(keys), FOREIGN_TOLD)
/*
 * Enters the next child: *more is true and r->node its name. After the last one *more is false, the node that was being
 * read is left and r->node is 'parent', the name of the node around it.
 */
bool reader_child(struct manifest_reader *r, const char *parent, bool *more);
/* Leaves the node that was just entered, unread. */
bool reader_skip(struct manifest_reader *r, const char *parent);
/* The same, and it is told as a property by FOREIGN_TOLD is. */
bool reader_skip_told(struct manifest_reader *r, const char *parent);
/* For the rest of a node that has no children in the binding. */
bool reader_skip_children(struct manifest_reader *r, const char *parent);
/* For nodes that have no children. */
bool reader_no_children(struct manifest_reader *r, const char *parent);

static inline bool node_has(const struct manifest_node *n, unsigned key) { return n->values[key].data != NULL; }
/* The property must be there. */
bool node_require(const struct manifest_reader *r, const struct manifest_node *n, unsigned key);
/* A number of one or two cells up to 'max'; *out stays as it is if it is absent. */
bool node_number(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, uint64_t max,
		 uint64_t *out);
/* The same, and it must be there. */
bool node_required_number(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, uint64_t max,
			  uint64_t *out);
/* A property without a value. */
bool node_flag(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, bool *out);
/* Printable text, cut to size - 1 characters; *out stays as it is if it is absent. */
bool node_text(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, char *out, size_t size);
/* The property must be there and be the string. */
bool node_compatible(const struct manifest_reader *r, const struct manifest_node *n, unsigned key,
		     const char *expected);
/* Cells of a property; *count = 0 if it is absent. Not a multiple of 'group' cells, or more than 'max': refused. */
bool node_cells(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, unsigned group,
		unsigned max, uint32_t *out, unsigned *count);

#endif
