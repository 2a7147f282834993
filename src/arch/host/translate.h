/* SPDX-License-Identifier: MIT */
/* What a host test says a guest's stage 1 does. */
#ifndef ARCH_HOST_TRANSLATE_H
#define ARCH_HOST_TRANSLATE_H

#include "arch/translate.h"

/* If set, answers arch_translate_guest_va(); unset, stage 1 is off and VA = IPA. Per thread. */
extern _Thread_local bool (*host_translate)(uint64_t va, bool write, bool el0, uint64_t *ipa);

#endif
