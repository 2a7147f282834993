/* SPDX-License-Identifier: MIT */
/* The ChaCha20 block function (RFC 8439, 2.3), for the random number generator. */
#ifndef LIB_CHACHA_H
#define LIB_CHACHA_H

#include "lib/base.h"

/* out = ChaCha20 block of the 16-word input state. */
void chacha20_block(const uint32_t in[16], uint32_t out[16]);

#endif
