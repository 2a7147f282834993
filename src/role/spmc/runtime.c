/* SPDX-License-Identifier: MIT */
#include "role/spmc/runtime.h"

/*
 * Whom a call may reach is not said here: a request never reaches a context that is at work, FFA_RUN by an SP only one
 * that was taken from it (message.c, schedule.c). An interrupt's handler does not yield: nobody could run it again.
 */
const uint8_t sp_runtime_table[SP_MODEL_COUNT][SP_CALL_COUNT] = {
	/*                      MSG_WAIT   DIRECT_REQ DIRECT_RESP RUN        YIELD         ERROR */
	[SP_MODEL_NONE] = { SP_DENIED, SP_DENIED, SP_DENIED, SP_DENIED, SP_DENIED, SP_NOT_SUPPORTED },
	[SP_MODEL_INIT] = { SP_GO, SP_GO, SP_DENIED, SP_DENIED, SP_DENIED, SP_GO },
	[SP_MODEL_DIRECT] = { SP_DENIED, SP_GO, SP_GO, SP_GO, SP_GO, SP_NOT_SUPPORTED },
	[SP_MODEL_RUN] = { SP_GO, SP_GO, SP_DENIED, SP_GO, SP_GO, SP_NOT_SUPPORTED },
	[SP_MODEL_INTERRUPT] = { SP_GO, SP_GO, SP_DENIED, SP_GO, SP_NO_EFFECT, SP_NOT_SUPPORTED },
	[SP_MODEL_POWER] = { SP_DENIED, SP_DENIED, SP_GO, SP_DENIED, SP_DENIED, SP_NOT_SUPPORTED },
};
