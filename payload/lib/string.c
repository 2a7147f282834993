/* SPDX-License-Identifier: MIT */
#include "payload/lib/string.h"

/* As structures of registers are, which are copied and cleared most. */
static bool are_words(const void *a, const void *b, size_t size)
{
	return (((uintptr_t)a | (uintptr_t)b | size) & (sizeof(uint64_t) - 1)) == 0;
}

/* Volatile keeps the compiler from turning these loops into calls of themselves. */
void *memcpy(void *restrict dst, const void *restrict src, size_t size)
{
	if (!are_words(dst, src, size)) {
		return memmove(dst, src, size);
	}
	for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
		((volatile uint64_t *)dst)[i] = ((const volatile uint64_t *)src)[i];
	}
	return dst;
}

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

	if (are_words(dst, dst, size)) {
		for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
			((volatile uint64_t *)dst)[i] = (uint8_t)byte * UINT64_C(0x0101010101010101);
		}
		return dst;
	}
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
