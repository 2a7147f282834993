/* SPDX-License-Identifier: MIT */
#include "ffa/console_log.h"

#include "arch/sysreg.h"
#include "core/mm/pool.h"
#include "ffa/answer.h"
#include "ffa/endpoint.h"
#include "ffa/memory.h"
#include "lib/log.h"

#define LINE_MAX 256
/* A partition's share of the log, in characters: at once, and then for each second. */
#define SHARE_BURST 16384u
#define SHARE_RATE 16384u
#define LINE_COST 32u /* of the time, the name and the line's end */

struct line {
	uint32_t length;
	char text[LINE_MAX];
};

/* Of one partition; pool's lock aside, only the console's nests inside 'lock'. */
struct ffa_console {
	struct spinlock lock;
	uint32_t used;        /* of the share; it exceeds SHARE_BURST by one call at most */
	uint64_t refilled_at; /* in ticks of the counter */
	struct line lines[];
};

static struct ffa_console *consoles_of(struct ffa_endpoint *e)
{
	struct ffa_console *c = atomic_load_acquire(&e->consoles), *found = NULL;
	size_t size = sizeof(*c) + e->vcpu_count * sizeof(struct line);

	if (c != NULL) {
		return c;
	}
	c = ffa_mem_alloc_object(size);
	if (c != NULL && !atomic_cas(&e->consoles, &found, c)) {
		pool_free_object(c, size); /* another vCPU of it was first */
		c = found;
	}
	return c;
}

static void refill(struct ffa_console *c)
{
	uint64_t hz = MAX(read_cntfrq_el0(), UINT64_C(1));
	uint64_t now = read_cntpct_el0();
	uint64_t passed = now - c->refilled_at;
	uint64_t credit = passed / hz >= SHARE_BURST / SHARE_RATE ? SHARE_BURST : passed * SHARE_RATE / hz;

	if (credit != 0) {
		c->used -= (uint32_t)MIN(credit, (uint64_t)c->used);
		c->refilled_at = now;
	}
}

static void line_out(struct ffa_endpoint *e, struct line *line)
{
	if (e->name != NULL) {
		log_info("%s: %.*s", e->name, (int)line->length, line->text);
	} else {
		log_info("%04x: %.*s", e->id, (int)line->length, line->text);
	}
	e->consoles->used += line->length + LINE_COST;
	line->length = 0;
}

/* Nothing that a terminal could take for a command gets through. */
static void put(struct ffa_endpoint *e, struct line *line, char ch)
{
	if (ch == '\n' || (ch == '\0' && line->length != 0)) {
		line_out(e, line);
	}
	if (ch == '\n' || ch == '\0' || ch == '\r') {
		return;
	}
	if (line->length == LINE_MAX) {
		line_out(e, line);
	}
	line->text[line->length++] = ch == '\t' || (ch >= ' ' && ch <= '~') ? ch : '.';
}

void ffa_console_log(struct ffa_endpoint *caller, unsigned vcpu, uint64_t *x)
{
	bool form64 = (x[0] & FFA_64) != 0;
	unsigned width = form64 ? 8 : 4;
	unsigned registers = form64 && caller->version >= FFA_VERSION_1_2 ? FFA_REGS - 2 : 6;
	uint32_t count = (uint32_t)x[1];
	struct ffa_console *c;
	bool taken;

	if (!ffa_is_local(caller)) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	if (count == 0 || count > registers * width) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	c = consoles_of(caller);
	if (c == NULL) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	spin_lock(&c->lock);
	refill(c);
	taken = c->used < SHARE_BURST;
	for (unsigned i = 0; taken && i < count; i++) {
		put(caller, &c->lines[vcpu], (char)(x[2 + i / width] >> (8 * (i % width))));
	}
	spin_unlock(&c->lock);
	ffa_answer_code(x, taken ? FFA_OK : FFA_RETRY);
}

void ffa_console_flush(struct ffa_endpoint *e)
{
	struct ffa_console *c = atomic_load_acquire(&e->consoles);

	if (c == NULL) {
		return;
	}
	spin_lock(&c->lock);
	for (unsigned v = 0; v < e->vcpu_count; v++) {
		if (c->lines[v].length != 0) {
			line_out(e, &c->lines[v]);
		}
	}
	spin_unlock(&c->lock);
}
