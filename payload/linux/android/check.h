/* SPDX-License-Identifier: MIT */
/* The topics, and what they report with. */
#pragma once

#include "payload/linux/lib/check.h"

void test_machine(void);
void test_binder(void);
void test_memfd(void);
void test_pressure(void);
void test_cgroup(void);
void test_overlay(void);
void test_verity(void);
