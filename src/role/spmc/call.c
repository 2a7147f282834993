/* SPDX-License-Identifier: MIT */
#include "role/spmc/call.h"

#include "abi/smccc.h"
#include "arch/smc.h"
#include "ffa/answer.h"
#include "ffa/console_log.h"
#include "ffa/discovery.h"
#include "ffa/memory.h"
#include "ffa/perm.h"
#include "role/spmc/interrupt.h"
#include "role/spmc/life.h"
#include "role/spmc/message.h"
#include "role/spmc/runtime.h"

/* Who may make a call, and in which form. */
enum {
	NWD = 1 << 0,
	EL1 = 1 << 1, /* an S-EL1 partition */
	EL0 = 1 << 2,
	SP = EL1 | EL0,
	ALL = NWD | SP,
	F32 = 1 << 3, /* SMC32 */
	F64 = 1 << 4, /* SMC64 */
	BOTH = F32 | F64,
	KEEPS_VERSION = 1 << 5, /* does not end the negotiation (13.2.1) */
	WHOLE = 1 << 6, /* looks itself at what SMC32 leaves undefined: the upper halves of registers */
};

/* One of the two is set. */
struct call {
	unsigned flags;
	void (*answer)(struct ffa_endpoint *caller, uint64_t *x);
	void (*serve)(struct schedule *s, struct sp_vcpu *from, uint64_t *x);
};

static void secondary_ep_register(struct schedule *s unused_arg, struct sp_vcpu *from, uint64_t *x)
{
	struct sp *sp = from->sp;

	if (sp_is_up(sp)) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
	} else if (from->model != SP_MODEL_INIT) {
		ffa_answer_error(x, FFA_DENIED);
	} else if (!range_in(x[1], 4, sp->base.v, sp->size) || !IS_ALIGNED(x[1], 4)) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
	} else {
		for (unsigned i = 0; i < sp->endpoint.vcpu_count; i++) {
			if (sp->vcpus[i] != from) {
				sp->vcpus[i]->entry = x[1];
			}
		}
		ffa_answer_success(x);
	}
}

/* FFA_ERROR: a partition cannot initialize itself (18.1). */
static void error(struct schedule *s, struct sp_vcpu *from, uint64_t *x)
{
	if (sp_may(from->model, SP_CALL_ERROR) != SP_GO || (int32_t)x[2] != FFA_ABORTED) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	life_abort(s, from, "could not initialize itself");
}

/* An interrupt is reported to a partition, not by it. */
static void interrupt(struct schedule *s, struct sp_vcpu *from, uint64_t *x)
{
	if (from != NULL) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	interrupt_from_spmd(s, from, x);
}

static void perm_get(struct schedule *s unused_arg, struct sp_vcpu *from, uint64_t *x)
{
	ffa_mem_perm_get(&from->sp->endpoint, from->model == SP_MODEL_INIT, x);
}

static void perm_set(struct schedule *s unused_arg, struct sp_vcpu *from, uint64_t *x)
{
	ffa_mem_perm_set(&from->sp->endpoint, from->model == SP_MODEL_INIT, x);
}

static void console_log(struct schedule *s unused_arg, struct sp_vcpu *from, uint64_t *x)
{
	ffa_console_log(&from->sp->endpoint, from->cpu.index, x);
}

/* Any other id has no such number: it comes out beyond the table. */
#define NUMBER(id) ((id) - (FFA_VERSION & ~0xffu) - FFA_NUMBER_FIRST)
#define NUMBER_64(id) NUMBER((id) & ~FFA_64)

