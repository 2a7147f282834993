/* SPDX-License-Identifier: MIT */
/*
 * Sequences of memory calls, in any order and with any fields, by three SPs and the normal world: each is answered as a
 * plain list of pages predicts, and changes just that (test/unit/ffa/memory_sps.h).
 */
#include "../unit/ffa/memory_sps.h"

#include "ffa_memory_fuzz.h"
