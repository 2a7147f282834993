/* SPDX-License-Identifier: MIT */
#include "arch/translate.h"

#include "arch/barrier.h"
#include "arch/sysreg.h"

#define PAR_F BIT(0)
#define PAR_ADDRESS GENMASK(47, 12)

bool arch_translate_guest_va(uint64_t va, bool write, bool el0, uint64_t *ipa)
{
	uint64_t saved = read_par_el1();
	uint64_t par;

	/* Stage 1 only, of the regime that HCR_EL2 and the guest's registers describe now. */
	if (el0) {
		if (write) {
			__asm__ volatile("at s1e0w, %0" ::"r"(va));
		} else {
			__asm__ volatile("at s1e0r, %0" ::"r"(va));
		}
	} else if (write) {
		__asm__ volatile("at s1e1w, %0" ::"r"(va));
	} else {
		__asm__ volatile("at s1e1r, %0" ::"r"(va));
	}
	isb();
	par = read_par_el1();
	write_par_el1(saved);
	if ((par & PAR_F) != 0) {
		return false;
	}
	*ipa = (par & PAR_ADDRESS) | (va & GENMASK(11, 0));
	return true;
}
