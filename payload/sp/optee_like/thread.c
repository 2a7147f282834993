/* SPDX-License-Identifier: MIT */
#include "payload/lib/arch.h"
#include "payload/sp/optee_like/like.h"
#include "payload/sp/optee_like/protocol.h"

static struct thread threads[LIKE_THREADS];
static uint8_t stacks[LIKE_THREADS][LIKE_STACK] __attribute__((aligned(16)));

static bool change(struct thread *thread, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&thread->state, &from, to, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static uint64_t number_of(const struct thread *thread)
{
	return (uint64_t)(thread - threads);
}

static void runs_here(struct thread *thread, const struct regs *request)
{
	struct like_cpu *cpu = like_cpu();

	thread->call = *request;
	thread->cpus |= BIT32(cpu->index);
	cpu->thread = thread;
}

/* To the message loop, which says 'answer' and lets the thread be in that state. */
static void leave(struct thread *thread, enum thread_state state, const struct regs *answer)
{
	struct like_cpu *cpu = like_cpu();

	cpu->regs = (struct regs){ .x = { (uint32_t)thread->call.x[0] + 1,
					  (uint32_t)(thread->call.x[1] << 16 | (uint32_t)thread->call.x[1] >> 16) } };
	for (uint32_t i = 3; i < ARRAY_SIZE(answer->x); i++) {
		cpu->regs.x[i] = (uint32_t)answer->x[i];
	}
	cpu->thread = NULL;
	cpu->left = thread;
	cpu->left_state = state;
	if (state == THREAD_SUSPENDED) {
		like_pause(&thread->place, cpu->stack);
	} else {
		like_leave(cpu->stack);
	}
}

static void first(void)
{
	struct thread *thread = like_cpu()->thread;
	/* Before the first interrupt, behind which another request stands here. */
	uint64_t handle = ffa_u64(thread->call.x[4], thread->call.x[5]);
	uint32_t offset = (uint32_t)thread->call.x[6];
	struct regs answer = { 0 };

	like_unmask(0);
	answer.x[3] = yielding_call(handle, offset);
	like_mask();
	leave(thread, THREAD_FREE, &answer);
}

bool thread_call(const struct regs *request)
{
	for (struct thread *thread = threads; thread < threads + LIKE_THREADS; thread++) {
		if (change(thread, THREAD_FREE, THREAD_RUNNING)) {
			thread->suspended = 0;
			thread->cpus = 0;
			runs_here(thread, request);
			like_start((uint64_t)stacks[number_of(thread) + 1], first);
		}
	}
	like_count(COUNT_NO_THREAD);
	return false;
}

bool thread_resume(const struct regs *request, uint64_t number)
{
	if (number >= LIKE_THREADS || !change(&threads[number], THREAD_SUSPENDED, THREAD_RUNNING)) {
		return false;
	}
	like_count(COUNT_RESUMED);
	runs_here(&threads[number], request);
	like_go_on(threads[number].place);
}

void thread_suspend(uint64_t w4, uint64_t w5, uint64_t w6)
{
	uint64_t before = like_mask();
	struct thread *thread = like_cpu()->thread;

	leave(thread, THREAD_SUSPENDED, &(struct regs){ .x = { 0, 0, 0, TEE_SUCCESS, w4, w5, w6, number_of(thread) } });
	like_unmask(before);
}

/* The normal world has an interrupt: the CPU goes back to it, by the answer to the request that is being served. */
void like_fiq(void)
{
	struct thread *thread = like_cpu()->thread;

	if (thread == NULL) {
		like_panic("FIQ outside a thread");
	}
	thread->suspended++;
	like_count(COUNT_FOREIGN);
	thread_suspend(OPTEE_RETURN_INTERRUPT, 0, 0);
}
