/* SPDX-License-Identifier: MIT */
/* Partition runtime models (FF-A 1.2, 8.2): which call a context may make, given why it runs. Pure table. */
#ifndef ROLE_SPMC_RUNTIME_H
#define ROLE_SPMC_RUNTIME_H

#include "role/spmc/sp.h"

/* The calls that give the CPU to somebody else. All others are legal in every model. */
enum sp_call {
	SP_CALL_MSG_WAIT,
	SP_CALL_DIRECT_REQ, /* 32, 64 and REQ2 */
	SP_CALL_DIRECT_RESP,
	SP_CALL_RUN,
	SP_CALL_YIELD,
	SP_CALL_ERROR, /* FFA_ERROR with ABORTED */
	SP_CALL_COUNT,
};

enum sp_verdict {
	SP_DENIED,
	SP_GO,
	SP_NO_EFFECT,     /* answered FFA_SUCCESS, and the caller goes on */
	SP_NOT_SUPPORTED,
};

extern const uint8_t sp_runtime_table[SP_MODEL_COUNT][SP_CALL_COUNT];

static inline enum sp_verdict sp_may(uint32_t model, enum sp_call call)
{
	return (enum sp_verdict)sp_runtime_table[model][call];
}

#endif