/* By the function's number; what is not here is not supported. docs/abi-map.md says where each is tested. */
static const struct call calls[FFA_NUMBER_LAST - FFA_NUMBER_FIRST + 1] = {
	[NUMBER(FFA_ERROR)] = { SP | F32, .serve = error },
	[NUMBER(FFA_INTERRUPT)] = { ALL | F32 | KEEPS_VERSION, .serve = interrupt },
	[NUMBER(FFA_VERSION)] = { ALL | F32 | KEEPS_VERSION, .answer = ffa_version },
	[NUMBER(FFA_FEATURES)] = { ALL | F32, .answer = ffa_features },
	[NUMBER(FFA_RX_RELEASE)] = { ALL | F32, .answer = ffa_rx_release },
	[NUMBER_64(FFA_RXTX_MAP_64)] = { ALL | F64, .answer = ffa_rxtx_map },
	[NUMBER(FFA_RXTX_UNMAP)] = { ALL | F32, .answer = ffa_rxtx_unmap },
	[NUMBER(FFA_PARTITION_INFO_GET)] = { ALL | F32, .answer = ffa_partition_info_get },
	[NUMBER(FFA_ID_GET)] = { ALL | F32, .answer = ffa_id_get },
	[NUMBER(FFA_MSG_WAIT)] = { SP | F32, .serve = ffa_msg_wait },
	[NUMBER(FFA_YIELD)] = { SP | F32, .serve = ffa_yield },
	[NUMBER(FFA_RUN)] = { ALL | F32, .serve = ffa_run },
	[NUMBER(FFA_MSG_SEND_DIRECT_REQ)] = { ALL | BOTH | WHOLE, .serve = ffa_msg_send_direct_req },
	[NUMBER(FFA_MSG_SEND_DIRECT_RESP)] = { SP | BOTH | WHOLE, .serve = ffa_msg_send_direct_resp },
	[NUMBER(FFA_MEM_DONATE)] = { ALL | BOTH, .answer = ffa_mem_send },
	[NUMBER(FFA_MEM_LEND)] = { ALL | BOTH, .answer = ffa_mem_send },
	[NUMBER(FFA_MEM_SHARE)] = { ALL | BOTH, .answer = ffa_mem_send },
	[NUMBER(FFA_MEM_RETRIEVE_REQ)] = { ALL | BOTH, .answer = ffa_mem_retrieve },
	[NUMBER(FFA_MEM_RELINQUISH)] = { ALL | F32, .answer = ffa_mem_relinquish },
	[NUMBER(FFA_MEM_RECLAIM)] = { ALL | F32, .answer = ffa_mem_reclaim },
	[NUMBER(FFA_MEM_FRAG_RX)] = { ALL | F32, .answer = ffa_mem_frag_rx },
	[NUMBER(FFA_MEM_FRAG_TX)] = { ALL | F32, .answer = ffa_mem_frag_tx },
	[NUMBER(FFA_NOTIFICATION_BITMAP_CREATE)] = { NWD | F32, .answer = ffa_notification_bitmap_create },
	[NUMBER(FFA_NOTIFICATION_BITMAP_DESTROY)] = { NWD | F32, .answer = ffa_notification_bitmap_destroy },
	[NUMBER(FFA_NOTIFICATION_BIND)] = { ALL | F32, .answer = ffa_notification_bind },
	[NUMBER(FFA_NOTIFICATION_UNBIND)] = { ALL | F32, .answer = ffa_notification_unbind },
	[NUMBER(FFA_NOTIFICATION_SET)] = { ALL | F32, .answer = ffa_notification_set },
	[NUMBER(FFA_NOTIFICATION_GET)] = { ALL | F32, .answer = ffa_notification_get },
	[NUMBER(FFA_NOTIFICATION_INFO_GET)] = { NWD | BOTH, .answer = ffa_notification_info_get },
	[NUMBER(FFA_RX_ACQUIRE)] = { NWD | F32, .answer = ffa_rx_acquire },
	[NUMBER(FFA_SPM_ID_GET)] = { ALL | F32, .answer = ffa_spm_id_get },
	[NUMBER(FFA_MSG_SEND2)] = { ALL | F32, .answer = ffa_msg_send2 },
	[NUMBER_64(FFA_SECONDARY_EP_REGISTER_64)] = { EL1 | F64, .serve = secondary_ep_register },
	[NUMBER(FFA_MEM_PERM_GET)] = { SP | BOTH, .serve = perm_get },
	[NUMBER(FFA_MEM_PERM_SET)] = { SP | BOTH, .serve = perm_set },
	[NUMBER(FFA_CONSOLE_LOG)] = { SP | BOTH, .serve = console_log },
	[NUMBER_64(FFA_PARTITION_INFO_GET_REGS_64)] = { ALL | F64, .answer = ffa_partition_info_get_regs },
	[NUMBER_64(FFA_MSG_SEND_DIRECT_REQ2_64)] = { ALL | F64, .serve = ffa_msg_send_direct_req2 },
	[NUMBER_64(FFA_MSG_SEND_DIRECT_RESP2_64)] = { SP | F64, .serve = ffa_msg_send_direct_resp2 },
};

static bool is_ffa(uint32_t id)
{
	return NUMBER_64(id) < FFA_NUMBERS;
}

