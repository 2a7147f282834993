/* SPDX-License-Identifier: MIT */
/*
 * Sequences of memory calls, in any order and with any fields, by three guests of a hypervisor, with an SPMC below that
 * is played: each is answered as a plain list of pages predicts, and changes just that (test/unit/ffa/memory_guests.h).
 */
#include "../unit/ffa/memory_guests.h"

#include "ffa_memory_fuzz.h"
