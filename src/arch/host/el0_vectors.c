/* SPDX-License-Identifier: MIT */
#include "arch/el0_vectors.h"

/* Nothing is executed here; tests look at where it is mapped. */
_Alignas(PAGE_SIZE) const uint8_t el0_vectors[PAGE_SIZE];
