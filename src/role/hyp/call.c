/* SPDX-License-Identifier: MIT */
/* HVC and SMC by a guest: PSCI is ours, the rest is what every image answers. */
#include "core/port/role.h"
#include "core/sys/smccc.h"
#include "role/hyp/psci.h"

enum trap_result role_call(struct vcpu *v)
{
	return likely(psci_owns(lo32(v->regs.x[0]))) ? psci_call(v) : smccc_call(v);
}
