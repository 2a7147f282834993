/* SPDX-License-Identifier: MIT */
/*
 * Another VM as a partition: payload/vm/ffa, which does the commands that partitions do, or with linux_peer=1 a Linux
 * whose ffa_test serves. By the driver's operations where it has them; what needs a mailbox is in peer_mailbox.c.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "payload/linux/ffa_test/cpus.h"
#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/memory.h"
#include "payload/linux/ffa_test/tree.h"

#define OFTEN 3000
#define ROUNDS 300
#define LONG_US 100000
#define OURS 0x444000
#define THEIRS 0x555000
#define NOBODY 0x77
#define DEVICE_PAGE 0x09000000 /* the UART */
#define NO_PAGE 0x3f00000000
#define BORROWED_PAGE (1ull << 39 | 0x40000000) /* where memory of others would be */
#define UP_MS 20000

static struct ffa_device *peer(void)
{
	struct ffa_device *device = linux_peer ? other_linux : servant;

	return device != NULL && device->vm_id != own_id ? device : NULL;
}

/* Each test's first line: a report that all was skipped is none, so test 'found' fails if there is nobody. */
#define NEEDS_PEER() SKIP_UNLESS(peer() != NULL, "no other VM")
#define NEEDS_SERVANT() SKIP_UNLESS(peer() != NULL && !linux_peer, "not a VM of payload/vm/ffa")

static void found(void)
{
	SKIP_UNLESS(below == BELOW_HYPERVISOR, "no hypervisor, so no other VM");
	REQUIRE(peer() != NULL);
	CHECK((peer()->vm_id & 0x8000) == 0 && peer()->vm_id != own_id);
	CHECK(ffa_partition_supports_direct_recv(peer()));
	CHECK(ffa_partition_supports_indirect_msg(peer()));
	CHECK(ffa_partition_supports_notify_recv(peer()));
	CHECK_CODE(COMMAND_CODE(peer(), COMMAND_STATE), 0);
}

/* ---- direct messages ---- */

static void echo_of(u64 seed)
{
	struct words w = COMMAND(peer(), seed, ~seed, seed + 2, seed + 3, seed + 4);
	u64 mask = peer()->mode_32bit ? ~0u : ~0ull;

	CHECK(w.w[0] == (seed & mask) && w.w[1] == (~seed & mask) && w.w[2] == ((seed + 2) & mask) &&
	      w.w[3] == ((seed + 3) & mask) && w.w[4] == ((seed + 4) & mask));
}

static void echo_64(void)
{
	NEEDS_PEER();
	echo_of(0x123456789abcdef0);
}

/* The upper halves are lost, as SMC32 says. */
static void echo_32(void)
{
	NEEDS_PEER();
	peer()->mode_32bit = true;
	echo_of(0xaaaaaaaa76543210);
	peer()->mode_32bit = false;
}

static void echo_often(void)
{
	NEEDS_PEER();
	for (u64 i = 0; i < OFTEN && !test_failed(); i++) {
		echo_of(i << 32 | 1);
	}
}

static void registers_once(void)
{
	struct arm_smccc_1_2_regs r = ffa_message((struct arm_smccc_1_2_regs){
		FFA_FN64_MSG_SEND_DIRECT_REQ, ffa_pair(own_id, peer()->vm_id), 0, 1, 2, 3, 4, 5, 6, 7, 8 });

	CHECK_EQ(r.a0, FFA_FN64_MSG_SEND_DIRECT_RESP);
	CHECK_EQ(r.a1, ffa_pair(peer()->vm_id, own_id));
	CHECK_EQ(r.a2, 0);
	CHECK(r.a3 == 1 && r.a4 == 2 && r.a5 == 3 && r.a6 == 4 && r.a7 == 5);
	/* No message of this kind has them. */
	CHECK(r.a8 == 6 && r.a9 == 7 && r.a10 == 8);
}

/* Also when an interrupt comes meanwhile. */
static void registers(void)
{
	NEEDS_PEER();
	for (unsigned int i = 0; i < OFTEN && !test_failed(); i++) {
		registers_once();
	}
}

