/* SPDX-License-Identifier: MIT */
/*
 * Indirect messages. pKVM's proxy passes FFA_MSG_SEND2 on, but the SPMC reads the buffer that the proxy gave it,
 * in which the message is not: there all that can be shown is the refusal.
 */
#include "payload/linux/ffa_test/partition.h"
#include "payload/linux/ffa_test/groups.h"

#define SIZE 100
#define FIRST 0x31
#define GET_HYPERVISOR 8
#define GET_SPM 4

static u8 text[SIZE];

static int send_to(struct ffa_device *sp, size_t size)
{
	for (unsigned int i = 0; i < SIZE; i++) {
		text[i] = FIRST + i;
	}
	return sp->ops->msg_ops->indirect_send(sp, text, size);
}

/* It has its mailbox for the next one. */
static void release(void)
{
	call_from(hello, FFA_NOTIFICATION_GET, hello->vm_id, GET_SPM | GET_HYPERVISOR, 0);
	CHECK_CODE(code_from(hello, FFA_RX_RELEASE, 0, 0, 0), 0);
}

static void through_proxy(void)
{
	SKIP_UNLESS(below == BELOW_PKVM, "no pKVM");
	CHECK(send_to(hello, SIZE) != 0);
	/* Its RX buffer is empty: nothing to release. */
	CHECK_CODE(code_from(hello, FFA_RX_RELEASE, 0, 0, 0), FFA_RET_DENIED);
}

static void to_partition(void)
{
	struct words w;

	SKIP_UNLESS(below != BELOW_PKVM, "pKVM's proxy cannot");
	CHECK_CODE(send_to(hello, SIZE), 0);
	w = COMMAND(hello, COMMAND_RECEIVED, FIRST);
	CHECK_CODE(w.w[0], 0);
	CHECK_EQ(w.w[1], own_id | (u64)hello->vm_id << 16 | (u64)SIZE << 32);
	CHECK_EQ(w.w[2], 0);
	release();
}

/* One message has room. */
static void while_full(void)
{
	SKIP_UNLESS(below != BELOW_PKVM, "pKVM's proxy cannot");
	CHECK_CODE(send_to(hello, 1), 0);
	CHECK_CODE(send_to(hello, 1), -EBUSY);
	release();
	CHECK_CODE(send_to(hello, 1), 0);
	release();
}

static void refused(void)
{
	static u8 large[4096];

	CHECK_CODE(hello->ops->msg_ops->indirect_send(hello, large, sizeof(large)), -ERANGE);
	/* It takes no indirect messages, and without pKVM that is why. */
	CHECK_CODE(send_to(irq, SIZE), below == BELOW_PKVM ? -EINVAL : -EACCES);
}

static const struct test tests[] = {
	{ "through_proxy", through_proxy },
	{ "to_partition", to_partition },
	{ "while_full", while_full },
	{ "refused", refused },
};
GROUP(indirect, tests);
