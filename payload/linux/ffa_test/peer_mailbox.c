/* SPDX-License-Identifier: MIT */
/*
 * Another VM, without the driver and with a mailbox of our own: what we borrow from it, what it is given for good,
 * messages that we read, and messages of 1.2 if the parameter 'version' is that. Who it is, peer.c says.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/own_mailbox.h"

#define OURS 0x666000
#define THEIRS 0x777000
#define PAGES 3
#define UP_MS 20000
#define GET_VM 2
#define GET_FRAMEWORK 0xc
#define ATTRIBUTES (FFA_MEM_NORMAL | FFA_MEM_WRITE_BACK | FFA_MEM_INNER_SHAREABLE)
#define RETRIEVE_LENT (FFA_MEM_RW | FFA_MEM_NO_EXEC) /* who lends cannot say whether it may be executed */

static u16 peer; /* 0: there is no mailbox, or nobody */

#define ASK(...) COMMAND_OF(peer, __VA_ARGS__)
#define ASK_CODE(...) ((int)ASK(__VA_ARGS__).w[0])
#define NEEDS_PEER() SKIP_UNLESS(peer != 0, "no mailbox, or no other VM")
#define NEEDS_SERVANT() SKIP_UNLESS(peer != 0 && !linux_peer, "not a VM of payload/vm/ffa")

static void begin(void)
{
	u16 found;

	SKIP_UNLESS(partition_find_below() && below == BELOW_HYPERVISOR, "no hypervisor, so no other VM");
	REQUIRE(mailbox_open());
	found = linux_peer ? MAILBOX_FIND(UUID_WORDS_LINUX) : MAILBOX_FIND(UUID_WORDS_VM_2);
	if (found == 0 || found == own_id) {
		mailbox_close();
		test_skip("no other VM");
		return;
	}
	peer = found;
	CHECK_CODE(ASK_CODE(COMMAND_STATE), 0);
}

static void end(void)
{
	NEEDS_PEER();
	mailbox_close();
	peer = 0;
}

static void req2(void)
{
	struct arm_smccc_1_2_regs r;

	NEEDS_PEER();
	for (u64 i = 0; i < 1000 && !test_failed(); i++) {
		r = ffa_message((struct arm_smccc_1_2_regs){ FFA_MSG_SEND_DIRECT_REQ2, ffa_pair(own_id, peer), 0, 0, i,
							     2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, ~i });
		if (version < FFA_PACK_VERSION_INFO(1, 2) || linux_peer) {
			/* Both must speak 1.2, and Linux serves as 1.1. */
			CHECK_CODE(ffa_code(&r), FFA_RET_DENIED);
			return;
		}
		CHECK_EQ(r.a0, FFA_MSG_SEND_DIRECT_RESP2);
		CHECK_EQ(r.a1, ffa_pair(peer, own_id));
		CHECK(r.a4 == i && r.a5 == 2 && r.a10 == 7 && r.a16 == 13 && r.a17 == ~i);
	}
}

/* ---- memory of its ---- */

/* It sends PAGES of its spare ones. */
static struct words send_by_peer(u32 id)
{
	return ASK(COMMAND_SEND, id, own_id, PAGES | (u64)FFA_MEM_RW << 32,
		   id == FFA_FN64_MEM_SHARE ? (u64)ATTRIBUTES << 32 : 0);
}

static int reclaim_by_peer(u64 handle)
{
	struct words w = ASK(COMMAND_CALL, FFA_MEM_RECLAIM, (u32)handle, handle >> 32);

	return w.w[0] != 0 ? (int)w.w[0] : (u32)w.w[1] == FFA_ERROR ? (int)w.w[3] : 0;
}

static int retrieve(u64 handle, u8 permissions, struct borrowed *got)
{
	const struct ffa_mem_region from = { .sender_id = peer, .attributes = ATTRIBUTES, .handle = handle };

	return mailbox_retrieve(&from, permissions, got);
}

