/* SPDX-License-Identifier: MIT */
/* lib/heap.c against an array of what is in the heap. */
#include "cmocka_main.h"

#include <stdlib.h>

#include "lib/heap.h"

#include "vcpu_fixture.h"

#define NODES 40

static struct heap heap;
static struct heap_node nodes[NODES];

/* The one that must come first; NULL: none is in the heap. */
static struct heap_node *model_first(void)
{
	struct heap_node *first = NULL;

	for (unsigned i = 0; i < NODES; i++) {
		struct heap_node *node = &nodes[i];

		if (heap_has(node) && (first == NULL || node->key < first->key ||
				       (node->key == first->key && node->order < first->order))) {
			first = node;
		}
	}
	return first;
}

static int setup(void **state)
{
	(void)state;
	memset(&heap, 0, sizeof(heap));
	memset(nodes, 0, sizeof(nodes));
	return 0;
}

static void heap_gives_equal_keys_in_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NODES; i++) {
		heap_insert(&heap, &nodes[i], 7);
	}
	for (unsigned i = 0; i < NODES; i++) {
		assert_ptr_equal(heap_first(&heap), &nodes[i]);
		heap_remove(&heap, &nodes[i]);
		assert_false(heap_has(&nodes[i]));
	}
	assert_null(heap_first(&heap));
}

static void heap_removing_what_is_not_there_is_harmless(void **state)
{
	(void)state;
	heap_remove(&heap, &nodes[0]);
	heap_insert(&heap, &nodes[1], UINT64_MAX);
	heap_remove(&heap, &nodes[0]);
	heap_remove(&heap, &nodes[1]);
	heap_remove(&heap, &nodes[1]);
	assert_null(heap_first(&heap));
}

static void heap_matches_an_array(void **state)
{
	(void)state;
	random_seed();
	for (unsigned step = 0; step < 200000; step++) {
		struct heap_node *node = &nodes[random_below(NODES)];

		switch (random_below(3)) {
		case 0:
			heap_remove(&heap, node);
			break;
		case 1:
			node = heap_first(&heap);
			if (node != NULL) {
				heap_remove(&heap, node);
			}
			break;
		default:
			/* Twice as likely as it seems, so that it fills: the first of two may be in already. */
			for (unsigned i = 0; i < 2; i++) {
				node = &nodes[random_below(NODES)];
				if (!heap_has(node)) {
					heap_insert(&heap, node,
						    random_below(4) == 0 ? random_u64() : random_below(30));
				}
			}
			break;
		}
		assert_ptr_equal(heap_first(&heap), model_first());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(heap_gives_equal_keys_in_order, setup),
		cmocka_unit_test_setup(heap_removing_what_is_not_there_is_harmless, setup),
		cmocka_unit_test_setup(heap_matches_an_array, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
