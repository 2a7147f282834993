/* SPDX-License-Identifier: MIT */
#include "arch/host/translate.h"

_Thread_local bool (*host_translate)(uint64_t va, bool write, bool el0, uint64_t *ipa);

bool arch_translate_guest_va(uint64_t va, bool write, bool el0, uint64_t *ipa)
{
	if (host_translate != NULL) {
		return host_translate(va, write, el0, ipa);
	}
	*ipa = va;
	return true;
}
