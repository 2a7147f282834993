/* SPDX-License-Identifier: MIT */
/*
 * A priority queue whose nodes are part of what is queued (a pairing heap): the smallest key comes first, of equal
 * keys the one that was inserted first. Inserting and looking at the first take constant time, removing takes log n in
 * the mean over what was inserted. A zeroed node is in no heap, a zeroed heap is empty. The user holds whatever lock it
 * needs.
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include "lib/base.h"

struct heap_node {
	struct heap_node *child; /* the first of those below, none of which comes before this one */
	struct heap_node *next;  /* the next below the same node */
	struct heap_node *prev;  /* whose 'child' or 'next' this is; itself if it is the first; NULL: in no heap */
	uint64_t key;
	uint64_t order; /* of inserting */
};

struct heap {
	struct heap_node *first; /* NULL: empty */
	uint64_t inserted;       /* so far */
};

static inline struct heap_node *heap_first(const struct heap *heap) { return heap->first; }
static inline bool heap_has(const struct heap_node *node) { return node->prev != NULL; }

/* The node is in no heap. */
void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key);
/* The node is in this heap, or in none, which is harmless. */
void heap_remove(struct heap *heap, struct heap_node *node);

#endif
