/* SPDX-License-Identifier: MIT */
/* Notifications: partitions set them, the SRI tells the driver, which calls us back; and we set theirs. */
#include <linux/cpumask.h>
#include <linux/delay.h>

#include "payload/linux/ffa_test/partition.h"
#include "payload/linux/ffa_test/groups.h"

#define WITHIN_MS 2000
#define QUIET_MS 50
#define PER_VCPU 1
#define DELAY_SRI 2
#define GET_VM 2
#define GLOBAL_ID 5
#define VCPU_ID 9
#define OFTEN 50
#define NO_NOTIFICATIONS "pKVM's proxy has no notifications"

/* The lower half: a partition's answer has no room for the upper. */
static atomic_t calls[32];
static atomic_t wrong;

static void called(int id, void *data)
{
	if (id < 0 || id >= ARRAY_SIZE(calls) || data != &calls) {
		atomic_inc(&wrong);
		return;
	}
	atomic_inc(&calls[id]);
}

static bool comes_to(int id, int count)
{
	for (unsigned int ms = 0; ms < WITHIN_MS && atomic_read(&calls[id]) < count; ms++) {
		usleep_range(1000, 2000);
	}
	return atomic_read(&calls[id]) >= count;
}

/* The driver needs somebody to ask about the partition, though only bits of ours are meant. */
static int ask_for(struct ffa_device *sp, int id, bool per_vcpu)
{
	atomic_set(&calls[id], 0);
	return sp->ops->notifier_ops->notify_request(sp, per_vcpu, called, &calls, id);
}

static int set_by(struct ffa_device *sp, int id, u32 flags)
{
	return code_from(sp, FFA_NOTIFICATION_SET, ffa_pair(sp->vm_id, own_id), flags, BIT_ULL(id));
}

static void give_up(struct ffa_device *sp, int id)
{
	CHECK_CODE(sp->ops->notifier_ops->notify_relinquish(sp, id), 0);
}

static void global_from(struct ffa_device *sp)
{
	REQUIRE(ask_for(sp, GLOBAL_ID, false) == 0);
	CHECK_CODE(set_by(sp, GLOBAL_ID, 0), 0);
	CHECK(comes_to(GLOBAL_ID, 1));
	msleep(QUIET_MS);
	CHECK_EQ(atomic_read(&calls[GLOBAL_ID]), 1);
	give_up(sp, GLOBAL_ID);
}

static void global(void)
{
	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	global_from(hello);
	global_from(irq);
	global_from(relay);
	CHECK_EQ(atomic_read(&wrong), 0);
}

/* The SRI comes when the CPU is given back for another reason. */
static void delayed(void)
{
	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	REQUIRE(ask_for(hello, GLOBAL_ID, false) == 0);
	CHECK_CODE(set_by(hello, GLOBAL_ID, DELAY_SRI), 0);
	CHECK(comes_to(GLOBAL_ID, 1));
	give_up(hello, GLOBAL_ID);
}

static void often(void)
{
	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	REQUIRE(ask_for(hello, GLOBAL_ID, false) == 0);
	for (int i = 1; i <= OFTEN && !test_failed(); i++) {
		CHECK_CODE(set_by(hello, GLOBAL_ID, 0), 0);
		CHECK(comes_to(GLOBAL_ID, i));
	}
	give_up(hello, GLOBAL_ID);
}

static void per_vcpu(void)
{
	int want = 0;
	unsigned int cpu;

	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	REQUIRE(ask_for(hello, VCPU_ID, true) == 0);
	for_each_online_cpu(cpu)
	{
		CHECK_CODE(set_by(hello, VCPU_ID, PER_VCPU | cpu << 16), 0);
		CHECK(comes_to(VCPU_ID, ++want));
	}
	msleep(QUIET_MS);
	CHECK_EQ(atomic_read(&calls[VCPU_ID]), want);
	give_up(hello, VCPU_ID);
}

