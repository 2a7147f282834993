/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include "arch/spinlock.h"
#include "core/port/host.h"
#include "core/sys/console.h"
#include "lib/escape.h"
#include "lib/fmt.h"
#include "lib/str.h"

#define LIMIT_BURST 8

static struct spinlock console_lock;
static char last_char = '\n';
static enum log_level level_max = LOG_INFO;

/* What is said before there is a console waits here, as far as there is room. */
static char early[512];
static unsigned early_length;

/* A whole line that the UART has not taken all of yet. Whoever else prints ends it first. */
static char waiting[CONSOLE_LINE_MAX + 4]; /* with a line's end before it, perhaps, and behind it */
static unsigned waiting_size, waiting_next;

/*
 * The text of a guest's line that has not ended. The log may have to end it, and shows it once more behind: then a
 * prompt can still be read, by a person and by a program that waits for it.
 */
static struct {
	char text[CONSOLE_LINE_MAX];
	unsigned length;
	uint8_t escape;
} guest_line;

static bool line_is_out(void)
{
	return waiting_next >= waiting_size;
}

/* What the UART takes now. True if that was the rest. */
static bool send_line(void)
{
	while (!line_is_out() && console_try_putc(waiting[waiting_next])) {
		waiting_next++;
	}
	return line_is_out();
}

static __attribute__((noinline)) void end_line(void)
{
	while (!line_is_out()) {
		console_putc(waiting[waiting_next++]);
	}
}

/* Apart, so that the usual character is quick. */
static __attribute__((noinline)) void flush_early(void)
{
	for (unsigned i = 0; i < early_length; i++) {
		console_putc(early[i]);
	}
	early_length = 0;
}

static inline void put(char c)
{
	if (unlikely(!console_ready())) {
		if (early_length < sizeof(early)) {
			early[early_length++] = c;
		}
		return;
	}
	if (unlikely(early_length != 0)) {
		flush_early();
	}
	if (unlikely(!line_is_out())) {
		end_line();
	}
	console_putc(c);
}

/* Leaves the line that somebody has begun as it is. */
static void between_put(struct fmt_sink *sink unused_arg, char c)
{
	if (c == '\n') {
		put('\r');
	}
	put(c);
}

static struct fmt_sink between_sink = { .put = between_put };

static void sink_put(struct fmt_sink *sink, char c)
{
	between_put(sink, c);
	last_char = c;
	guest_line.length = 0;
}

static struct fmt_sink console_sink = { .put = sink_put };

struct fmt_sink *console_begin(void)
{
	spin_lock(&console_lock);
	return &console_sink;
}

void console_end(void)
{
	spin_unlock(&console_lock);
}

struct fmt_sink *console_seize(void)
{
	return &console_sink;
}

static void note_guest_char(char c)
{
	uint8_t byte = (uint8_t)c;

	last_char = c == '\r' ? '\n' : c;
	if (escape_takes(&guest_line.escape, byte)) {
		return;
	}
	if (byte == '\n' || byte == '\r') {
		guest_line.length = 0;
	} else if (byte == '\b') {
		guest_line.length -= guest_line.length != 0;
	} else if (byte >= ' ' && byte != 0x7f && guest_line.length < sizeof(guest_line.text)) {
		guest_line.text[guest_line.length++] = c;
	}
}

bool console_try_raw(char c)
{
	bool taken;

	spin_lock(&console_lock);
	taken = (likely(line_is_out()) || send_line()) && console_try_putc(c);
	if (taken) {
		note_guest_char(c);
	}
	spin_unlock(&console_lock);
	return taken;
}

static void add_to_line(const char *text, unsigned length)
{
	memcpy(waiting + waiting_size, text, length);
	waiting_size += length;
}

bool console_try_line(const char *text, unsigned length)
{
	bool taken;

	spin_lock(&console_lock);
	taken = send_line();
	if (taken && text != NULL) {
		waiting_size = waiting_next = 0;
		if (last_char != '\n') {
			add_to_line("\r\n", 2);
		}
		add_to_line(text, MIN(length, (unsigned)CONSOLE_LINE_MAX));
		add_to_line("\r\n", 2);
		last_char = '\n';
		guest_line.length = 0;
		(void)send_line();
	}
	spin_unlock(&console_lock);
	return taken;
}

void console_fresh_line(void)
{
	if (last_char != '\n') {
		sink_put(&console_sink, '\n');
	}
}

static uint64_t microseconds(void)
{
	uint64_t hz = MAX(read_cntfrq_el0(), UINT64_C(1));
	uint64_t now = read_cntpct_el0();

	return now / hz * 1000000 + now % hz * 1000000 / hz;
}

static void vlog(const char *fmt, va_list args)
{
	uint64_t us = microseconds();
	struct fmt_sink *sink = &between_sink;

	spin_lock(&console_lock);
	if (last_char != '\n') {
		fmt_print(sink, "\n");
	}
	fmt_print(sink, "[%4u.%06u] ", (unsigned)(us / 1000000), (unsigned)(us % 1000000));
	fmt_vprint(sink, fmt, args);
	fmt_print(sink, "\n");
	if (guest_line.length == 0) {
		last_char = '\n';
	}
	for (unsigned i = 0; i < guest_line.length; i++) {
		put(guest_line.text[i]);
	}
	spin_unlock(&console_lock);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	va_list args;

	if (level > level_max) {
		return;
	}
	va_start(args, fmt);
	vlog(fmt, args);
	va_end(args);
}

void log_limited(struct log_limit *limit, const char *fmt, ...)
{
	uint64_t second = microseconds() / 1000000;
	va_list args;

	if (level_max < LOG_WARN) {
		return;
	}
	if (second > limit->last_refill) {
		uint64_t passed = second - limit->last_refill;

		limit->last_refill = second;
		limit->used = passed >= limit->used ? 0 : limit->used - (uint32_t)passed;
	}
	if (limit->used >= LIMIT_BURST) {
		limit->dropped++;
		return;
	}
	limit->used++;
	if (limit->dropped != 0) {
		uint32_t dropped = limit->dropped;

		limit->dropped = 0;
		log_warn("(%u messages of this source dropped)", dropped);
	}
	va_start(args, fmt);
	vlog(fmt, args);
	va_end(args);
}

enum log_level log_level_get(void)
{
	return level_max;
}

void log_level_set(enum log_level level)
{
	level_max = level;
}
