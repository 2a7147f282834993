/* SPDX-License-Identifier: MIT */
#include "role/spmc/loop.h"

#include "arch/smc.h"
#include "role/spmc/call.h"
#include "role/spmc/spmd.h"

/* SMCCC 1.3: the caller has no live SVE state. It may stand in any function id. */
#define SMCCC_NO_SVE UINT64_C(0x10000)

void spmc_loop(struct cpu *cpu)
{
	struct smc_regs call = { .x = { FFA_MSG_WAIT } };
	struct schedule *s = schedule_of(cpu);
	uint64_t *x = call.x;

	for (;;) {
		/* EL3 keeps each world's pointer authentication keys: Secure state has no PAuth without that. */
		arch_smc(&call);
		x[0] = lo32(x[0]) & ~SMCCC_NO_SVE;
		if (unlikely(spmd_is_message(x))) {
			spmd_message(cpu, x);
		} else {
			call_serve_normal_world(s, x);
		}
	}
}
