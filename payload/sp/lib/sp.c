/* SPDX-License-Identifier: MIT */
#include "payload/sp/lib/sp.h"

#include "payload/lib/arch.h"
#include "payload/lib/print.h"

#define PACKAGE_IMAGE_OFFSET 0x4000
#define LOG_CHARS 48 /* of one FFA_CONSOLE_LOG_64, for every version */

extern const char _head[];

uint16_t sp_id;
uint8_t *sp_tx, *sp_rx;

static uint8_t buffers[2][PAGE_SIZE] __attribute__((aligned(4096)));
static struct spinlock mailbox_lock;

void sp_mailbox_lock(void)
{
	spin_lock(&mailbox_lock);
}
void sp_mailbox_unlock(void)
{
	spin_unlock(&mailbox_lock);
}

void sp_log(const char *fmt, ...)
{
	char text[128] = { 0 };
	va_list args;

	va_start(args, fmt);
	vprint_to(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	for (uint32_t at = 0; text[at] != '\0'; at += LOG_CHARS) {
		struct ffa_regs r = { .x = { FFA_CONSOLE_LOG_64 } };
		uint32_t count = 0;

		for (; count < LOG_CHARS && text[at + count] != '\0'; count++) {
			r.x[2 + count / 8] |= (uint64_t)(uint8_t)text[at + count] << 8 * (count % 8);
		}
		r.x[1] = count;
		ffa_call(&r);
	}
}

noreturn void sp_panic(const char *why)
{
	sp_log("%s: %s\n", sp_program.name, why);
	/* Heard while it initializes only. */
	FFA(FFA_ERROR, 0, (uint32_t)FFA_ABORTED);
	sp_fault();
}

static void find_buffers(void)
{
	const uint64_t package = (uint64_t)_head - PACKAGE_IMAGE_OFFSET;

	if (sp_program.tx_offset != 0) {
		sp_tx = (uint8_t *)(package + sp_program.tx_offset);
		sp_rx = (uint8_t *)(package + sp_program.rx_offset);
		return;
	}
	sp_tx = buffers[0];
	sp_rx = buffers[1];
	if (FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)sp_tx, (uint64_t)sp_rx, 1) != FFA_OK) {
		sp_panic("FFA_RXTX_MAP failed");
	}
}

void sp_init(void)
{
	struct ffa_regs r = FFA(FFA_VERSION, sp_program.version);

	if ((int32_t)r.x[0] < (int32_t)sp_program.version) {
		sp_panic("its version of FF-A is not served");
	}
	r = FFA(FFA_ID_GET);
	sp_id = (uint16_t)r.x[2];
	find_buffers();
	if (sp_program.start != NULL) {
		sp_program.start();
	}
	sp_init_cpu();
}

void sp_init_cpu(void)
{
	if (sp_program.start_cpu != NULL) {
		sp_program.start_cpu();
	}
}

void sp_interrupt(uint32_t intid)
{
	struct sp_cpu *cpu = sp_this();

	if (intid < SP_INTIDS) {
		cpu->handled[intid]++;
	}
	switch (intid) {
	case FFA_INTID_VTIMER:
		sp_timer_stop();
		break;
	case FFA_INTID_ME:
		cpu->managed_exit = true;
		break;
	case FFA_INTID_NPI:
	case FFA_INTID_IPI:
		break;
	default:
		if (sp_program.interrupt != NULL) {
			sp_program.interrupt(intid);
		}
	}
}

/* VMs that have started and ended, by id. */
#define VMS 16
static struct {
	uint32_t starts, ends;
} vms[VMS];

void sp_vm(uint64_t *w)
{
	if (w[1] >= VMS) {
		w[0] = (uint64_t)FFA_INVALID_PARAMETERS;
		return;
	}
	w[2] = atomic_load(&vms[w[1]].ends);
	w[1] = atomic_load(&vms[w[1]].starts);
}

static void count_vm(uint32_t starts, uint32_t ends, uint16_t id)
{
	if (id < VMS) {
		atomic_add(&vms[id].starts, starts);
		atomic_add(&vms[id].ends, ends);
	}
}

/* Messages of the framework: power management and VMs. All is well with us. */
static void answer_framework(struct ffa_regs *r)
{
	uint64_t kind = r->x[2] & FFA_FRAMEWORK_ID_MASK;

	r->x[2] = FFA_FRAMEWORK_MESSAGE;
	switch (kind) {
	case FFA_FRAMEWORK_VM_CREATED_REQ:
		count_vm(1, 0, (uint16_t)r->x[5]);
		r->x[2] |= FFA_FRAMEWORK_VM_CREATED_RESP;
		break;
	case FFA_FRAMEWORK_VM_DESTROYED_REQ:
		count_vm(0, 1, (uint16_t)r->x[5]);
		r->x[2] |= FFA_FRAMEWORK_VM_DESTROYED_RESP;
		break;
	default:
		r->x[2] |= FFA_FRAMEWORK_POWER_RESP;
	}
	r->x[3] = FFA_OK;
	r->x[4] = r->x[5] = r->x[6] = r->x[7] = 0;
}

static uint64_t swap_ids(uint64_t w1)
{
	return (uint32_t)(w1 << 16 | (uint32_t)w1 >> 16);
}

/* A message came: makes it its answer. */
static void answer_message(struct ffa_regs *r)
{
	bool is_req2 = ffa_is(r, FFA_MSG_SEND_DIRECT_REQ2_64);
	uint64_t *w = is_req2 ? &r->x[4] : &r->x[3];

	if (!is_req2 && (r->x[2] & FFA_FRAMEWORK_MESSAGE) != 0) {
		answer_framework(r);
	} else {
		if (is_command(w[0])) {
			sp_command(w, is_req2 ? 14 : 5);
		}
		r->x[2] = 0;
		r->x[3] = is_req2 ? 0 : r->x[3];
	}
	/* The id of each answer is that of its request + 1. */
	r->x[0] = (uint32_t)r->x[0] + 1;
	r->x[1] = swap_ids(r->x[1]);
}

/* RX may be in use by another CPU: who has read it gives it back. Before 1.2 there is no way to say so. */
static void wait(struct ffa_regs *r)
{
	bool retains = sp_program.version >= FFA_VERSION_1_2 && !sp_program.wait_releases;

	*r = (struct ffa_regs){ .x = { FFA_MSG_WAIT, 0, retains ? FFA_MSG_WAIT_RETAIN_RX : 0 } };
}

/* What came in r, and what is called next, in the same registers. */
static void step(struct ffa_regs *r)
{
	struct sp_cpu *cpu = sp_this();

	switch ((uint32_t)r->x[0]) {
	case FFA_MSG_SEND_DIRECT_REQ:
	case FFA_MSG_SEND_DIRECT_REQ_64:
	case FFA_MSG_SEND_DIRECT_REQ2_64:
		answer_message(r);
		return;
	case FFA_RUN:
		cpu->runs++;
		break;
	case FFA_INTERRUPT:
		if (r->x[2] < SP_INTIDS) {
			cpu->given[r->x[2]]++;
		}
		break;
	case FFA_ERROR:
		cpu->last_error = (int32_t)r->x[2];
		break;
	default:
		break;
	}
	wait(r);
}

noreturn void sp_loop(void)
{
	struct ffa_regs r;
	uint32_t errors = 0;

	wait(&r);
	/* An answer may be refused, then waiting is right. That again refused is an error of ours. */
	while (errors < 3) {
		ffa_call(&r);
		errors = ffa_is(&r, FFA_ERROR) ? errors + 1 : 0;
		step(&r);
	}
	sp_panic("FFA_MSG_WAIT is refused");
}
