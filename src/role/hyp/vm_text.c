/* SPDX-License-Identifier: MIT */
#include "role/hyp/vm_text.h"

#include "core/mm/pool.h"
#include "lib/escape.h"

bool vm_text_init(struct vm_text *t)
{
	t->bytes = pool_alloc_object(VM_TEXT_SIZE);
	t->end = 0;
	return t->bytes != NULL;
}

void vm_text_free(struct vm_text *t)
{
	pool_free_object(t->bytes, VM_TEXT_SIZE);
}

/* ---- bytes ---- */

/* True if the byte is text. Such a byte is no part of a sequence and no control character. */
static bool is_text(uint8_t *escape, uint8_t byte)
{
	return !escape_takes(escape, byte) && (byte == '\t' || (byte >= ' ' && byte != 0x7f));
}

/* The byte before 'next' ends a line. A CR does if something follows it that is neither CR nor LF. */
static bool ends_line(const struct vm_text *t, uint64_t next)
{
	uint8_t byte = vm_text_at(t, next - 1);
	uint8_t after;

	if (byte != '\r' || next == t->end) {
		return byte == '\n';
	}
	after = vm_text_at(t, next);
	return after != '\r' && after != '\n';
}

/* ---- lines ---- */

bool vm_text_line(const struct vm_text *t, struct vm_text_place *place, uint64_t due, struct vm_text_line *line)
{
	struct vm_text_place p = *place;
	bool ended = false;
	uint64_t limit;

	if (p.next < vm_text_oldest(t)) {
		p = (struct vm_text_place){ .next = vm_text_oldest(t) };
	}
	limit = p.next + VM_TEXT_LINE_MAX;
	line->length = 0;
	line->continues = p.continues;
	while (!ended && p.next != limit && p.next != t->end) {
		uint8_t byte = vm_text_at(t, p.next++);

		ended = ends_line(t, p.next);
		if (!ended && is_text(&p.escape, byte)) {
			line->text[line->length++] = byte < 0x80 ? (char)byte : '?';
		}
	}
	if (!ended && p.next != limit && (p.next > due || p.next == place->next)) {
		return false;
	}
	/* The end of a line whose text has been read shows nothing, and neither does a CR at a line's start. */
	line->visible = line->length != 0 || (ended && !line->continues && vm_text_at(t, p.next - 1) == '\n');
	p.continues = !ended && (p.continues || line->length != 0);
	if (ended) {
		p.escape = 0;
	}
	*place = p;
	return true;
}

uint64_t vm_text_tail(const struct vm_text *t, unsigned count)
{
	uint64_t oldest = vm_text_oldest(t);
	uint64_t at = t->end;

	/* Behind the end of the last line no other begins. */
	at -= at != oldest && vm_text_at(t, at - 1) == '\n' ? 1 : 0;
	for (; at != oldest; at--) {
		if (vm_text_at(t, at - 1) == '\n' && --count == 0) {
			break;
		}
	}
	return at;
}

uint64_t vm_text_line_start(const struct vm_text *t, uint64_t position)
{
	for (uint64_t at = position; at != t->end; at++) {
		if (at != 0 && at != vm_text_oldest(t) && vm_text_at(t, at - 1) == '\n') {
			return at;
		}
	}
	return position;
}
