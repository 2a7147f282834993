/* SPDX-License-Identifier: MIT */
/* What a thread does: a message in the normal world's memory, and what is asked of the normal world meanwhile. */
#include "payload/lib/arch.h"
#include "payload/lib/string.h"
#include "payload/sp/optee_like/like.h"
#include "payload/sp/optee_like/protocol.h"

#define PARAMS_MAX 8
#define SESSIONS_MAX 64

/* A message that is being served. It is in memory that the normal world may change: what counts is the copy. */
struct call {
	struct message *message;
	struct message *answers; /* where messages to the normal world are put */
	uint32_t param_count;
	struct param params[PARAMS_MAX];
};

static uint64_t sessions; /* bit n: session n + 1 is open */

/* Copied by words: the other side may write at the same time, and no word may be read twice. */
static void copy_in(struct param *to, const struct param *from, uint32_t count)
{
	for (uint32_t i = 0; i < count * sizeof(*to) / sizeof(uint64_t); i++) {
		((uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];
	}
}

static uint32_t open_session(struct call *call)
{
	static const uint8_t uuid[16] = SERVICE_UUID;

	if (call->param_count < 2 || memcmp(&call->params[0].value, uuid, sizeof(uuid)) != 0) {
		return (uint32_t)TEE_ITEM_NOT_FOUND;
	}
	for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
		if ((__atomic_fetch_or(&sessions, BIT(i), __ATOMIC_RELAXED) & BIT(i)) == 0) {
			call->message->session = i + 1;
			return TEE_SUCCESS;
		}
	}
	return (uint32_t)TEE_OUT_OF_MEMORY;
}

static bool is_open(uint32_t session)
{
	return session - 1 < SESSIONS_MAX && (atomic_load(&sessions) & BIT(session - 1)) != 0;
}

static uint32_t serve(struct call *call, uint32_t command, uint32_t function, uint32_t session)
{
	switch (command) {
	case OPTEE_OPEN_SESSION:
		return open_session(call);
	case OPTEE_INVOKE:
		return is_open(session) ? service_invoke(call, function, call->params, call->param_count)
					: (uint32_t)TEE_BAD_PARAMETERS;
	case OPTEE_CLOSE_SESSION:
		if (!is_open(session)) {
			return (uint32_t)TEE_BAD_PARAMETERS;
		}
		__atomic_fetch_and(&sessions, ~BIT(session - 1), __ATOMIC_RELAXED);
		return TEE_SUCCESS;
	case OPTEE_DO_BOTTOM_HALF:
		uart_bottom_half();
		return TEE_SUCCESS;
	case OPTEE_STOP_ASYNC_NOTIF:
		uart_notify(-1);
		return TEE_SUCCESS;
	default:
		return (uint32_t)TEE_BAD_PARAMETERS;
	}
}

/* Values that the message has room for go back; memories stay as they were. */
static void give_back(const struct call *call)
{
	for (uint32_t i = 0; i < call->param_count; i++) {
		uint64_t type = call->params[i].attributes & PARAM_TYPE_MASK;

		if (type == PARAM_VALUE_OUT || type == PARAM_VALUE_INOUT) {
			call->message->params[i].value = call->params[i].value;
		}
	}
}

static uint32_t serve_message(struct call *call, uint64_t room)
{
	struct message *m = call->message;
	uint32_t count = *(volatile uint32_t *)&m->param_count;
	uint64_t used = sizeof(*m) + count * sizeof(struct param);

	if (count > PARAMS_MAX || room < used + sizeof(*m) + LIKE_RPC_PARAMS * sizeof(struct param)) {
		return (uint32_t)TEE_BAD_PARAMETERS;
	}
	call->param_count = count;
	copy_in(call->params, m->params, count);
	call->answers = (struct message *)((uint8_t *)m + used);
	m->result = serve(call, m->command, m->function, m->session);
	m->origin = TEE_ORIGIN_SERVICE;
	give_back(call);
	return TEE_SUCCESS;
}

uint32_t yielding_call(uint64_t handle, uint32_t offset)
{
	struct memory *memory = memory_get(handle);
	uint64_t room = 0;
	struct call call;
	uint32_t result = (uint32_t)TEE_BAD_PARAMETERS;

	if (memory == NULL) {
		return result;
	}
	call.message = memory_at(memory, offset, &room);
	if (call.message != NULL && offset % sizeof(uint64_t) == 0 && room >= sizeof(*call.message)) {
		result = serve_message(&call, room);
	}
	memory_put(memory);
	return result;
}

uint32_t rpc(struct call *call, uint32_t command, struct param *params, uint32_t count)
{
	struct message *m = call->answers;

	*m = (struct message){ .command = command, .result = (uint32_t)TEE_GENERIC, .param_count = count };
	for (uint32_t i = 0; i < count; i++) {
		m->params[i] = params[i];
	}
	dsb();
	like_count(COUNT_RPC);
	thread_suspend(OPTEE_RETURN_RPC, 0, 0);
	copy_in(params, m->params, count);
	return *(volatile uint32_t *)&m->result;
}
