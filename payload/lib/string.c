/* SPDX-License-Identifier: MIT */
#include "payload/lib/string.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t size)
{
	return memmove(dst, src, size);
}

/* Volatile keeps the compiler from turning these loops into calls of themselves. */
void *memmove(void *dst, const void *src, size_t size)
{
	volatile uint8_t *to = dst;
	const volatile uint8_t *from = src;

	if (dst < src) {
		for (size_t i = 0; i < size; i++) {
			to[i] = from[i];
		}
	} else {
		while (size > 0) {
			size--;
			to[size] = from[size];
		}
	}
	return dst;
}

void *memset(void *dst, int byte, size_t size)
{
	volatile uint8_t *to = dst;

	for (size_t i = 0; i < size; i++) {
		to[i] = (uint8_t)byte;
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *left = a;
	const uint8_t *right = b;

	for (size_t i = 0; i < size; i++) {
		if (left[i] != right[i]) {
			return left[i] - right[i];
		}
	}
	return 0;
}

size_t strlen(const char *s)
{
	const volatile char *end = s;

	while (*end != '\0') {
		end++;
	}
	return (size_t)(end - s);
}

bool str_equal(const char *a, const char *b)
{
	for (; *a == *b; a++, b++) {
		if (*a == '\0') {
			return true;
		}
	}
	return false;
}

bool str_starts(const char *s, const char *prefix)
{
	for (; *prefix != '\0'; s++, prefix++) {
		if (*s != *prefix) {
			return false;
		}
	}
	return true;
}
