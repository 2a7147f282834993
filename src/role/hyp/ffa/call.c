/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/call.h"

#include "core/sys/smccc.h"
#include "ffa/answer.h"
#include "ffa/discovery.h"
#include "ffa/memory.h"
#include "role/hyp/ffa/direct.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/ffa/notify.h"

enum {
	F32 = 1 << 0, /* SMC32 */
	F64 = 1 << 1, /* SMC64 */
	BOTH = F32 | F64,
	KEEPS_VERSION = 1 << 2, /* does not end the negotiation (13.2.1) */
	WHOLE = 1 << 3,         /* looks itself at what SMC32 leaves undefined: the upper halves of registers */
};

/* One of the two is set. */
struct call {
	unsigned flags;
	void (*answer)(struct ffa_endpoint *caller, uint64_t *x);
	enum trap_result (*serve)(struct vcpu *v);
};

/* An interrupt is reported to a VM, not by it. */
static void interrupt(struct ffa_endpoint *caller unused_arg, uint64_t *x)
{
	ffa_answer_error(x, FFA_DENIED);
}

/* Any other id has no such number: it comes out beyond the table. */
#define NUMBER(id) (((id) & ~FFA_64) - (FFA_VERSION & ~0xffu) - FFA_NUMBER_FIRST)

/* By the function's number; what is not here is not supported. docs/abi-map.md says where each is tested. */
static const struct call calls[FFA_NUMBER_LAST - FFA_NUMBER_FIRST + 1] = {
	[NUMBER(FFA_INTERRUPT)] = { F32 | KEEPS_VERSION, .answer = interrupt },
	[NUMBER(FFA_VERSION)] = { F32 | KEEPS_VERSION, .answer = ffa_version },
	[NUMBER(FFA_FEATURES)] = { F32, .answer = ffa_features },
	[NUMBER(FFA_RX_RELEASE)] = { F32, .answer = ffa_rx_release },
	[NUMBER(FFA_RXTX_MAP_64)] = { F64, .answer = ffa_rxtx_map },
	[NUMBER(FFA_RXTX_UNMAP)] = { F32, .answer = ffa_rxtx_unmap },
	[NUMBER(FFA_PARTITION_INFO_GET)] = { F32, .answer = ffa_partition_info_get },
	[NUMBER(FFA_ID_GET)] = { F32, .answer = ffa_id_get },
	[NUMBER(FFA_MSG_WAIT)] = { F32, .serve = ffa_msg_wait },
	[NUMBER(FFA_YIELD)] = { F32, .serve = ffa_yield },
	[NUMBER(FFA_RUN)] = { F32, .serve = ffa_run },
	[NUMBER(FFA_MSG_SEND_DIRECT_REQ)] = { BOTH | WHOLE, .serve = ffa_direct_req },
	[NUMBER(FFA_MSG_SEND_DIRECT_RESP)] = { BOTH | WHOLE, .serve = ffa_direct_resp },
	[NUMBER(FFA_MEM_DONATE)] = { BOTH, .answer = ffa_mem_send },
	[NUMBER(FFA_MEM_LEND)] = { BOTH, .answer = ffa_mem_send },
	[NUMBER(FFA_MEM_SHARE)] = { BOTH, .answer = ffa_mem_send },
	[NUMBER(FFA_MEM_RETRIEVE_REQ)] = { BOTH, .answer = ffa_mem_retrieve },
	[NUMBER(FFA_MEM_RELINQUISH)] = { F32, .answer = ffa_mem_relinquish },
	[NUMBER(FFA_MEM_RECLAIM)] = { F32, .answer = ffa_mem_reclaim },
	[NUMBER(FFA_MEM_FRAG_RX)] = { F32, .answer = ffa_mem_frag_rx },
	[NUMBER(FFA_MEM_FRAG_TX)] = { F32, .answer = ffa_mem_frag_tx },
	[NUMBER(FFA_NOTIFICATION_BIND)] = { F32, .answer = notify_bind },
	[NUMBER(FFA_NOTIFICATION_UNBIND)] = { F32, .answer = notify_unbind },
	[NUMBER(FFA_NOTIFICATION_SET)] = { F32, .answer = notify_set },
	[NUMBER(FFA_NOTIFICATION_GET)] = { F32, .answer = notify_get },
	[NUMBER(FFA_SPM_ID_GET)] = { F32, .answer = ffa_spm_id_get },
	[NUMBER(FFA_MSG_SEND2)] = { F32, .answer = ffa_msg_send2 },
	[NUMBER(FFA_PARTITION_INFO_GET_REGS_64)] = { F64, .answer = ffa_partition_info_get_regs },
	[NUMBER(FFA_MSG_SEND_DIRECT_REQ2_64)] = { F64, .serve = ffa_direct_req },
	[NUMBER(FFA_MSG_SEND_DIRECT_RESP2_64)] = { F64, .serve = ffa_direct_resp },
};

enum trap_result ffa_call(struct vcpu *v)
{
	struct ffa_guest *g = ffa_guest_of(v);
	uint64_t *x = v->regs.x;
	const struct call *call;
	unsigned number, form;

	if (g == NULL) {
		return smccc_answer(v, SMCCC_NOT_SUPPORTED);
	}
	x[0] = lo32(x[0]) & ~(1u << SMCCC_SVE_HINT_SHIFT);
	number = NUMBER(lo32(x[0]));
	form = (x[0] & FFA_64) != 0 ? F64 : F32;
	if (number >= ARRAY_SIZE(calls) || (calls[number].flags & form) == 0) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return TRAP_RESUME;
	}
	call = &calls[number];
	if (unlikely(!g->endpoint.version_locked) && (call->flags & KEEPS_VERSION) == 0) {
		g->endpoint.version_locked = true;
	}
	if (form == F32 && (call->flags & WHOLE) == 0) {
		for (unsigned i = 1; i < 8; i++) {
			x[i] = lo32(x[i]);
		}
	}
	if (call->serve != NULL) {
		return call->serve(v);
	}
	call->answer(&g->endpoint, x);
	return TRAP_RESUME;
}
