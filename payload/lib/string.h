/* SPDX-License-Identifier: MIT */
/* What the compiler may call, and little more. */
#ifndef PAYLOAD_LIB_STRING_H
#define PAYLOAD_LIB_STRING_H

#include "payload/lib/base.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
bool str_equal(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);

#endif
