/* SPDX-License-Identifier: MIT */
/* libfdt includes this name, and the compiler's own asks for a C library's. */
#ifndef LIB_LIBC_LIMITS_H
#define LIB_LIBC_LIMITS_H

#define INT_MAX __INT_MAX__
#define UINT_MAX (INT_MAX * 2U + 1U)

#endif
