/* SPDX-License-Identifier: MIT */
#include "role/spmc/refuse.h"

#include "abi/psci.h"
#include "ffa/answer.h"
#include "role/spmc/spmd.h"

#define SMCCC_NO_SVE UINT64_C(0x10000)

static void answer_spmd(struct refusal *r, uint64_t *x)
{
	bool version = lo32(x[2]) == (FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VERSION_REQ);

	r->off = lo32(x[2]) == (FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_PSCI_REQ) && lo32(x[3]) == PSCI_CPU_OFF;
	ffa_answer(x, FFA_MSG_SEND_DIRECT_RESP);
	x[1] = (uint32_t)FFA_ID_SPMC << 16 | FFA_ID_SPMD;
	x[2] = FFA_FRAMEWORK_MESSAGE | (version ? FFA_FRAMEWORK_VERSION_RESP : FFA_FRAMEWORK_POWER_RESP);
	x[3] = (uint32_t)(version ? FFA_NOT_SUPPORTED : r->off ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED);
}

/*
 * TF-A 2.12 keeps the boot CPU in its "starting" state for ever after FFA_ERROR, and another FFA_ERROR would make EL3
 * return into a stack frame that is gone. It cannot come so far with a caller that minds the answer to FFA_VERSION; for
 * others FFA_INTERRUPT is the answer that promises nothing.
 */
void refuse_answer(struct refusal *r, uint64_t *x)
{
	uint32_t id;

	x[0] = lo32(x[0]) & ~SMCCC_NO_SVE;
	id = lo32(x[0]);
	if (r->off) {
		/* On again; the registers are those of the last answer. */
		*r = (struct refusal){ 0 };
		ffa_answer(x, FFA_MSG_WAIT);
	} else if (spmd_is_message(x)) {
		answer_spmd(r, x);
	} else if (id == FFA_INTERRUPT) {
		ffa_answer(x, FFA_NORMAL_WORLD_RESUME);
	} else if (r->starting) {
		ffa_answer(x, FFA_INTERRUPT);
	} else {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
	}
}
