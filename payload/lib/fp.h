/* SPDX-License-Identifier: MIT */
/* The FP/SIMD registers, FPCR and FPSR, which C here is compiled not to touch. */
#ifndef PAYLOAD_LIB_FP_H
#define PAYLOAD_LIB_FP_H

#include "payload/lib/base.h"

/* Fills them all with what follows from a seed. */
void fp_fill(uint64_t seed);
/* True if they are as fp_fill(seed) left them. */
bool fp_holds(uint64_t seed);

#endif
