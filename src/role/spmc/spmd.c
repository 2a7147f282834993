/* SPDX-License-Identifier: MIT */
#include "role/spmc/spmd.h"

#include "abi/psci.h"
#include "arch/smc.h"
#include "ffa/answer.h"
#include "ffa/discovery.h"
#include "ffa/endpoint.h"
#include "role/spmc/power.h"
#include "role/spmc/sp.h"

uint16_t spmd_id_get(void)
{
	struct smc_regs regs = { .x = { FFA_ID_GET } };

	arch_smc(&regs);
	return lo32(regs.x[0]) == FFA_SUCCESS ? (uint16_t)regs.x[2] : FFA_ID_NWD;
}

enum ffa_code spmd_register_entry(pa_t entry)
{
	struct smc_regs regs = { .x = { FFA_SECONDARY_EP_REGISTER_64, entry.v } };

	arch_smc(&regs);
	if ((lo32(regs.x[0]) & ~FFA_64) == FFA_SUCCESS) {
		return FFA_OK;
	}
	return (lo32(regs.x[0]) & ~FFA_64) == FFA_ERROR ? (enum ffa_code)(int32_t)lo32(regs.x[2]) : FFA_NOT_SUPPORTED;
}

/* The normal world turns this CPU off. Whatever is answered, the SPMD looks at the function id alone. */
static int32_t psci_request(struct cpu *cpu, uint32_t function)
{
	int32_t status = function == PSCI_CPU_OFF ? power_cpu_off(cpu) : PSCI_NOT_SUPPORTED;

	if (function == PSCI_CPU_OFF && status == PSCI_SUCCESS) {
		sp_timers_leave(cpu);
	}
	return status;
}

void spmd_message(struct cpu *cpu, uint64_t *x)
{
	uint32_t message = lo32(x[2]);
	uint32_t value = lo32(x[3]);
	uint32_t answer;

	switch (message) {
	case FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_PSCI_REQ:
		answer = FFA_FRAMEWORK_POWER_RESP;
		value = (uint32_t)psci_request(cpu, value);
		break;
	case FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_WARM_BOOT_REQ:
		answer = FFA_FRAMEWORK_POWER_RESP;
		value = PSCI_SUCCESS;
		break;
	case FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VERSION_REQ:
		answer = FFA_FRAMEWORK_VERSION_RESP;
		value = (uint32_t)ffa_version_negotiate(&ffa_nwd, value);
		break;
	default:
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	ffa_answer(x, FFA_MSG_SEND_DIRECT_RESP);
	x[1] = (uint32_t)FFA_ID_SPMC << 16 | FFA_ID_SPMD;
	x[2] = FFA_FRAMEWORK_MESSAGE | answer;
	x[3] = value;
}