/* Each bit, from another partition each. */
static void all_bits(void)
{
	struct ffa_device *const from[] = { hello, irq, relay };

	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	for (int id = 0; id < ARRAY_SIZE(calls) && !test_failed(); id++) {
		struct ffa_device *sp = from[id % ARRAY_SIZE(from)];

		REQUIRE(ask_for(sp, id, false) == 0);
		CHECK_CODE(set_by(sp, id, 0), 0);
		CHECK(comes_to(id, 1));
		give_up(sp, id);
	}
}

/* Set before any is fetched: none is lost. The driver's table takes few ids together, so there are not more. */
static void several(void)
{
	struct ffa_device *const from[] = { hello, irq, relay };

	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	for (int id = 0; id < ARRAY_SIZE(from); id++) {
		REQUIRE(ask_for(from[id], id, false) == 0);
	}
	for (int id = 0; id < ARRAY_SIZE(from); id++) {
		CHECK_CODE(set_by(from[id], id, DELAY_SRI), 0);
	}
	for (int id = 0; id < ARRAY_SIZE(from); id++) {
		CHECK(comes_to(id, 1));
		give_up(from[id], id);
	}
}

static void not_bound(void)
{
	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	CHECK_CODE(set_by(hello, GLOBAL_ID, 0), FFA_RET_DENIED);
	REQUIRE(ask_for(hello, GLOBAL_ID, false) == 0);
	/* It is hello's, for all CPUs together. */
	CHECK_CODE(set_by(irq, GLOBAL_ID, 0), FFA_RET_DENIED);
	CHECK(set_by(hello, GLOBAL_ID, PER_VCPU) != 0);
	CHECK_CODE(ask_for(hello, GLOBAL_ID, false), -EACCES);
	give_up(hello, GLOBAL_ID);
	CHECK_CODE(set_by(hello, GLOBAL_ID, 0), FFA_RET_DENIED);
	CHECK_EQ(atomic_read(&calls[GLOBAL_ID]), 0);
}

/* The other way: it binds a bit to us, we set it, it fetches it. */
static void to_partition(void)
{
	const struct ffa_notifier_ops *ops = hello->ops->notifier_ops;
	u32 ids = ffa_pair(own_id, hello->vm_id);
	struct words w;

	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	CHECK_CODE(ops->notify_send(hello, GLOBAL_ID, false, 0), -EACCES);
	CHECK_CODE(code_from(hello, FFA_NOTIFICATION_BIND, ids, 0, BIT(GLOBAL_ID)), 0);
	CHECK_CODE(ops->notify_send(hello, GLOBAL_ID, false, 0), 0);
	w = COMMAND(hello, COMMAND_CALL, FFA_NOTIFICATION_GET, hello->vm_id, GET_VM);
	CHECK_EQ(w.w[1], FFA_SUCCESS);
	/* Only x0 to x3 come back; those of VMs are in x4: it has nothing from partitions. */
	CHECK_EQ(w.w[3], 0);
	CHECK_CODE(code_from(hello, FFA_NOTIFICATION_UNBIND, ids, 0, BIT(GLOBAL_ID)), 0);
	CHECK_CODE(ops->notify_send(hello, GLOBAL_ID, false, 0), -EACCES);
}

/* The bitmap is there already, and of the whole machine nobody else's may be made or removed past the hypervisor. */
static void bitmap(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_NOTIFICATION_BITMAP_CREATE, own_id, num_possible_cpus());

	SKIP_UNLESS(!partition_strict_proxy(), NO_NOTIFICATIONS);
	CHECK(ffa_code(&r) != 0);
	global_from(hello);
}

static const struct test tests[] = {
	{ "global", global },       { "delayed", delayed },           { "often", often },
	{ "per_vcpu", per_vcpu },   { "all_bits", all_bits },         { "several", several },
	{ "not_bound", not_bound }, { "to_partition", to_partition }, { "bitmap", bitmap },
};
GROUP(notifications, tests);