/* A driver of 1.1 has no such message; one of 1.2 has. */
static void req2(void)
{
	struct ffa_send_direct_data2 data = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 } };
	int error;

	NEEDS_PEER();
	error = tree_send_receive2(peer(), &data);
	if (peer()->ops->info_ops->api_version_get() <= FFA_VERSION_1_1) {
		CHECK_CODE(error, -EOPNOTSUPP);
		CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ2, ffa_pair(own_id, peer()->vm_id), 0, 0, 1),
			   FFA_RET_DENIED);
		return;
	}
	CHECK_CODE(error, 0);
	CHECK(data.data[0] == 1 && data.data[6] == 7 && data.data[13] == 14);
}

static void echo_on(unsigned int cpu)
{
	for (u64 i = 1; i <= ROUNDS && !test_failed(); i++) {
		struct words w = COMMAND(peer(), i << 8 | cpu, ~i, cpu);

		CHECK(w.w[0] == (i << 8 | cpu) && w.w[1] == ~i && w.w[2] == cpu);
	}
}

/* More than it has. */
static void all_cpus(void)
{
	NEEDS_PEER();
	on_all(echo_on);
}

static void interrupted(void)
{
	NEEDS_PEER();
	preempts_by((struct words){ { COMMAND_BUSY, LONG_US, 0 } }, peer());
}

/* By the driver, which runs it on again and again: our clock goes on meanwhile. */
static void clock_goes_on(void)
{
	ktime_t start = ktime_get();
	unsigned long ticks = jiffies;

	NEEDS_PEER();
	CHECK_CODE(COMMAND_CODE(peer(), COMMAND_BUSY, 3 * LONG_US, 0), 0);
	CHECK(ktime_us_delta(ktime_get(), start) >= 3 * LONG_US);
	CHECK(jiffies - ticks >= usecs_to_jiffies(LONG_US));
}

/* The driver sleeps, and runs it again; past the driver each yield is seen. */
static void yields(void)
{
	struct arm_smccc_1_2_regs r;
	unsigned int count = 0;

	NEEDS_PEER();
	CHECK_CODE(COMMAND_CODE(peer(), COMMAND_YIELD, 5, 1000), 0);
	r = ffa_request((struct arm_smccc_1_2_regs){ FFA_FN64_MSG_SEND_DIRECT_REQ, ffa_pair(own_id, peer()->vm_id), 0,
						     COMMAND_YIELD, 3, 1ull << 32 | 2 });
	while (ffa_is(&r, FFA_INTERRUPT) || ffa_is(&r, FFA_YIELD)) {
		CHECK_EQ(r.a1 >> 16, peer()->vm_id);
		CHECK(!ffa_is(&r, FFA_YIELD) || (r.a2 == 2 && r.a3 == 1));
		count += ffa_is(&r, FFA_YIELD);
		r = FFA(FFA_RUN, (u32)r.a1);
	}
	CHECK_EQ(r.a0, FFA_FN64_MSG_SEND_DIRECT_RESP);
	CHECK_CODE(r.a3, 0);
	/* An interrupt lets the other go on, too, and then we may not see that it had yielded. Linux has some. */
	CHECK(linux_peer ? count <= 3 : count == 3);
}

/* It calls a partition for us; and us, who wait for it. */
static void chain(void)
{
	struct words w;

	NEEDS_PEER();
	if (hello != NULL) {
		w = COMMAND(peer(), COMMAND_RELAY, hello->vm_id, 0x7700, 0x7701, 0x7702);
		CHECK_CODE(w.w[0], 0);
		CHECK(w.w[1] == 0x7700 && w.w[2] == 0x7701 && w.w[3] == 0x7702);
	}
	w = COMMAND(peer(), COMMAND_CALL, FFA_FN64_MSG_SEND_DIRECT_REQ, ffa_pair(peer()->vm_id, own_id));
	CHECK_CODE(w.w[0], 0);
	/* We do not receive direct requests. */
	CHECK((u32)w.w[1] == FFA_ERROR && ((int)w.w[3] == FFA_RET_DENIED || (int)w.w[3] == FFA_RET_BUSY));
	echo_64();
}

