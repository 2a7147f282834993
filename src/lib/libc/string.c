/* SPDX-License-Identifier: MIT */
/*
 * The image's own <string.h> functions; compilers emit calls to the first four. Words are only accessed at their
 * natural alignment, because boot code runs with the MMU off, where all memory is Device memory. Host builds use the
 * C library's; test_str.c includes this file under other names.
 */
#include "lib/str.h"

#include "lib/base.h"

/* A compiler that knows these loops would turn them into calls of the functions that they are. */
#if defined(__clang__)
#define IDIOM
#else
#define IDIOM __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

/* Eight bytes of any object. */
struct word {
	uint64_t v;
} __attribute__((may_alias));

#define WORD sizeof(struct word)
#define BURST 8 /* words moved in one turn */

static bool aligned(const void *p)
{
	return IS_ALIGNED((uintptr_t)p, WORD);
}

/*
 * Both aligned. All loads of a turn come before its stores, so overlap with dst < src is harmless. Returns the bytes
 * done.
 */
IDIOM static size_t copy_words_up(uint8_t *dst, const uint8_t *src, size_t size)
{
	struct word *d = (struct word *)(void *)dst;
	const struct word *s = (const struct word *)(const void *)src;
	size_t left = size;

	for (; left >= BURST * WORD; left -= BURST * WORD, d += BURST, s += BURST) {
		struct word a = s[0], b = s[1], c = s[2], e = s[3], f = s[4], g = s[5], h = s[6], i = s[7];

		d[0] = a, d[1] = b, d[2] = c, d[3] = e, d[4] = f, d[5] = g, d[6] = h, d[7] = i;
	}
	/* What is left is mostly all there ever was: no loop. */
	if ((left & 4 * WORD) != 0) {
		struct word a = s[0], b = s[1], c = s[2], e = s[3];

		d[0] = a, d[1] = b, d[2] = c, d[3] = e;
		d += 4, s += 4;
	}
	if ((left & 2 * WORD) != 0) {
		struct word a = s[0], b = s[1];

		d[0] = a, d[1] = b;
		d += 2, s += 2;
	}
	if ((left & WORD) != 0) {
		*d = *s;
	}
	return size - left % WORD;
}

/*
 * dst is aligned, src is not: each word is joined from two aligned ones. Only words that lie wholly inside the source
 * are read. Little-endian.
 */
IDIOM static size_t copy_shifted_up(uint8_t *dst, const uint8_t *src, size_t size)
{
	unsigned skew = (unsigned)((uintptr_t)src & (WORD - 1));
	const struct word *s = (const struct word *)(const void *)(src - skew + WORD);
	struct word *d = (struct word *)(void *)dst;
	uint64_t low = 0;
	size_t left = size;

	if (size < 2 * WORD) {
		return 0;
	}
	for (unsigned i = 0; i < WORD - skew; i++) {
		low |= (uint64_t)src[i] << (8 * i);
	}
	for (; left >= 2 * WORD; left -= WORD) {
		uint64_t next = (s++)->v;

		(d++)->v = low | next << (8 * (WORD - skew));
		low = next >> (8 * skew);
	}
	return size - left;
}

/* For any ranges but those where dst lies inside the source behind its start. */
IDIOM static void copy_up(uint8_t *dst, const uint8_t *src, size_t size)
{
	size_t done;

	for (; size != 0 && !aligned(dst); size--) {
		*dst++ = *src++;
	}
	done = aligned(src) ? copy_words_up(dst, src, size) : copy_shifted_up(dst, src, size);
	for (dst += done, src += done, size -= done; size != 0; size--) {
		*dst++ = *src++;
	}
}

/* The mirror image, from the end. */
IDIOM static void copy_down(uint8_t *dst, const uint8_t *src, size_t size)
{
	dst += size;
	src += size;
	if ((((uintptr_t)dst ^ (uintptr_t)src) & (WORD - 1)) == 0) {
		for (; size != 0 && !aligned(dst); size--) {
			*--dst = *--src;
		}
		for (; size >= WORD; size -= WORD) {
			dst -= WORD;
			src -= WORD;
			*(struct word *)(void *)dst = *(const struct word *)(const void *)src;
		}
	}
	for (; size != 0; size--) {
		*--dst = *--src;
	}
}

void *memcpy(void *restrict dst, const void *restrict src, size_t size)
{
	copy_up(dst, src, size);
	return dst;
}

void *memmove(void *dst, const void *src, size_t size)
{
	if ((uintptr_t)dst - (uintptr_t)src >= size) {
		copy_up(dst, src, size);
	} else {
		copy_down(dst, src, size);
	}
	return dst;
}

IDIOM void *memset(void *dst, int byte, size_t size)
{
	const struct word w = { (uint8_t)byte * UINT64_C(0x0101010101010101) };
	uint8_t *p = dst;
	struct word *d;

	for (; size != 0 && !aligned(p); size--) {
		*p++ = (uint8_t)byte;
	}
	d = (struct word *)(void *)p;
	for (; size >= BURST * WORD; size -= BURST * WORD, d += BURST) {
		d[0] = w, d[1] = w, d[2] = w, d[3] = w, d[4] = w, d[5] = w, d[6] = w, d[7] = w;
	}
	if ((size & 4 * WORD) != 0) {
		d[0] = w, d[1] = w, d[2] = w, d[3] = w;
		d += 4;
	}
	if ((size & 2 * WORD) != 0) {
		d[0] = w, d[1] = w;
		d += 2;
	}
	if ((size & WORD) != 0) {
		*d++ = w;
	}
	for (p = (uint8_t *)d, size %= WORD; size != 0; size--) {
		*p++ = (uint8_t)byte;
	}
	return dst;
}

IDIOM int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;

	for (; size != 0; size--, x++, y++) {
		if (*x != *y) {
			return *x - *y;
		}
	}
	return 0;
}

void *memchr(const void *s, int byte, size_t size)
{
	for (const uint8_t *p = s; size != 0; size--, p++) {
		if (*p == (uint8_t)byte) {
			return (void *)(uintptr_t)p;
		}
	}
	return NULL;
}

IDIOM size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0') {
		n++;
	}
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0') {
		n++;
	}
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a == *b && *a != '\0'; a++, b++) {
	}
	return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max != 0; max--, a++, b++) {
		if (*a != *b || *a == '\0') {
			return (uint8_t)*a - (uint8_t)*b;
		}
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (*s == '\0') {
			return NULL;
		}
	}
	return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do {
		if (*s == (char)c) {
			last = s;
		}
	} while (*s++ != '\0');
	return (char *)(uintptr_t)last;
}
