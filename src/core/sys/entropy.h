/* SPDX-License-Identifier: MIT */
/*
 * Random numbers: a ChaCha20 generator with fast key erasure, keyed at boot from the loader's seeds (/chosen rng-seed
 * and kaslr-seed), the CPU's RNDR where it has FEAT_RNG, and the counter. core/port/entropy.h is how others ask.
 */
#ifndef CORE_SYS_ENTROPY_H
#define CORE_SYS_ENTROPY_H

#include "lib/base.h"

/* Keys the generator. Without seed and without RNDR there is no entropy, and entropy_get() says so. */
void entropy_init(const uint8_t *seed, size_t size);
/* 64 bits for EL2's own keys and guards: the counter helps out when there is no entropy. */
uint64_t entropy_word(void);

#endif
