/* SPDX-License-Identifier: MIT */
/* cmocka wants these before itself. */
#ifndef TEST_CMOCKA_MAIN_H
#define TEST_CMOCKA_MAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
