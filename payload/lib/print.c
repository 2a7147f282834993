/* SPDX-License-Identifier: MIT */
#include "payload/lib/print.h"

#include "payload/lib/arch.h"

#define PL011_DR 0x000
#define PL011_FR 0x018
#define PL011_FR_TXFF BIT32(5)
#define PL011_LCRH 0x02c
#define PL011_CR 0x030

static struct spinlock print_lock;

struct text {
	char *next;
	char *end; /* the last byte, kept for the zero */
};

static void put(struct text *text, char c)
{
	if (text->next < text->end) {
		*text->next++ = c;
	}
}

static void put_number(struct text *text, uint64_t value, unsigned base, int width, char pad)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	for (; width > count; width--) {
		put(text, pad);
	}
	while (count > 0) {
		put(text, digits[--count]);
	}
}

static void put_string(struct text *text, const char *s, int width)
{
	for (; *s != '\0'; s++, width--) {
		put(text, *s);
	}
	for (; width > 0; width--) {
		put(text, ' ');
	}
}

static void put_signed(struct text *text, int64_t value, int width, char pad)
{
	if (value < 0) {
		put(text, '-');
		put_number(text, -(uint64_t)value, 10, width - 1, pad);
	} else {
		put_number(text, (uint64_t)value, 10, width, pad);
	}
}

/* va_list is an array type on some ABIs and a struct here: a pointer to this holds for both. */
struct args {
	va_list list;
};

/* One conversion; 'fmt' stands after the per cent sign. Returns its last character. */
static const char *convert(struct text *text, const char *fmt, struct args *args)
{
	char pad = *fmt == '0' ? '0' : ' ';
	int width = 0;
	bool is_long = false;

	for (; *fmt >= '0' && *fmt <= '9'; fmt++) {
		width = width * 10 + (*fmt - '0');
	}
	for (; *fmt == 'l'; fmt++) {
		is_long = true;
	}
	switch (*fmt) {
	case 's':
		put_string(text, va_arg(args->list, const char *), width);
		break;
	case 'c':
		put(text, (char)va_arg(args->list, int));
		break;
	case 'd':
		put_signed(text, is_long ? va_arg(args->list, int64_t) : va_arg(args->list, int), width, pad);
		break;
	case 'u':
	case 'x':
		put_number(text, is_long ? va_arg(args->list, uint64_t) : va_arg(args->list, uint32_t),
			   *fmt == 'x' ? 16 : 10, width, pad);
		break;
	default:
		put(text, *fmt);
	}
	return fmt;
}

void vprint_to(char *dst, size_t size, const char *fmt, va_list list)
{
	struct text text = { dst, dst + size - 1 };
	struct args args;

	va_copy(args.list, list);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			put(&text, *fmt);
		} else {
			fmt = convert(&text, fmt + 1, &args);
		}
	}
	*text.next = '\0';
	va_end(args.list);
}

void print_to(char *dst, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprint_to(dst, size, fmt, args);
	va_end(args);
}

void uart_init(void)
{
	mmio_write32(UART_BASE + PL011_LCRH, 0x70); /* 8 bits, FIFO on */
	mmio_write32(UART_BASE + PL011_CR, 0x301);  /* UART, transmitter, receiver on */
}

void print(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vprint_to(line, sizeof(line), fmt, args);
	va_end(args);

	spin_lock(&print_lock);
	for (const char *c = line; *c != '\0'; c++) {
		while ((mmio_read32(UART_BASE + PL011_FR) & PL011_FR_TXFF) != 0) {
			continue;
		}
		mmio_write32(UART_BASE + PL011_DR, (uint8_t)*c);
	}
	spin_unlock(&print_lock);
}
