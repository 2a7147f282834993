/* SPDX-License-Identifier: MIT */
/* A guest's own address translation, asked of the CPU. */
#ifndef ARCH_TRANSLATE_H
#define ARCH_TRANSLATE_H

#include "lib/base.h"

/*
 * The IPA that the loaded vCPU's stage 1 gives 'va' for a read or write by EL0 or EL1. False if it gives none (a
 * fault). The guest's PAR_EL1 is as before afterwards.
 */
bool arch_translate_guest_va(uint64_t va, bool write, bool el0, uint64_t *ipa);

#endif
