/* SPDX-License-Identifier: MIT */
#include "payload/lib/arch.h"
#include "payload/lib/fp.h"
#include "payload/sp/optee_like/like.h"
#include "payload/sp/optee_like/protocol.h"

static bool is_value(const struct param *param)
{
	return (param->attributes & PARAM_TYPE_MASK) == PARAM_VALUE_INOUT;
}

static bool is_memory(const struct param *param)
{
	uint64_t type = param->attributes & PARAM_TYPE_MASK;

	return type >= PARAM_MEMORY_IN && type <= PARAM_MEMORY_INOUT;
}

/*
 * Fills bytes start .. start + size of a memory, or looks at them; returns how many words are wrong, or cannot be
 * there.
 */
static uint64_t walk(const struct memory *memory, uint64_t start, uint64_t size, uint64_t seed, bool fill)
{
	uint64_t wrong = 0;

	for (uint64_t at = 0; at < size; at += SERVICE_STEP) {
		uint64_t room = 0;
		volatile uint64_t *word = memory_at(memory, start + at, &room);

		if (word == NULL || room < sizeof(*word)) {
			wrong++;
		} else if (fill) {
			*word = service_word(seed, at);
		} else {
			wrong += *word != service_word(seed, at);
		}
	}
	return wrong;
}

static uint32_t use(struct param *value, const struct param *param, bool fill)
{
	uint64_t start = param->memory.offset_low + ((uint64_t)param->memory.offset_high << 32) +
			 param->memory.internal_offset;
	struct memory *memory = memory_get(param->memory.handle);

	if (memory == NULL) {
		return (uint32_t)TEE_BAD_PARAMETERS;
	}
	if (start % sizeof(uint64_t) != 0 || start > memory_size(memory) ||
	    param->memory.size > memory_size(memory) - start) {
		memory_put(memory);
		return (uint32_t)TEE_BAD_PARAMETERS;
	}
	value->value.a = walk(memory, start, param->memory.size, value->value.a, fill);
	memory_put(memory);
	return TEE_SUCCESS;
}

/* Fills memory that was borrowed, and looks; returns how many words are wrong. */
static uint64_t try(const struct param *param, uint64_t size)
{
	struct memory *memory = is_memory(param) ? memory_get(param->memory.handle) : NULL;
	uint64_t offset = param->memory.internal_offset, seed = param->memory.handle + size, wrong;

	if (memory == NULL) {
		return UINT64_MAX;
	}
	walk(memory, offset, size, seed, true);
	wrong = walk(memory, offset, size, seed, false);
	memory_put(memory);
	return wrong;
}

/* What the supplicant gave is dropped before it goes back; of the kernel's own memory Linux says so itself. */
static uint32_t borrow(struct call *call, struct param *value)
{
	uint64_t size = value->value.a, type = value->value.b;
	struct param param = { .attributes = PARAM_VALUE_IN, .value = { type, size, PAGE_SIZE } };
	uint32_t result = rpc(call, RPC_SHM_ALLOC, &param, 1);
	uint64_t handle = param.memory.handle;

	if (result != TEE_SUCCESS) {
		return result;
	}
	value->value.a = try(&param, size);
	if (type == RPC_SHM_SUPPLICANT && !memory_drop(handle)) {
		return (uint32_t)TEE_BUSY;
	}
	param = (struct param){ .attributes = PARAM_VALUE_IN, .value = { type, handle, 0 } };
	return rpc(call, RPC_SHM_FREE, &param, 1);
}

static uint32_t sleep(struct call *call, struct param *value)
{
	struct param param = { .attributes = PARAM_VALUE_IN, .value = { value->value.a, 0, 0 } };
	uint32_t result;

	fp_fill(value->value.b);
	result = rpc(call, RPC_SUSPEND, &param, 1);
	value->value.b = !fp_holds(value->value.b);
	return result;
}

static uint32_t compute(struct param *value)
{
	const struct thread *thread = like_cpu()->thread;
	uint64_t end = read_sysreg(cntvct_el0) + value->value.a * read_sysreg(cntfrq_el0) / 1000000;
	uint64_t seed = value->value.b, now;

	fp_fill(seed);
	do {
		now = read_sysreg(cntvct_el0);
	} while (now < end);
	value->value.b = (fp_holds(seed) ? 0 : BIT(32)) | *(const volatile uint32_t *)&thread->cpus;
	value->value.a = *(const volatile uint32_t *)&thread->suspended;
	return TEE_SUCCESS;
}

static uint32_t notification(struct call *call, struct param *value, uint64_t what)
{
	struct param param = { .attributes = PARAM_VALUE_IN, .value = { what, value->value.a, value->value.b } };

	value->value.a = rpc(call, RPC_NOTIFICATION, &param, 1);
	return TEE_SUCCESS;
}

static uint32_t count(struct param *value)
{
	if (value->value.a >= COUNT_LAST) {
		return (uint32_t)TEE_BAD_PARAMETERS;
	}
	value->value.a = atomic_load(&like_counts[value->value.a]);
	return TEE_SUCCESS;
}

/* Masked: this thread is not suspended between one counter and the next. */
static uint32_t suspended(struct param *value)
{
	uint64_t before = like_mask();

	value->value.a = like_counts[COUNT_FOREIGN] + like_counts[COUNT_RPC] - like_counts[COUNT_RESUMED];
	like_unmask(before);
	return TEE_SUCCESS;
}

uint32_t service_invoke(struct call *call, uint32_t command, struct param *params, uint32_t param_count)
{
	bool with_memory = command == SERVICE_FILL || command == SERVICE_CHECK;

	if (param_count < 1 || !is_value(&params[0]) || (with_memory && (param_count < 2 || !is_memory(&params[1])))) {
		return (uint32_t)TEE_BAD_PARAMETERS;
	}
	switch (command) {
	case SERVICE_ADD:
		params[0].value.a += params[0].value.b;
		return TEE_SUCCESS;
	case SERVICE_COUNT:
		return count(&params[0]);
	case SERVICE_SUSPENDED:
		return suspended(&params[0]);
	case SERVICE_FILL:
	case SERVICE_CHECK:
		return use(&params[0], &params[1], command == SERVICE_FILL);
	case SERVICE_BORROW:
		return borrow(call, &params[0]);
	case SERVICE_SLEEP:
		return sleep(call, &params[0]);
	case SERVICE_COMPUTE:
		return compute(&params[0]);
	case SERVICE_WAIT:
		return notification(call, &params[0], RPC_NOTIFICATION_WAIT);
	case SERVICE_SEND:
		return notification(call, &params[0], RPC_NOTIFICATION_SEND);
	default:
		return (uint32_t)TEE_BAD_PARAMETERS;
	}
}
