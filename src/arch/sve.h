/* SPDX-License-Identifier: MIT */
/*
 * The scalable vector registers (FEAT_SVE, FEAT_SME) between memory and the CPU: Z0..Z31, P0..P15, FFR, FPSR, FPCR, as
 * long as they are at EL2 now (ZCR_EL2, or SMCR_EL2 in streaming mode). The caller has made access possible (CPTR_EL2).
 */
#ifndef ARCH_SVE_H
#define ARCH_SVE_H

#include "lib/base.h"

/* Bytes of a Z register out of streaming mode, and in it. With FEAT_SVE, or FEAT_SME. */
uint64_t sve_vector_bytes(void);
uint64_t sve_streaming_bytes(void);

/* What the functions below need, for vectors of that many bytes: two words, 32 vectors, FFR and 16 predicates. */
static inline size_t sve_area_size(uint64_t vector_bytes) { return 16 + 32 * vector_bytes + 17 * vector_bytes / 8; }

/* 'area' is aligned to 16 bytes. 'ffr': there is one (in streaming mode only with FEAT_SME_FA64). */
void sve_save(void *area, bool ffr);
void sve_load(const void *area, bool ffr);

#endif
