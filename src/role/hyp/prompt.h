/* SPDX-License-Identifier: MIT */
/* The hypervisor's prompt: a line editor and a table of commands (prompt.c). Functions as in console.h. */
#ifndef ROLE_HYP_PROMPT_H
#define ROLE_HYP_PROMPT_H

#include "lib/base.h"

#define PROMPT_ESCAPE 0x1d /* Ctrl-] */

void prompt_open(void);
void prompt_close(void);
bool prompt_is_open(void);
/* Somebody has begun a line. */
bool prompt_is_typing(void);
/* A key, while it is open. May run a command. */
void prompt_key(uint8_t key);
/* Prints the prompt, if it is open, on a line of its own. */
void prompt_show(void);

#endif
