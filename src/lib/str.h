/* SPDX-License-Identifier: MIT */
/* The memory and string functions of <string.h> that a freestanding image (and libfdt in it) needs. */
#ifndef LIB_STR_H
#define LIB_STR_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *s, int byte, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/* Copies at most size - 1 characters and always ends dst with a zero; returns false if src did not fit. */
_Bool str_copy(char *dst, const char *src, size_t size);

#endif