static int send_code(u16 from, u16 to, u32 flags)
{
	return FFA_CODE(FFA_MSG_SEND_DIRECT_REQ, ffa_pair(from, to), flags, 1);
}

static void wrong_messages(void)
{
	u16 id = peer() != NULL ? peer()->vm_id : 0;

	NEEDS_PEER();
	CHECK_CODE(send_code(own_id, NOBODY, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_code(id, own_id, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_code(0, id, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_code(own_id, id, 1), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_code(own_id, id, 1u << 31 | 4), FFA_RET_INVALID_PARAMETERS);
	/* Nobody was called, so nobody is to be run or answered. */
	CHECK_CODE(FFA_CODE(FFA_RUN, (u32)id << 16), FFA_RET_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RUN, (u32)id << 16 | 0x70), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_RESP, ffa_pair(own_id, id)), FFA_RET_DENIED);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_RESP, ffa_pair(id, own_id)), FFA_RET_INVALID_PARAMETERS);
	echo_64();
}

/* ---- memory ---- */

static void share_page(void)
{
	NEEDS_PEER();
	memory_round_trip(peer(), SHARE, 1, 0);
}

static void lend_page(void)
{
	NEEDS_PEER();
	memory_round_trip(peer(), LEND, 1, 0);
}

static void ranges(void)
{
	NEEDS_PEER();
	memory_round_trip(peer(), SHARE, 20, 2);
	memory_round_trip(peer(), LEND, 20, 2);
}

/* The last descriptor that fits our buffer, the first that does not, and three fragments, there and back. */
static void fragments(void)
{
	static const unsigned int counts[] = { 251, 252, 600 };

	NEEDS_PEER();
	for (unsigned int i = 0; i < ARRAY_SIZE(counts) && !test_failed(); i++) {
		memory_round_trip(peer(), SHARE, counts[i], 0);
		memory_round_trip(peer(), LEND, counts[i], 0);
	}
}

static void two_mib(void)
{
	NEEDS_PEER();
	memory_round_trip(peer(), SHARE, 1, get_order(SZ_2M));
	memory_round_trip(peer(), LEND, 1, get_order(SZ_2M));
}

static struct words touch(u64 address, bool write)
{
	return COMMAND(peer(), COMMAND_TOUCH, address, write);
}

static void read_only(void)
{
	struct memory *m = memory_get(1, 0);

	NEEDS_SERVANT();
	REQUIRE(m != NULL);
	memory_fill(m, OURS);
	REQUIRE(memory_send(m, (struct send){ SHARE, peer(), .access = FFA_MEM_RO }) == 0);
	CHECK_CODE(memory_retrieve(m, peer(), FFA_MEM_RW), FFA_RET_DENIED);
	REQUIRE(memory_retrieve(m, peer(), FFA_MEM_RO) == 0);
	CHECK_EQ(touch(m->address, false).w[1], 0);
	CHECK_EQ(touch(m->address, false).w[2], OURS);
	CHECK_EQ(touch(m->address, true).w[1], 1);
	CHECK_EQ(memory_wrong(m, OURS), 0);
	CHECK_CODE(memory_relinquish(m, peer()), 0);
	CHECK_EQ(touch(m->address, false).w[1], 1);
}

/* Zeroed before it is theirs, and what they wrote is there when it is ours again. */
static void zeroed(void)
{
	struct memory *m = memory_get(1, 3);

	NEEDS_SERVANT();
	REQUIRE(m != NULL);
	memory_fill(m, OURS);
	CHECK_CODE(SEND(m, SHARE, peer(), .flags = FFA_MEM_CLEAR), -EINVAL);
	REQUIRE(SEND(m, LEND, peer(), .flags = FFA_MEM_CLEAR) == 0);
	REQUIRE(memory_retrieve(m, peer(), FFA_MEM_RW) == 0);
	for (u64 at = 0; at < 8 * PAGE_SIZE; at += PATTERN_STEP) {
		CHECK_EQ(touch(m->address + at, false).w[2], 0);
	}
	CHECK_CODE(memory_fill_by(m, peer(), THEIRS), 0);
	CHECK_CODE(memory_relinquish(m, peer()), 0);
	CHECK_CODE(memory_reclaim(m), 0);
	CHECK_EQ(memory_wrong(m, THEIRS), 0);
}

