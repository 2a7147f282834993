/* SPDX-License-Identifier: MIT */
#include "role/spmc/power.h"

#include "abi/psci.h"
#include "ffa/answer.h"
#include "ffa/mailbox.h"
#include "role/spmc/interrupt.h"
#include "role/spmc/load.h"
#include "role/spmc/schedule.h"

#define POWER_MESSAGE_CPU_OFF 1u /* in power-management-messages */

/* The context that is pinned to this CPU, or NULL: a partition with one for all CPUs is not concerned. */
static struct sp_vcpu *pinned(struct sp *sp, const struct cpu *cpu)
{
	return sp_is_up(sp) ? NULL : sp_local_vcpu(sp, cpu);
}

/* Sends PSCI CPU_OFF to a context and returns its answer; one that dies of it has no objection. */
static int32_t ask(struct schedule *s, struct sp_vcpu *v)
{
	uint64_t answer[FFA_REGS];
	uint64_t *x = v->cpu.regs.x;

	if (!schedule_claim(s, v, SP_WAITING)) {
		return PSCI_SUCCESS;
	}
	ffa_answer(x, FFA_MSG_SEND_DIRECT_REQ);
	x[1] = (uint32_t)FFA_ID_SPMC << 16 | v->sp->endpoint.id;
	x[2] = FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_PSCI_REQ;
	x[3] = PSCI_CPU_OFF;
	schedule_preempt(s, v, SP_MODEL_POWER);
	v->request = FFA_MSG_SEND_DIRECT_REQ;
	v->requester = FFA_ID_SPMC;
	v->framework = FFA_FRAMEWORK_POWER_RESP;
	s->nwd = answer;
	schedule_loop(s);
	s->nwd = NULL; /* what it pointed to is ours, and ends here */
	return (uint32_t)answer[0] == FFA_MSG_SEND_DIRECT_RESP ? (int32_t)answer[3] : PSCI_SUCCESS;
}

int32_t power_cpu_off(struct cpu *cpu)
{
	struct schedule *s = schedule_of(cpu);

	list_for_each (node, &sps_boot_list) {
		struct sp *sp = list_entry(node, struct sp, boot_node);
		struct sp_vcpu *v = pinned(sp, cpu);

		if (v != NULL && (sp->manifest.power_messages & POWER_MESSAGE_CPU_OFF) != 0 &&
		    ask(s, v) != PSCI_SUCCESS) {
			return PSCI_DENIED;
		}
	}
	list_for_each (node, &sps_boot_list) {
		struct sp *sp = list_entry(node, struct sp, boot_node);
		struct sp_vcpu *v = pinned(sp, cpu);
		uint32_t state = SP_WAITING;

		if (v != NULL && atomic_cas(&v->state, &state, SP_OFF)) {
			interrupts_reset(v);
			ffa_mailbox_leave(&sp->endpoint, v);
		}
	}
	sp_cpu_put(cpu);
	return PSCI_SUCCESS;
}
