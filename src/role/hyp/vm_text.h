/* SPDX-License-Identifier: MIT */
/*
 * What a VM printed: the newest VM_TEXT_SIZE bytes, and how to show them where other text stands too. There, a byte
 * that could move a terminal's cursor, or make it answer, is left out, so a VM writes nowhere but behind its own name.
 */
#ifndef ROLE_HYP_VM_TEXT_H
#define ROLE_HYP_VM_TEXT_H

#include "lib/base.h"

#define VM_TEXT_SIZE UINT32_C(65536) /* a power of two */
#define VM_TEXT_LINE_MAX 256         /* bytes of a VM in one line; what is longer goes on in the next */

/* The user holds the lock. */
struct vm_text {
	uint8_t *bytes; /* a ring */
	uint64_t end;   /* bytes ever printed; a byte's position is the number of those before it */
};

/* How far somebody has read. What is no longer kept is passed over. */
struct vm_text_place {
	uint64_t next;   /* position */
	uint8_t escape;  /* inside an escape sequence (escape.h) */
	bool continues;  /* inside a line of which a part has been read */
};

struct vm_text_line {
	bool visible;   /* false: nothing to show, not even an empty line */
	bool continues; /* goes on with the line before */
	unsigned length;
	char text[VM_TEXT_LINE_MAX]; /* printable ASCII and tabs; other bytes are '?' */
};

/* False if there is no memory. */
bool vm_text_init(struct vm_text *t);
void vm_text_free(struct vm_text *t);

static inline void vm_text_put(struct vm_text *t, uint8_t byte) { t->bytes[t->end++ % VM_TEXT_SIZE] = byte; }
static inline uint8_t vm_text_at(const struct vm_text *t, uint64_t position)
{
	return t->bytes[position % VM_TEXT_SIZE];
}
/* The position of the oldest byte that is kept. */
static inline uint64_t vm_text_oldest(const struct vm_text *t) { return t->end - MIN(t->end, (uint64_t)VM_TEXT_SIZE); }

/*
 * Reads the line at '*place', which moves behind it. A line is ended by LF or CR LF, or by a CR that something follows;
 * what is longer than VM_TEXT_LINE_MAX comes in pieces. False, and the place stays, if there is none: one that is not
 * ended counts only up to the position 'due'. Takes at most VM_TEXT_LINE_MAX bytes.
 */
bool vm_text_line(const struct vm_text *t, struct vm_text_place *place, uint64_t due, struct vm_text_line *line);

/* Where the last 'count' lines (1 or more) begin, as far as they are kept. */
uint64_t vm_text_tail(const struct vm_text *t, unsigned count);

/* The first start of a line at or behind 'position', or 'position' if no line starts there. */
uint64_t vm_text_line_start(const struct vm_text *t, uint64_t position);

#endif
