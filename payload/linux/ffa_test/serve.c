/* SPDX-License-Identifier: MIT */
/*
 * The module as a server: what other VMs ask of this one by direct messages, as commands of payload/lib/commands.h, a
 * thread of each CPU does. The driver arm_ffa has no such side, so it must not be loaded: the mailbox is ours then.
 * Commands that would end Linux, or make it fault, are not supported.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/own_mailbox.h"

#define HELD_MAX 16
#define SPARE_ORDER 5
#define SPARE_PAGES (1u << SPARE_ORDER)
#define WORDS_MAX 14
#define BUSY_US_MAX 1000000

static struct task_struct *threads[NR_CPUS];
static unsigned long spare;
static bool spare_sent;

/* What others lent us. The lock is also over who uses it. */
static DEFINE_MUTEX(lock);
static struct borrowed held[HELD_MAX];

/* ---- memory ---- */

/* NULL: there is none. Handle 0 finds a free place. */
static struct borrowed *find(u64 handle)
{
	for (unsigned int i = 0; i < HELD_MAX; i++) {
		if (held[i].handle == handle) {
			return &held[i];
		}
	}
	return NULL;
}

static void retrieve(u64 *w)
{
	struct ffa_mem_region from = {
		.sender_id = (u16)w[3], .attributes = (u16)(w[3] >> 32), .flags = (u32)w[4], .handle = w[1], .tag = w[2]
	};
	struct borrowed *got = find(0);

	if (got == NULL) {
		w[0] = (u64)FFA_RET_NO_MEMORY;
		return;
	}
	w[0] = (u64)mailbox_retrieve(&from, (u8)(w[3] >> 16), got);
	if (w[0] != 0) {
		got->handle = 0;
		return;
	}
	w[1] = got->page_count;
	w[2] = got->range_count;
	w[3] = got->ranges[0].address;
	w[4] = got->attributes | (u64)got->permissions << 16 | (u64)got->flags << 32;
}

static void relinquish(u64 *w)
{
	struct borrowed unknown = { .handle = w[1] }, *known = w[1] != 0 ? find(w[1]) : NULL;

	w[0] = (u64)mailbox_relinquish(known != NULL ? known : &unknown, (u32)w[2]);
}

/* Some of our spare pages. */
static void send(u64 *w)
{
	u32 first = (u16)(w[3] >> 16), count = (u16)w[3];
	struct sending sending = { .id = (u32)w[1],
				   .to = (u16)w[2],
				   .also = (u16)(w[2] >> 16),
				   .address = virt_to_phys((void *)spare) + first * PAGE_SIZE,
				   .page_count = count,
				   .permissions = (u8)(w[3] >> 32),
				   .flags = (u32)w[4],
				   .attributes = (u16)(w[4] >> 32) };

	if (first + count > SPARE_PAGES) {
		w[0] = (u64)FFA_RET_INVALID_PARAMETERS;
		return;
	}
	w[0] = (u64)mailbox_send(&sending, &w[1]);
	w[2] = sending.address;
	spare_sent = spare_sent || w[0] == 0;
}

/* What FILL and CHECK mean: memory that is held, or spare pages of ours. False: neither. */
static bool meant(const u64 *w, struct ffa_mem_region_addr_range *range, struct borrowed *out)
{
	const struct borrowed *known = w[1] != 0 ? find(w[1]) : NULL;
	phys_addr_t base = virt_to_phys((void *)spare);

	if (known != NULL) {
		*out = *known;
		return true;
	}
	*range = (struct ffa_mem_region_addr_range){ .address = w[3], .pg_cnt = (u32)w[4] };
	*out = (struct borrowed){ .ranges = range, .range_count = 1 };
	return w[1] == 0 && w[3] >= base && w[4] <= SPARE_PAGES && w[3] - base <= (SPARE_PAGES - w[4]) * PAGE_SIZE;
}

static void fill(u64 *w)
{
	struct ffa_mem_region_addr_range range;
	struct borrowed borrowed;

	if (meant(w, &range, &borrowed)) {
		borrowed_fill(&borrowed, w[2]);
	} else {
		w[0] = (u64)FFA_RET_INVALID_PARAMETERS;
	}
}

static void check(u64 *w)
{
	struct ffa_mem_region_addr_range range;
	struct borrowed borrowed;

	w[1] = meant(w, &range, &borrowed) ? borrowed_wrong(&borrowed, w[2]) : 1;
}

/* ---- messages and time ---- */

static void received(u64 *w)
{
	u16 sender = 0, receiver = 0;
	unsigned int wrong = 0;
	u32 size = 0;

	w[0] = (u64)mailbox_received((u8)w[1], &sender, &receiver, &size, &wrong);
	w[1] = sender | (u64)receiver << 16 | (u64)size << 32;
	w[2] = wrong;
}

static void call(u64 *w, unsigned int count)
{
	struct arm_smccc_1_2_regs r = {};

	memcpy(&r, &w[1], (count - 1) * sizeof(w[0]));
	r = ffa_call(r);
	memcpy(&w[1], &r, (count - 1) * sizeof(w[0]));
}

static void relay_for(u64 *w)
{
	struct words answer = COMMAND_OF((u16)w[1], w[2], w[3], w[4]);

	/* What comes back is the other's, errors of the message apart. */
	for (unsigned int i = 4; i > 0; i--) {
		w[i] = answer.w[i - 1];
	}
}

