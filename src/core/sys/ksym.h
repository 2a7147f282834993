/* SPDX-License-Identifier: MIT */
/* Names of our own functions, for reports. The table is made from the first link and put in by the second. */
#ifndef CORE_SYS_KSYM_H
#define CORE_SYS_KSYM_H

#include "lib/base.h"

/* The function that holds 'address' and how far into it; NULL if it is not code of ours. */
const char *ksym_lookup(uint64_t address, uint64_t *offset);

#endif