/* Nobody has back what is in use, nor twice; nor gives back what he has not. */
static void out_of_turn(void)
{
	struct memory *m = memory_get(3, 0);

	NEEDS_PEER();
	REQUIRE(m != NULL);
	m->tag = 5;
	REQUIRE(SEND(m, LEND, peer()) == 0);
	CHECK_CODE(memory_relinquish(m, peer()), FFA_RET_INVALID_PARAMETERS);
	m->tag = 6;
	CHECK_CODE(memory_retrieve(m, peer(), FFA_MEM_RW), FFA_RET_INVALID_PARAMETERS);
	m->tag = 5;
	REQUIRE(memory_retrieve(m, peer(), FFA_MEM_RW) == 0);
	CHECK(memory_retrieve(m, peer(), FFA_MEM_RW) != 0);
	CHECK_CODE(memory_reclaim(m), -EACCES);
	CHECK_CODE(memory_relinquish(m, peer()), 0);
	m->holders[0] = m->holders[1] = NULL;
	CHECK_CODE(memory_relinquish(m, peer()), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(memory_reclaim(m), 0);
	CHECK_CODE(memory_reclaim(m), -EINVAL);
	CHECK_CODE(memory_retrieve(m, peer(), FFA_MEM_RW), FFA_RET_INVALID_PARAMETERS);
	memory_round_trip(peer(), LEND, 1, 0);
}

/* What is lent can be sent to nobody, alone or in a list, nor what stands in a list twice; then all is as before. */
static void lent_pages(void)
{
	struct memory *m = memory_get(5, 0), *middle, *rest;

	NEEDS_PEER();
	REQUIRE(m != NULL);
	middle = memory_alias(m, 2, 1);
	rest = memory_alias(m, 0, 2);
	REQUIRE(middle != NULL && rest != NULL);
	REQUIRE(SEND(middle, LEND, peer()) == 0 && memory_retrieve(middle, peer(), FFA_MEM_RW) == 0);
	CHECK_CODE(memory_fill_by(middle, peer(), THEIRS), 0);
	CHECK_CODE(SEND(m, SHARE, peer()), -EACCES);
	CHECK_CODE(SEND(m, LEND, peer()), -EACCES);
	if (hello != NULL) {
		CHECK_CODE(SEND(m, SHARE, hello), -EACCES);
	}
	CHECK_CODE(SEND(rest, SHARE, peer()), 0);
	CHECK_CODE(memory_reclaim(rest), 0);
	CHECK_EQ(memory_wrong_for(middle, peer(), THEIRS), 0);
	CHECK_CODE(memory_relinquish(middle, peer()), 0);
	CHECK_CODE(memory_reclaim(middle), 0);
	sg_set_page(sg_next(rest->table.sgl), sg_page(rest->table.sgl), PAGE_SIZE, 0);
	CHECK_CODE(SEND(rest, SHARE, peer()), -EINVAL);
	CHECK_CODE(SEND(m, LEND, peer()), 0);
	CHECK_CODE(memory_reclaim(m), 0);
}

/* Two of ours, and that page last: it is refused, and those two are ours as before. */
static void check_not_ours(phys_addr_t page)
{
	struct memory *m = memory_get(3, 0), *list;
	int error;

	REQUIRE(m != NULL);
	list = memory_alias(m, 0, 3);
	REQUIRE(list != NULL);
	memory_fill(m, OURS);
	sg_set_page(sg_next(sg_next(list->table.sgl)), pfn_to_page(PHYS_PFN(page)), PAGE_SIZE, 0);
	error = SEND(list, SHARE, peer());
	CHECK(error == -EACCES || error == -EINVAL);
	CHECK_CODE(SEND(list, LEND, peer()), error);
	CHECK_EQ(memory_wrong(m, OURS), 0);
	CHECK_CODE(SEND(m, LEND, peer()), 0);
	CHECK_CODE(memory_reclaim(m), 0);
}

static void not_our_pages(void)
{
	NEEDS_PEER();
	check_not_ours(DEVICE_PAGE);
	check_not_ours(NO_PAGE);
	check_not_ours(BORROWED_PAGE);
}

/* Whoever keeps the record of a VM and a partition together would have to agree with the other. */
static void two_receivers(void)
{
	struct memory *m = memory_get(2, 0);

	NEEDS_PEER();
	REQUIRE(m != NULL);
	memory_fill(m, OURS);
	if (hello != NULL) {
		CHECK_CODE(SEND(m, SHARE, peer(), hello), -EACCES);
		CHECK_CODE(SEND(m, LEND, hello, peer()), -EACCES);
	}
	CHECK_CODE(SEND(m, SHARE, peer(), peer()), -EINVAL);
	CHECK_EQ(memory_wrong(m, OURS), 0);
	memory_round_trip(peer(), LEND, 2, 0);
}

static void wrong_sends(void)
{
	struct ffa_device nobody;
	struct memory *m = memory_get(2, 0);

	NEEDS_PEER();
	REQUIRE(m != NULL);
	nobody = *peer();
	nobody.vm_id = NOBODY;
	CHECK_CODE(SEND(m, SHARE, &nobody), -EINVAL);
	nobody.vm_id = own_id;
	CHECK_CODE(SEND(m, SHARE, &nobody), -EINVAL);
	CHECK_CODE(memory_send(m, (struct send){ SHARE, peer(), .access = 0 }), -EINVAL);
	CHECK_CODE(memory_send(m, (struct send){ SHARE, peer(), .access = FFA_MEM_RW | FFA_MEM_RO }), -EINVAL);
	memory_round_trip(peer(), SHARE, 2, 0);
}

static void share_on(unsigned int cpu)
{
	u64 pattern = 0x100000ull * (cpu + 1);

	for (unsigned int i = 0; i < 10 && !test_failed(); i++) {
		struct memory *m = memory_get(4, 0);

		REQUIRE(m != NULL);
		memory_fill(m, pattern);
		REQUIRE(SEND(m, i % 2 == 0 ? SHARE : LEND, peer()) == 0);
		REQUIRE(memory_retrieve(m, peer(), FFA_MEM_RW) == 0);
		CHECK_EQ(COMMAND(peer(), COMMAND_CHECK, m->handle, pattern).w[1], 0);
		CHECK_CODE(COMMAND_CODE(peer(), COMMAND_FILL, m->handle, ~pattern), 0);
		CHECK_CODE(memory_relinquish(m, peer()), 0);
		CHECK_CODE(memory_reclaim(m), 0);
		CHECK_EQ(memory_wrong(m, ~pattern), 0);
	}
}

static void memory_all_cpus(void)
{
	NEEDS_PEER();
	on_all(share_on);
}

/* ---- indirect messages ---- */

#define MESSAGE 100
#define FIRST 0x31
#define GET_VM 2
#define GET_FRAMEWORK 0xc

/*
 * It has its buffer for the next one. When it has heard of the message, FFA_MSG_WAIT of its other CPUs gives that
 * back, too.
 */
static void release(void)
{
	int code;

	call_from(peer(), FFA_NOTIFICATION_GET, peer()->vm_id, GET_FRAMEWORK, 0);
	code = code_from(peer(), FFA_RX_RELEASE, 0, 0, 0);
	CHECK(code == 0 || code == FFA_RET_DENIED);
}

static void indirect(void)
{
	const struct ffa_msg_ops *ops;
	static u8 text[MESSAGE], large[SZ_4K];
	struct words w;

	NEEDS_PEER();
	ops = peer()->ops->msg_ops;
	for (unsigned int i = 0; i < MESSAGE; i++) {
		text[i] = FIRST + i;
	}
	CHECK_CODE(ops->indirect_send(peer(), large, sizeof(large)), -ERANGE);
	for (unsigned int round = 0; round < 3; round++) {
		REQUIRE(ops->indirect_send(peer(), text, MESSAGE) == 0);
		CHECK_CODE(ops->indirect_send(peer(), text, MESSAGE), -EBUSY);
		w = COMMAND(peer(), COMMAND_RECEIVED, FIRST);
		CHECK_CODE(w.w[0], 0);
		CHECK_EQ(w.w[1], own_id | (u64)peer()->vm_id << 16 | (u64)MESSAGE << 32);
		CHECK_EQ(w.w[2], 0);
		release();
	}
}

/* ---- notifications ---- */

#define BIT_ID 6
#define VCPU_BIT_ID 11
#define PER_VCPU 1
#define WITHIN_MS 2000

static atomic_t calls;

static void called(int id, void *data)
{
	atomic_inc(&calls);
}

static int set_by_peer(int id, u32 flags)
{
	return code_from(peer(), FFA_NOTIFICATION_SET, ffa_pair(peer()->vm_id, own_id), flags, BIT_ULL(id));
}

/*
 * The driver of 6.12 takes the interrupt, and fetches what partitions have set, but not what VMs have: then it is here
 * still. A later one calls back.
 */
static bool comes(int id, unsigned int cpu)
{
	int before = atomic_read(&calls);

	for (unsigned int ms = 0; ms < WITHIN_MS; ms++) {
		struct arm_smccc_1_2_regs r;

		usleep_range(1000, 2000);
		if (atomic_read(&calls) != before) {
			return true;
		}
		r = FFA(FFA_NOTIFICATION_GET, ffa_pair(cpu, own_id), GET_VM);
		if (ffa_is(&r, FFA_SUCCESS) && r.a4 != 0) {
			CHECK_EQ(r.a4, BIT(id));
			return r.a4 == BIT(id);
		}
	}
	return false;
}

static void notified(void)
{
	const struct ffa_notifier_ops *ops;

	NEEDS_PEER();
	ops = peer()->ops->notifier_ops;
	CHECK_CODE(set_by_peer(BIT_ID, 0), FFA_RET_DENIED);
	REQUIRE(ops->notify_request(peer(), false, called, NULL, BIT_ID) == 0);
	for (unsigned int i = 0; i < 10 && !test_failed(); i++) {
		CHECK_CODE(set_by_peer(BIT_ID, 0), 0);
		CHECK(comes(BIT_ID, 0));
	}
	CHECK(set_by_peer(BIT_ID, PER_VCPU) != 0);
	CHECK_CODE(ops->notify_relinquish(peer(), BIT_ID), 0);
	CHECK_CODE(set_by_peer(BIT_ID, 0), FFA_RET_DENIED);
}

static void notified_per_vcpu(void)
{
	const struct ffa_notifier_ops *ops;
	unsigned int cpu;

	NEEDS_PEER();
	ops = peer()->ops->notifier_ops;
	REQUIRE(ops->notify_request(peer(), true, called, NULL, VCPU_BIT_ID) == 0);
	for_each_online_cpu(cpu)
	{
		CHECK_CODE(set_by_peer(VCPU_BIT_ID, PER_VCPU | cpu << 16), 0);
		CHECK(comes(VCPU_BIT_ID, cpu));
	}
	CHECK(set_by_peer(VCPU_BIT_ID, PER_VCPU | 0x70 << 16) != 0);
	CHECK_CODE(ops->notify_relinquish(peer(), VCPU_BIT_ID), 0);
}

/* The other way: it binds a bit to us, we set it, it fetches it. Only x0 to x3 come back; VMs' bits are in x4. */
static void notifies(void)
{
	const struct ffa_notifier_ops *ops;
	u32 ids = ffa_pair(own_id, peer() != NULL ? peer()->vm_id : 0);

	NEEDS_PEER();
	ops = peer()->ops->notifier_ops;
	CHECK_CODE(ops->notify_send(peer(), BIT_ID, false, 0), -EACCES);
	CHECK_CODE(code_from(peer(), FFA_NOTIFICATION_BIND, ids, 0, BIT(BIT_ID)), 0);
	CHECK_CODE(ops->notify_send(peer(), BIT_ID, false, 0), 0);
	/* What is pending cannot be unbound. */
	CHECK_CODE(code_from(peer(), FFA_NOTIFICATION_UNBIND, ids, 0, BIT(BIT_ID)), FFA_RET_DENIED);
	CHECK_EQ(call_from(peer(), FFA_NOTIFICATION_GET, peer()->vm_id, GET_VM, 0).w[0], FFA_SUCCESS);
	CHECK_CODE(code_from(peer(), FFA_NOTIFICATION_UNBIND, ids, 0, BIT(BIT_ID)), 0);
	CHECK_CODE(ops->notify_send(peer(), BIT_ID, false, 0), -EACCES);
}

/* ---- its end ---- */

/* It has begun anew. */
static void check_up(void)
{
	ktime_t end = ktime_add_ms(ktime_get(), UP_MS);
	int code;

	do {
		code = COMMAND_CODE(peer(), COMMAND_STATE);
	} while (code == FFA_RET_ABORTED && ktime_before(ktime_get(), end));
	CHECK_CODE(code, 0);
}

static void resets(void)
{
	NEEDS_SERVANT();
	for (unsigned int i = 0; i < 3 && !test_failed(); i++) {
		CHECK_CODE(COMMAND_CODE(peer(), COMMAND_POWER, POWER_RESET), FFA_RET_ABORTED);
		check_up();
		echo_64();
	}
}

/* What it had borrowed comes home: shared as it was left, lent to it alone without what it had written. */
static void resets_with_memory(void)
{
	struct memory *shared = memory_get(3, 0), *lent = memory_get(3, 0), *unseen = memory_get(3, 0);

	NEEDS_SERVANT();
	REQUIRE(shared != NULL && lent != NULL && unseen != NULL);
	memory_fill(unseen, OURS);
	REQUIRE(SEND(shared, SHARE, peer()) == 0 && memory_retrieve(shared, peer(), FFA_MEM_RW) == 0);
	REQUIRE(SEND(lent, LEND, peer()) == 0 && memory_retrieve(lent, peer(), FFA_MEM_RW) == 0);
	REQUIRE(SEND(unseen, LEND, peer()) == 0);
	CHECK_CODE(memory_fill_by(shared, peer(), THEIRS), 0);
	CHECK_CODE(memory_fill_by(lent, peer(), THEIRS), 0);
	CHECK_CODE(memory_reclaim(lent), -EACCES);
	CHECK_CODE(COMMAND_CODE(peer(), COMMAND_POWER, POWER_RESET), FFA_RET_ABORTED);
	check_up();
	shared->holders[0] = lent->holders[0] = NULL;
	/* Its next life has none of it. */
	CHECK_CODE(memory_relinquish(shared, peer()), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(memory_reclaim(shared), 0);
	CHECK_CODE(memory_reclaim(lent), 0);
	CHECK_CODE(memory_reclaim(unseen), 0);
	CHECK_EQ(memory_wrong(shared, THEIRS), 0);
	CHECK_EQ(memory_wrong(unseen, OURS), 0);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(memchr_inv(phys_to_virt(memory_page(lent, i)), 0, PAGE_SIZE) == NULL);
	}
	memory_round_trip(peer(), LEND, 3, 0);
}

static const struct test tests[] = {
	{ "found", found },
	{ "echo_64", echo_64 },
	{ "echo_32", echo_32 },
	{ "echo_often", echo_often },
	{ "registers", registers },
	{ "req2", req2 },
	{ "all_cpus", all_cpus },
	{ "interrupted", interrupted },
	{ "clock_goes_on", clock_goes_on },
	{ "yields", yields },
	{ "chain", chain },
	{ "wrong_messages", wrong_messages },
	{ "share_page", share_page },
	{ "lend_page", lend_page },
	{ "ranges", ranges },
	{ "fragments", fragments },
	{ "two_mib", two_mib },
	{ "read_only", read_only },
	{ "zeroed", zeroed },
	{ "out_of_turn", out_of_turn },
	{ "lent_pages", lent_pages },
	{ "not_our_pages", not_our_pages },
	{ "two_receivers", two_receivers },
	{ "wrong_sends", wrong_sends },
	{ "memory_all_cpus", memory_all_cpus },
	{ "indirect", indirect },
	{ "notified", notified },
	{ "notified_per_vcpu", notified_per_vcpu },
	{ "notifies", notifies },
	{ "resets", resets },
	{ "resets_with_memory", resets_with_memory },
};
GROUP(peer, tests);
