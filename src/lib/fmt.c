/* SPDX-License-Identifier: MIT */
#include "lib/fmt.h"

#include "lib/str.h"

/* One conversion: %[flags][width][.precision][length]letter. */
struct spec {
	bool left, zero, alternate;
	int width;
	int precision; /* negative: none */
	unsigned size; /* of the argument, bytes */
};

static void put_repeat(struct fmt_sink *sink, char c, int count)
{
	for (; count > 0; count--) {
		sink->put(sink, c);
	}
}

/* Text of 'length' characters behind a sign or "0x", filled up to the width. */
static void put_field(struct fmt_sink *sink, const struct spec *spec, const char *prefix, int zeros, const char *text,
		      int length)
{
	int fill = spec->width - (int)strlen(prefix) - zeros - length;

	if (!spec->left) {
		put_repeat(sink, ' ', fill);
	}
	for (; *prefix != '\0'; prefix++) {
		sink->put(sink, *prefix);
	}
	put_repeat(sink, '0', zeros);
	for (int i = 0; i < length; i++) {
		sink->put(sink, text[i]);
	}
	if (spec->left) {
		put_repeat(sink, ' ', fill);
	}
}

static void put_number(struct fmt_sink *sink, const struct spec *spec, uint64_t value, unsigned base, bool upper,
		       const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[20];
	int start = sizeof(text);
	int length, zeros;

	for (; value != 0; value /= base) {
		text[--start] = digits[value % base];
	}
	length = (int)sizeof(text) - start;
	/* Without a precision at least one digit stands, or the zeros that fill the width. */
	zeros = MAX(spec->precision < 0 ? 1 : spec->precision, length) - length;
	if (spec->zero && !spec->left && spec->precision < 0) {
		zeros = MAX(zeros, spec->width - (int)strlen(prefix) - length);
	}
	put_field(sink, spec, prefix, zeros, text + start, length);
}

static void put_string(struct fmt_sink *sink, const struct spec *spec, const char *s)
{
	size_t max = spec->precision < 0 ? INT32_MAX : (size_t)spec->precision;

	if (s == NULL) {
		s = "(null)";
	}
	put_field(sink, spec, "", 0, s, (int)strnlen(s, max));
}

/* va_list is passed on by pointer through a structure, since it may be an array type. */
struct args {
	va_list list;
};

static int64_t signed_arg(struct args *args, unsigned size)
{
	switch (size) {
	case 1:
		return (signed char)va_arg(args->list, int);
	case 2:
		return (short)va_arg(args->list, int);
	case 4:
		return va_arg(args->list, int);
	default:
		return va_arg(args->list, int64_t);
	}
}

static uint64_t unsigned_arg(struct args *args, unsigned size)
{
	switch (size) {
	case 1:
		return (uint8_t)va_arg(args->list, unsigned);
	case 2:
		return (uint16_t)va_arg(args->list, unsigned);
	case 4:
		return va_arg(args->list, unsigned);
	default:
		return va_arg(args->list, uint64_t);
	}
}

/* A decimal number or '*'. Numbers beyond any sensible field are cut, so that the sum of two does not overflow. */
static int read_count(const char **p, struct args *args)
{
	int n = 0;

	if (**p == '*') {
		(*p)++;
		n = va_arg(args->list, int);
		return MAX(MIN(n, INT16_MAX), -INT16_MAX);
	}
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		n = MIN(n * 10 + (**p - '0'), INT16_MAX);
	}
	return n;
}

static struct spec read_spec(const char **p, struct args *args)
{
	struct spec spec = { .precision = -1, .size = sizeof(int) };

	for (;; (*p)++) {
		if (**p == '-') {
			spec.left = true;
		} else if (**p == '0') {
			spec.zero = true;
		} else if (**p == '#') {
			spec.alternate = true;
		} else {
			break;
		}
	}
	spec.width = read_count(p, args);
	if (spec.width < 0) {
		spec.left = true;
		spec.width = -spec.width;
	}
	if (**p == '.') {
		(*p)++;
		spec.precision = read_count(p, args);
	}
	if (**p == 'z') {
		spec.size = sizeof(size_t);
		(*p)++;
	}
	for (; **p == 'h'; (*p)++) {
		spec.size /= 2;
	}
	for (; **p == 'l'; (*p)++) {
		spec.size = sizeof(uint64_t);
	}
	return spec;
}

static void convert(struct fmt_sink *sink, const struct spec *spec, char letter, struct args *args)
{
	int64_t s;
	uint64_t u;
	char c;

	switch (letter) {
	case 'd':
	case 'i':
		s = signed_arg(args, spec->size);
		put_number(sink, spec, s < 0 ? -(uint64_t)s : (uint64_t)s, 10, false, s < 0 ? "-" : "");
		break;
	case 'u':
		put_number(sink, spec, unsigned_arg(args, spec->size), 10, false, "");
		break;
	case 'x':
	case 'X':
		u = unsigned_arg(args, spec->size);
		put_number(sink, spec, u, 16, letter == 'X',
			   spec->alternate && u != 0 ? (letter == 'X' ? "0X" : "0x") : "");
		break;
	case 'p':
		put_number(sink, spec, (uintptr_t)va_arg(args->list, void *), 16, false, "0x");
		break;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_field(sink, spec, "", 0, &c, 1);
		break;
	case 's':
		put_string(sink, spec, va_arg(args->list, const char *));
		break;
	case '%':
		sink->put(sink, '%');
		break;
	default:
		/* The compiler checks formats; this shows what slipped through. */
		sink->put(sink, '%');
		sink->put(sink, letter);
	}
}

void fmt_vprint(struct fmt_sink *sink, const char *fmt, va_list args)
{
	struct args copy;

	va_copy(copy.list, args);
	for (; *fmt != '\0'; fmt++) {
		struct spec spec;

		if (*fmt != '%') {
			sink->put(sink, *fmt);
			continue;
		}
		fmt++;
		spec = read_spec(&fmt, &copy);
		if (*fmt == '\0') {
			break;
		}
		convert(sink, &spec, *fmt, &copy);
	}
	va_end(copy.list);
}

void fmt_print(struct fmt_sink *sink, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fmt_vprint(sink, fmt, args);
	va_end(args);
}

struct string_sink {
	struct fmt_sink sink;
	char *dst;
	size_t size;
	size_t length;
};

static void string_put(struct fmt_sink *sink, char c)
{
	struct string_sink *s = container_of(sink, struct string_sink, sink);

	if (s->length + 1 < s->size) {
		s->dst[s->length] = c;
	}
	s->length++;
}

size_t fmt_vstring(char *dst, size_t size, const char *fmt, va_list args)
{
	struct string_sink s = { .sink.put = string_put, .dst = dst, .size = size };

	fmt_vprint(&s.sink, fmt, args);
	if (size != 0) {
		dst[MIN(s.length, size - 1)] = '\0';
	}
	return s.length;
}

size_t fmt_string(char *dst, size_t size, const char *fmt, ...)
{
	va_list args;
	size_t length;

	va_start(args, fmt);
	length = fmt_vstring(dst, size, fmt, args);
	va_end(args);
	return length;
}
