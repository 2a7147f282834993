/* SPDX-License-Identifier: MIT */
/* Circular doubly linked list; the head is a node. The user holds whatever lock the list needs. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "lib/base.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head) { head->next = head->prev = head; }
static inline bool list_empty(const struct list *head) { return head->next == head; }

static inline void list_insert(struct list *after, struct list *node)
{
	node->next = after->next;
	node->prev = after;
	after->next->prev = node;
	after->next = node;
}

static inline void list_append(struct list *head, struct list *node) { list_insert(head->prev, node); }

/* Takes the node out and leaves it alone, so that removing it again is harmless. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_for_each(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

#endif
