/* SPDX-License-Identifier: MIT */
/* Every word that decodes must describe an access that mmio.c can make. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/vcpu/insn.h"

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (; size >= 4; data += 4, size -= 4) {
		struct insn_access a;
		uint32_t word;

		memcpy(&word, data, sizeof(word));
		if (!insn_decode(word, &a)) {
			continue;
		}
		require(a.size == 1 || a.size == 2 || a.size == 4 || a.size == 8);
		require(a.count == 1 || (a.count == 2 && a.size >= 4));
		require(a.rt[0] < 32 && a.rt[1] < 32 && a.rn < 32);
		require(a.step >= -512 && a.step <= 504 && (a.offset == 0 || a.offset == a.step));
		require(a.load || !a.sign);
		require(!a.sign || a.size < 8);
		require(a.wide || a.size < 8);
		/* Only plain general-register loads and stores: bit 27 set, bit 25 and V clear. */
		require((word & 0x0e000000) == 0x08000000);
	}
	return 0;
}
