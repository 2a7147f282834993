/* SPDX-License-Identifier: MIT */
/*
 * Escape sequences of terminals (ECMA-48, 5.3 to 5.6), told from text byte by byte: those that a VM prints, which would
 * move the cursor out of its line, and those that a terminal sends for function keys and as answers.
 */
#ifndef LIB_ESCAPE_H
#define LIB_ESCAPE_H

#include "lib/base.h"

/*
 * True if the byte is part of a sequence. '*state' is 0 outside of one. A control character ends a sequence and is no
 * part of it, except in a string such as a window's title, which lasts to BEL or ESC.
 */
bool escape_takes(uint8_t *state, uint8_t byte);

#endif