static void yield_often(u64 *w)
{
	for (u64 i = 0; i < w[1] && w[0] == 0; i++) {
		struct arm_smccc_1_2_regs r = FFA(FFA_YIELD, 0, (u32)w[2], w[2] >> 32);

		w[0] = ffa_is(&r, FFA_SUCCESS) ? 0 : (u64)FFA_RET_ABORTED;
	}
}

static void with_memory(void (*what)(u64 *w), u64 *w)
{
	mutex_lock(&lock);
	what(w);
	mutex_unlock(&lock);
}

/* The answer takes the command's place. */
static void command_of(u64 *w, unsigned int count)
{
	u64 id = w[0];

	w[0] = 0;
	switch (id) {
	case COMMAND_CALL:
		call(w, count);
		break;
	case COMMAND_RELAY:
		relay_for(w);
		break;
	case COMMAND_RETRIEVE:
		with_memory(retrieve, w);
		break;
	case COMMAND_RELINQUISH:
		with_memory(relinquish, w);
		break;
	case COMMAND_SEND:
		with_memory(send, w);
		break;
	case COMMAND_FILL:
		with_memory(fill, w);
		break;
	case COMMAND_CHECK:
		with_memory(check, w);
		break;
	case COMMAND_MESSAGE:
		w[0] = (u64)mailbox_message((u16)w[1], (u32)w[2], (u32)w[3], (u8)w[4]);
		break;
	case COMMAND_RECEIVED:
		received(w);
		break;
	case COMMAND_BUSY:
		for (ktime_t end = ktime_add_us(ktime_get(), min(w[1], (u64)BUSY_US_MAX));
		     ktime_before(ktime_get(), end);) {
			cpu_relax();
		}
		w[1] = 0;
		break;
	case COMMAND_YIELD:
		yield_often(w);
		break;
	case COMMAND_STATE:
		w[1] = smp_processor_id();
		w[2] = w[3] = w[4] = 0;
		break;
	default:
		w[0] = (u64)FFA_RET_NOT_SUPPORTED;
	}
}

/* ---- the threads ---- */

static struct arm_smccc_1_2_regs answer_to(struct arm_smccc_1_2_regs r)
{
	bool two = ffa_is(&r, FFA_MSG_SEND_DIRECT_REQ2);
	u64 words[WORDS_MAX];
	u64 *first = two ? (u64 *)&r.a4 : (u64 *)&r.a3;
	unsigned int count = two ? WORDS_MAX : 5;

	memcpy(words, first, count * sizeof(words[0]));
	if (words[0] >= COMMAND_FIRST && words[0] < COMMAND_LAST) {
		command_of(words, count);
	}
	memcpy(first, words, count * sizeof(words[0]));
	/* The id of each answer is that of its request + 1. */
	r.a0 = (u32)r.a0 + 1;
	r.a1 = ffa_pair((u16)r.a1, (u16)(r.a1 >> 16));
	r.a2 = 0;
	r.a3 = two ? 0 : r.a3;
	return r;
}

static bool is_request(const struct arm_smccc_1_2_regs *r)
{
	return ffa_is(r, FFA_MSG_SEND_DIRECT_REQ) || ffa_is(r, FFA_FN64_MSG_SEND_DIRECT_REQ) ||
	       ffa_is(r, FFA_MSG_SEND_DIRECT_REQ2);
}

/* Each interrupt ends the wait, the scheduler's tick at the latest: then this CPU waits for nothing, and may stop. */
static int loop(void *unused)
{
	const struct arm_smccc_1_2_regs wait = { FFA_MSG_WAIT };
	struct arm_smccc_1_2_regs r = ffa_call(wait);

	for (;;) {
		if (is_request(&r)) {
			r = ffa_call(answer_to(r));
			continue;
		}
		if (kthread_should_stop()) {
			return 0;
		}
		if (!ffa_is(&r, FFA_INTERRUPT)) {
			pr_warn_ratelimited("ffa_test: waiting for messages ended with 0x%llx, %d\n", (u64)r.a0,
					    ffa_code(&r));
			msleep(10);
		}
		cond_resched();
		r = ffa_call(wait);
	}
}

int serve_start(void)
{
	unsigned int cpu;

	spare = __get_free_pages(GFP_KERNEL | __GFP_ZERO, SPARE_ORDER);
	if (spare == 0) {
		return -ENOMEM;
	}
	if (!mailbox_open()) {
		free_pages(spare, SPARE_ORDER);
		pr_err("ffa_test: there is no FF-A, or the driver has the mailbox: unload it\n");
		return -EBUSY;
	}
	for_each_online_cpu(cpu)
	{
		struct task_struct *thread = kthread_create_on_cpu(loop, NULL, cpu, "ffa_test/%u");

		if (!IS_ERR(thread)) {
			threads[cpu] = thread;
			wake_up_process(thread);
		}
	}
	pr_info("# serving as 0x%x\n", own_id);
	return 0;
}

/* What others lent us goes back. Pages of ours that were sent are never used again: others may have them still. */
void serve_stop(void)
{
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		if (threads[cpu] != NULL) {
			kthread_stop(threads[cpu]);
		}
	}
	for (unsigned int i = 0; i < HELD_MAX; i++) {
		if (held[i].handle != 0) {
			mailbox_relinquish(&held[i], 0);
		}
	}
	mailbox_close();
	if (!spare_sent) {
		free_pages(spare, SPARE_ORDER);
	}
}