static void borrow(u32 id, u8 permissions)
{
	struct words sent = send_by_peer(id);
	struct borrowed got = {};

	REQUIRE(sent.w[0] == 0);
	CHECK_CODE(retrieve(sent.w[1] + 1, permissions, &got), FFA_RET_INVALID_PARAMETERS);
	if (retrieve(sent.w[1], permissions, &got) != 0) {
		test_fail("what it sent cannot be retrieved");
		reclaim_by_peer(sent.w[1]);
		return;
	}
	CHECK_EQ(got.page_count, PAGES);
	borrowed_fill(&got, OURS);
	CHECK_EQ(borrowed_wrong(&got, OURS), 0);
	if (id == FFA_FN64_MEM_SHARE) {
		CHECK_EQ(ASK(COMMAND_CHECK, 0, OURS, sent.w[2], PAGES).w[1], 0);
		CHECK_CODE(ASK_CODE(COMMAND_FILL, 0, THEIRS, sent.w[2], PAGES), 0);
		CHECK_EQ(borrowed_wrong(&got, THEIRS), 0);
		borrowed_fill(&got, OURS);
	}
	CHECK_CODE(reclaim_by_peer(sent.w[1]), FFA_RET_DENIED);
	/* What is another's is not ours to send on. */
	CHECK(mailbox_send(&(struct sending){ .id = FFA_FN64_MEM_LEND,
					      .to = peer,
					      .address = got.ranges[0].address,
					      .page_count = 1,
					      .permissions = FFA_MEM_RW },
			   &sent.w[3]) != 0);
	CHECK_CODE(mailbox_relinquish(&got, 0), 0);
	got.handle = sent.w[1];
	CHECK_CODE(mailbox_relinquish(&got, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(reclaim_by_peer(sent.w[1]), 0);
	CHECK_CODE(reclaim_by_peer(sent.w[1]), FFA_RET_INVALID_PARAMETERS);
	CHECK_EQ(ASK(COMMAND_CHECK, 0, OURS, sent.w[2], PAGES).w[1], 0);
}

static void shared_with_us(void)
{
	NEEDS_PEER();
	borrow(FFA_FN64_MEM_SHARE, FFA_MEM_RW);
}

static void lent_to_us(void)
{
	NEEDS_PEER();
	borrow(FFA_FN64_MEM_LEND, RETRIEVE_LENT);
}

/* Its next life has other pages, and we keep what we have until we give it back. */
static void lender_resets(void)
{
	struct borrowed got = {};
	struct words sent;
	ktime_t end_of_wait;
	int code;

	NEEDS_SERVANT();
	sent = send_by_peer(FFA_FN64_MEM_LEND);
	REQUIRE(sent.w[0] == 0 && retrieve(sent.w[1], RETRIEVE_LENT, &got) == 0);
	borrowed_fill(&got, OURS);
	CHECK_CODE(ASK_CODE(COMMAND_POWER, POWER_RESET), FFA_RET_ABORTED);
	end_of_wait = ktime_add_ms(ktime_get(), UP_MS);
	do {
		code = ASK_CODE(COMMAND_STATE);
	} while (code == FFA_RET_ABORTED && ktime_before(ktime_get(), end_of_wait));
	CHECK_CODE(code, 0);
	CHECK_EQ(borrowed_wrong(&got, OURS), 0);
	CHECK_CODE(mailbox_relinquish(&got, 0), 0);
	CHECK_CODE(reclaim_by_peer(sent.w[1]), FFA_RET_INVALID_PARAMETERS);
	lent_to_us();
}

/* ---- a page of ours, for good ---- */

/* Linux never sees it again; so it is not given back to the allocator, and nothing of ours looks at it. */
static void donate(void)
{
	unsigned long page = __get_free_page(GFP_KERNEL | __GFP_ZERO);
	struct sending sending = { .id = FFA_FN64_MEM_DONATE, .to = peer, .page_count = 1 };
	u64 handle = 0, request = own_id | (u64)RETRIEVE_LENT << 16 | (u64)ATTRIBUTES << 32;

	NEEDS_PEER();
	REQUIRE(page != 0);
	sending.address = virt_to_phys((void *)page);
	WRITE_ONCE(*(u64 *)page, OURS);
	sending.permissions = FFA_MEM_RW;
	CHECK_CODE(mailbox_send(&sending, &handle), FFA_RET_INVALID_PARAMETERS);
	sending.permissions = 0;
	REQUIRE(mailbox_send(&sending, &handle) == 0);
	CHECK_CODE(mailbox_reclaim(handle), 0);
	CHECK_EQ(READ_ONCE(*(u64 *)page), OURS);
	for (unsigned int at = 0; at < PAGE_SIZE; at += PATTERN_STEP) {
		WRITE_ONCE(*(u64 *)(page + at), OURS + at);
	}
	REQUIRE(mailbox_send(&sending, &handle) == 0);
	CHECK_CODE(ASK_CODE(COMMAND_RETRIEVE, handle, 0, request, 0), 0);
	CHECK_EQ(ASK(COMMAND_CHECK, handle, OURS).w[1], 0);
	CHECK_CODE(mailbox_reclaim(handle), FFA_RET_INVALID_PARAMETERS);
	CHECK(mailbox_send(&sending, &handle) != 0);
}

/* ---- messages ---- */

static struct arm_smccc_1_2_regs get(u32 flags)
{
	return FFA(FFA_NOTIFICATION_GET, own_id, flags);
}

static void indirect(void)
{
	u16 sender = 0, receiver = 0;
	unsigned int wrong = 0;
	u32 size = 0;
	struct arm_smccc_1_2_regs r;

	NEEDS_PEER();
	REQUIRE(ASK_CODE(COMMAND_MESSAGE, own_id, 100, 0, 0x21) == 0);
	CHECK_CODE(ASK_CODE(COMMAND_MESSAGE, own_id, 100, 0, 0x22), FFA_RET_BUSY);
	CHECK_CODE(mailbox_received(0x21, &sender, &receiver, &size, &wrong), 0);
	CHECK(sender == peer && receiver == own_id && size == 100 && wrong == 0);
	/* The framework's notification comes first. */
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_RET_DENIED);
	r = get(GET_FRAMEWORK);
	CHECK_EQ(r.a0, FFA_SUCCESS);
	CHECK_EQ(r.a7, 1);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), 0);
	CHECK_CODE(mailbox_message(peer, 10, 0, 0x33), 0);
	CHECK_EQ(ASK(COMMAND_RECEIVED, 0x33).w[2], 0);
	ASK(COMMAND_CALL, FFA_NOTIFICATION_GET, peer, GET_FRAMEWORK);
	ASK(COMMAND_CALL, FFA_RX_RELEASE);
	CHECK_CODE(mailbox_message(own_id, 10, 0, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(mailbox_message(0x77, 10, 0, 0), FFA_RET_INVALID_PARAMETERS);
}

/* Bits above 32 too, which the driver's side cannot set by a message of 1.1. */
static void notifications(void)
{
	const u64 bits = 1ull << 40 | 1ull << 2;
	struct arm_smccc_1_2_regs r;
	struct words w;

	NEEDS_PEER();
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(peer, own_id), 0, (u32)bits, bits >> 32), 0);
	w = ASK(COMMAND_CALL, FFA_NOTIFICATION_SET, ffa_pair(peer, own_id), 0, 1u << 2);
	CHECK_EQ(w.w[1], FFA_SUCCESS);
	r = get(GET_VM);
	CHECK(r.a4 == 1u << 2 && r.a5 == 0);
	CHECK_EQ(get(GET_VM).a4, 0);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, ffa_pair(peer, own_id), 0, (u32)bits, bits >> 32), 0);
}

static const struct test tests[] = {
	{ "begin", begin },
	{ "req2", req2 },
	{ "shared_with_us", shared_with_us },
	{ "lent_to_us", lent_to_us },
	{ "lender_resets", lender_resets },
	{ "donate", donate },
	{ "indirect", indirect },
	{ "notifications", notifications },
	{ "end", end },
};
GROUP(peer_mailbox, tests);
