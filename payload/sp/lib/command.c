/* SPDX-License-Identifier: MIT */
#include "payload/lib/fp.h"
#include "payload/sp/lib/sp.h"

static void call(uint64_t *w, uint32_t count)
{
	struct ffa_regs r = { 0 };

	for (uint32_t i = 1; i < count; i++) {
		r.x[i - 1] = w[i];
	}
	ffa_call(&r);
	for (uint32_t i = 1; i < count; i++) {
		w[i] = r.x[i - 1];
	}
}

/* The other may be preempted or yield while it works for us: it gets our cycles until it answers. */
static void relay(uint64_t *w, uint32_t count)
{
	uint32_t words = count < 6 ? count : 5;
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(sp_id, (uint32_t)w[1] & 0xffff) } };

	for (uint32_t i = 2; i < words; i++) {
		r.x[3 + i - 2] = w[i];
	}
	ffa_call(&r);
	for (uint32_t i = 0; i < RELAY_RESUMES_MAX && (ffa_is(&r, FFA_INTERRUPT) || ffa_is(&r, FFA_YIELD)); i++) {
		r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	}
	w[0] = (uint64_t)ffa_code(&r);
	if (w[0] == 0 && !ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP_64)) {
		w[0] = (uint64_t)FFA_ABORTED;
	}
	for (uint32_t i = 1; i < words; i++) {
		w[i] = r.x[3 + i - 1];
	}
}

/* A managed exit that was asked for before it even began ends it too. */
static void busy(uint64_t *w)
{
	struct sp_cpu *cpu = sp_this();
	uint64_t end = sp_now() + sp_ticks(w[1]);
	bool masked = (w[2] & BUSY_MASKED) != 0;
	bool fp = (w[2] & BUSY_FP) != 0;
	uint32_t ipis = cpu->handled[FFA_INTID_IPI];
	uint64_t ends = 0;

	if (fp) {
		fp_fill(end);
	}
	sp_mask_interrupts(masked);
	while (sp_now() < end && ends == 0) {
		ends = (cpu->managed_exit ? BUSY_MANAGED_EXIT : 0) |
		       (cpu->handled[FFA_INTID_IPI] != ipis ? w[2] & BUSY_IPI : 0);
	}
	sp_mask_interrupts(false);
	w[1] = ends | (fp && !fp_holds(end) ? BUSY_FP : 0);
	cpu->managed_exit = false;
}

static void yield(uint64_t *w)
{
	struct ffa_regs r;

	for (uint64_t i = 0; i < w[1] && w[0] == 0; i++) {
		r = FFA(FFA_YIELD, 0, (uint32_t)w[2], w[2] >> 32);
		w[0] = ffa_is(&r, FFA_SUCCESS) ? 0 : (uint64_t)(ffa_code(&r) != FFA_OK ? ffa_code(&r) : FFA_ABORTED);
	}
}

static noreturn void stop(uint64_t how)
{
	if (how == STOP_FAULT) {
		sp_fault();
	}
	sp_mask_interrupts(true);
	for (;;) {
		__asm__ volatile("nop");
	}
}

static void keep(uint64_t seed)
{
	fp_fill(seed);
	__asm__ volatile("msr tpidr_el0, %0" ::"r"(~seed));
}

static bool hold(uint64_t seed)
{
	uint64_t thread;

	__asm__ volatile("mrs %0, tpidr_el0" : "=r"(thread));
	return fp_holds(seed) && thread == ~seed;
}

static void state(uint64_t *w)
{
	const struct sp_cpu *cpu = sp_this();

	w[1] = cpu->index;
	w[2] = (uint64_t)cpu->last_error;
	w[3] = cpu->runs;
	w[4] = cpu->handled[FFA_INTID_NPI] | (uint64_t)cpu->handled[FFA_INTID_ME] << 32;
}

static void interrupts(uint64_t *w)
{
	const struct sp_cpu *cpu = sp_this();
	uint64_t intid = w[1];

	w[1] = intid < SP_INTIDS ? cpu->handled[intid] : 0;
	w[2] = intid < SP_INTIDS ? cpu->given[intid] : 0;
}

static void touch(uint64_t *w)
{
	uint64_t value = 0;
	bool done = sp_touch(w[1], w[2] != 0, &value);

	w[1] = !done;
	w[2] = done ? value : sp_this()->esr;
	w[3] = done ? 0 : sp_this()->far;
}

void sp_command(uint64_t *w, uint32_t count)
{
	uint64_t command = w[0];

	w[0] = FFA_OK;
	switch (command) {
	case COMMAND_CALL:
		call(w, count);
		break;
	case COMMAND_HF:
		w[1] = sp_hf(w[1], w[2], w[3], w[4]);
		break;
	case COMMAND_RELAY:
		relay(w, count);
		break;
	case COMMAND_RETRIEVE:
		sp_retrieve(w);
		break;
	case COMMAND_RELINQUISH:
		sp_relinquish(w);
		break;
	case COMMAND_SEND:
		sp_send(w);
		break;
	case COMMAND_MESSAGE:
		sp_message(w);
		break;
	case COMMAND_RECEIVED:
		sp_received(w);
		break;
	case COMMAND_FILL:
		sp_fill(w);
		break;
	case COMMAND_CHECK:
		sp_check(w);
		break;
	case COMMAND_TOUCH:
		touch(w);
		break;
	case COMMAND_BUSY:
		busy(w);
		break;
	case COMMAND_YIELD:
		yield(w);
		break;
	case COMMAND_TIMER:
		sp_timer_set(w[1]);
		break;
	case COMMAND_STOP:
		stop(w[1]);
	case COMMAND_KEEP:
		keep(w[1]);
		break;
	case COMMAND_HOLD:
		w[1] = hold(w[1]);
		break;
	case COMMAND_LOG:
		sp_log("%s says 0x%lx\n", sp_program.name, w[1]);
		break;
	case COMMAND_STATE:
		state(w);
		break;
	case COMMAND_INTERRUPTS:
		interrupts(w);
		break;
	case COMMAND_VM:
		sp_vm(w);
		break;
	default:
		w[0] = command;
		if (sp_program.command == NULL || !sp_program.command(w, count)) {
			w[0] = (uint64_t)FFA_NOT_SUPPORTED;
		}
	}
}
