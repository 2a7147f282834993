/* SPDX-License-Identifier: MIT */
/* The CPU's own random numbers (FEAT_RNG). */
#ifndef ARCH_RANDOM_H
#define ARCH_RANDOM_H

#include "lib/base.h"

/* False if the CPU has none, or none at the moment. */
bool arch_random(uint64_t *value);

#endif
