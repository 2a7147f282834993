/* SPDX-License-Identifier: MIT */
/*
 * HVC and SMC by a guest: who answers (docs/abi-map.md). PSCI and FF-A are ours, some services are what every image
 * answers, and what the manifest allows the VM (smc-allow) goes to the firmware. All else does not exist.
 */
#include "arch/smc.h"
#include "core/port/firmware.h"
#include "core/port/role.h"
#include "core/sys/smccc.h"
#include "lib/str.h"
#include "role/hyp/ffa/call.h"
#include "role/hyp/psci.h"
#include "role/hyp/vm.h"

static bool is_allowed(const struct vm_config *config, uint32_t id)
{
	for (unsigned i = 0; i < config->smc_count; i++) {
		if (config->smcs[i] == id) {
			return true;
		}
	}
	return false;
}

/* As SMCCC 1.0 has it, w7 says whose call it is, which the firmware may ask for; the VM's own x7 comes back. */
static enum trap_result hand_down(struct vcpu *v)
{
	struct smc_regs regs;
	uint64_t x7 = v->regs.x[7];

	memcpy(regs.x, v->regs.x, sizeof(regs.x));
	regs.x[7] = (x7 & ~UINT64_C(0xffff)) | (uint64_t)(v->vm->id + 1);
	firmware_call(&regs);
	memcpy(v->regs.x, regs.x, sizeof(regs.x));
	v->regs.x[7] = x7;
	return TRAP_RESUME;
}

/* Not inlined: the calls that count would pay for its frame. */
static __attribute__((noinline)) enum trap_result other_call(struct vcpu *v, uint32_t id)
{
	const struct vm_config *config = hyp_vm(v->vm)->config;

	if (ffa_owns(id)) {
		return ffa_call(v);
	}
	if (config->smc_count != 0 && is_allowed(config, id) && firmware_has_smccc_1_2()) {
		return hand_down(v);
	}
	return smccc_call(v);
}

enum trap_result role_call(struct vcpu *v)
{
	uint32_t id = lo32(v->regs.x[0]);

	return likely(psci_owns(id)) ? psci_call(v) : other_call(v, id);
}