/* A direct request of a logical partition at EL3, which says nothing of the normal world's version. */
static bool is_el3_request(unsigned who, const struct call *call, const uint64_t *x)
{
	return who == NWD && (call->serve == ffa_msg_send_direct_req || call->serve == ffa_msg_send_direct_req2) &&
	       (uint16_t)(x[1] >> 16) >= FFA_ID_EL3_FIRST;
}

/* 'from' is NULL for the normal world; 'who' is NWD, EL1 or EL0. */
static inline void serve_ffa(struct schedule *s, struct sp_vcpu *from, struct ffa_endpoint *caller, unsigned who,
			     uint64_t *x)
{
	uint32_t id = (uint32_t)x[0];
	unsigned number = NUMBER_64(id);
	unsigned needs = who | ((id & FFA_64) != 0 ? F64 : F32);
	const struct call *call;

	if (unlikely(number >= ARRAY_SIZE(calls)) || (calls[number].flags & needs) != needs) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	call = &calls[number];
	if (unlikely(!caller->version_locked) && (call->flags & KEEPS_VERSION) == 0 && !is_el3_request(who, call, x)) {
		caller->version_locked = true;
	}
	if ((needs & F32) != 0 && (call->flags & WHOLE) == 0) {
		for (unsigned i = 1; i < 8; i++) {
			x[i] = (uint32_t)x[i];
		}
	}
	if (call->answer != NULL) {
		call->answer(caller, x);
	} else {
		call->serve(s, from, x);
	}
}

void call_from_normal_world(struct schedule *s, uint64_t *x)
{
	/* What is not FF-A's gets FFA_ERROR too: an SMC of -1 would not pass the SPMD. */
	serve_ffa(s, NULL, &ffa_nwd, NWD, x);
}

/* An SMC that is not FF-A's goes to EL3 if the SPMC manifest lets it (smc_whitelist, smc_whitelist_permissive). */
static bool may_smc(const struct spmc_sp *grant, uint32_t id)
{
	if (grant->smc_permissive) {
		return true;
	}
	for (unsigned i = 0; i < grant->smc_allowed_count; i++) {
		if (grant->smc_allowed[i] == id) {
			return true;
		}
	}
	return false;
}

/* Not inlined: the calls that count would pay for its large frame. */
static __attribute__((noinline)) void other_call(struct schedule *s, struct sp_vcpu *v, uint64_t *x)
{
	struct smc_regs call;

	if (sp_exit_conduit(v) != SP_CONDUIT_SMC && interrupt_hypercall(s, v, x)) {
		return;
	}
	if (sp_exit_conduit(v) == SP_CONDUIT_HVC || !may_smc(v->sp->grant, (uint32_t)x[0])) {
		x[0] = (uint64_t)SMCCC_NOT_SUPPORTED;
		return;
	}
	for (unsigned i = 0; i < FFA_REGS; i++) {
		call.x[i] = x[i];
	}
	/* SMCCC 1.0's client id, which EL3's services may ask for: the caller's own x7 comes back. */
	call.x[7] = (x[7] & ~UINT64_C(0xffff)) | v->sp->endpoint.id;
	arch_smc(&call);
	call.x[7] = x[7];
	for (unsigned i = 0; i < FFA_REGS; i++) {
		x[i] = call.x[i];
	}
}

static inline void serve_sp(struct schedule *s, struct sp_vcpu *v, uint64_t *x)
{
	struct ffa_endpoint *caller = &v->sp->endpoint;

	serve_ffa(s, v, caller, caller->kind == FFA_KIND_SP_EL0 ? EL0 : EL1, x);
}

/* Not FF-A's, or with the SVE hint. Apart, so that the usual way is short. */
static __attribute__((noinline)) void call_unusual(struct schedule *s, struct sp_vcpu *v, uint64_t *x)
{
	uint32_t id = (uint32_t)x[0] & ~(UINT32_C(1) << SMCCC_SVE_HINT_SHIFT);

	if (is_ffa(id)) {
		x[0] = id;
		serve_sp(s, v, x);
	} else {
		other_call(s, v, x);
	}
}

void call_from_sp(struct schedule *s, struct sp_vcpu *v)
{
	uint64_t *x = v->cpu.regs.x;

	if (likely(NUMBER_64((uint32_t)x[0]) < ARRAY_SIZE(calls))) {
		serve_sp(s, v, x);
	} else {
		call_unusual(s, v, x);
	}
}
