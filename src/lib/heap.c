/* SPDX-License-Identifier: MIT */
#include "lib/heap.h"

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

/* Makes one tree of two, whose tops have no 'next'. The caller sets 'prev' of the top that is returned. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
	struct heap_node *top = before(a, b) ? a : b, *below = top == a ? b : a;

	below->next = top->child;
	below->prev = top;
	if (top->child != NULL) {
		top->child->prev = below;
	}
	top->child = below;
	return top;
}

/* Makes one tree of a list of them: first in pairs, then each pair with what is behind it. That is what takes log n. */
static struct heap_node *meld_all(struct heap_node *list)
{
	struct heap_node *pairs = NULL, *top;

	while (list != NULL) {
		struct heap_node *a = list, *b = a->next;

		list = b != NULL ? b->next : NULL;
		a->next = NULL;
		if (b != NULL) {
			b->next = NULL;
			a = meld(a, b);
		}
		a->next = pairs;
		pairs = a;
	}
	top = pairs;
	pairs = top->next;
	top->next = NULL;
	while (pairs != NULL) {
		struct heap_node *pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		top = meld(top, pair);
	}
	return top;
}

/* Makes one more tree part of the heap. */
static void add(struct heap *heap, struct heap_node *tree)
{
	heap->first = heap->first == NULL ? tree : meld(heap->first, tree);
	heap->first->prev = heap->first;
}

void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
	*node = (struct heap_node){ .key = key, .order = heap->inserted++ };
	add(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	if (!heap_has(node)) {
		return;
	}
	if (heap->first == node) {
		heap->first = NULL;
	} else {
		if (node->prev->child == node) {
			node->prev->child = node->next;
		} else {
			node->prev->next = node->next;
		}
		if (node->next != NULL) {
			node->next->prev = node->prev;
		}
	}
	if (node->child != NULL) {
		add(heap, meld_all(node->child));
	}
	node->prev = NULL;
}
