/* SPDX-License-Identifier: MIT */
/* Direct messages: by the driver in both widths, through a chain of partitions, and wrong ones past the driver. */
#include "payload/linux/ffa_test/partition.h"
#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/tree.h"

#define OFTEN 1000
#define NOBODY 0x8077
#define FRAMEWORK 0x80000000u
#define VM_CREATED 4
#define VM_DESTROYED 6
#define VM 9

static struct ffa_send_direct_data numbers(u64 seed)
{
	return (struct ffa_send_direct_data){ seed, seed + 1, seed + 2, seed + 3, seed + 4 };
}

static void check_numbers(const struct ffa_send_direct_data *data, u64 seed)
{
	CHECK(data->data0 == seed && data->data1 == seed + 1 && data->data2 == seed + 2 && data->data3 == seed + 3 &&
	      data->data4 == seed + 4);
}

/* What is no command comes back. */
static void echo_of(struct ffa_device *sp, u64 seed)
{
	struct ffa_send_direct_data data = numbers(seed);

	CHECK_CODE(sp->ops->msg_ops->sync_send_receive(sp, &data), 0);
	check_numbers(&data, seed);
}

static void echo_64(void)
{
	echo_of(hello, 0x123456789abcdef0);
	echo_of(irq, 0x8000000000000000);
	echo_of(relay, 0xffffffff00000000);
}

/* The upper halves are lost, as SMC32 says. */
static void echo_32(void)
{
	struct ffa_device *const all[] = { hello, irq, relay };

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		all[i]->mode_32bit = true;
		echo_of(all[i], 0x76543210);
		all[i]->mode_32bit = false;
	}
}

static void echo_often(void)
{
	for (u64 i = 0; i < OFTEN && !test_failed(); i++) {
		echo_of(i % 3 == 0 ? relay : i % 3 == 1 ? hello : irq, i << 32 | 1);
	}
}

/* Past the driver: the other registers stay as the width says. */
static void registers(void)
{
	struct arm_smccc_1_2_regs r = ffa_message((struct arm_smccc_1_2_regs){
		FFA_FN64_MSG_SEND_DIRECT_REQ, ffa_pair(own_id, hello->vm_id), 0, 1, 2, 3, 4, 5 });

	CHECK_EQ(r.a0, FFA_FN64_MSG_SEND_DIRECT_RESP);
	CHECK_EQ(r.a1, ffa_pair(hello->vm_id, own_id));
	CHECK_EQ(r.a2, 0);
	CHECK(r.a3 == 1 && r.a4 == 2 && r.a5 == 3 && r.a6 == 4 && r.a7 == 5);
}

static void command_results(void)
{
	struct words w = COMMAND(hello, COMMAND_BOOT_INFO);

	CHECK_CODE(w.w[0], 0);
	CHECK_EQ(w.w[1], FFA_PACK_VERSION_INFO(1, 2));
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_BOOT_INFO), FFA_RET_NOT_SUPPORTED);
}

/*
 * A caller of 1.2 has it, unless a proxy does not pass it on. Who has it not: the driver does not try, and past it the
 * proxy refuses, or else the SPMC.
 */
static void req2(void)
{
	struct ffa_send_direct_data2 data = { { 1, 2, 3, [13] = ~0ul } };

	if (partition_version() >= FFA_VERSION_1_2 && !partition_strict_proxy()) {
		CHECK_CODE(tree_send_receive2(hello, &data), 0);
		CHECK(data.data[0] == 1 && data.data[1] == 2 && data.data[2] == 3 && data.data[13] == ~0ul);
		return;
	}
	CHECK_CODE(tree_send_receive2(hello, &data), -EOPNOTSUPP);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ2, ffa_pair(own_id, hello->vm_id), 0, 0, 1),
		   partition_strict_proxy() ? FFA_RET_NOT_SUPPORTED : FFA_RET_DENIED);
}

static void relay_to(struct ffa_device *sp, u64 seed)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, sp->vm_id, seed, seed + 1, seed + 2);

	CHECK_CODE(w.w[0], 0);
	CHECK(w.w[1] == seed && w.w[2] == seed + 1 && w.w[3] == seed + 2);
}

static void chain(void)
{
	relay_to(hello, 0x11000);
	relay_to(irq, 0x22000);
	for (u64 i = 0; i < OFTEN / 10 && !test_failed(); i++) {
		relay_to(i % 2 == 0 ? hello : irq, i << 40);
	}
}

/* relay -> hello -> irq: three partitions have a part of one call. */
static void long_chain(void)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, hello->vm_id, COMMAND_RELAY, irq->vm_id, 0x77);

	CHECK_CODE(w.w[0], 0);
	CHECK_CODE(w.w[1], 0);
	CHECK_EQ(w.w[2], 0x77);
}

/* Whoever has called already cannot be called. */
static void chain_to_itself(void)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, hello->vm_id, COMMAND_RELAY, relay->vm_id, 0x77);

	CHECK_CODE(w.w[0], 0);
	CHECK(w.w[1] != 0);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_STATE), 0);
}

/* The driver sleeps, and runs it again. */
static void yields(void)
{
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_YIELD, 5, 1000), 0);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_YIELD, 2, 0), 0);
}

static int send_code(u16 from, u16 to, u32 flags)
{
	return FFA_CODE(FFA_MSG_SEND_DIRECT_REQ, ffa_pair(from, to), flags, 1);
}

static void wrong(void)
{
	CHECK_CODE(send_code(own_id, NOBODY, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_code(own_id, own_id, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_code(hello->vm_id, irq->vm_id, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_code(own_id, hello->vm_id, 1), FFA_RET_INVALID_PARAMETERS);
	echo_64();
}

/* There is nothing that could be run on. */
static void run_of_waiting(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_RUN, (u32)hello->vm_id << 16 | 0x70);

	CHECK_CODE(ffa_code(&r), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RUN, (u32)NOBODY << 16), FFA_RET_INVALID_PARAMETERS);
	echo_64();
}

/*
 * Messages of the framework come from a hypervisor. What pKVM's proxy passes on from its host comes from id 0,
 * which the SPMC takes for one; that of a VM's is nobody's.
 */
static void of_framework(void)
{
	static const u32 kinds[] = { VM_CREATED, VM_DESTROYED };

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct arm_smccc_1_2_regs r = ffa_message((struct arm_smccc_1_2_regs){
			FFA_MSG_SEND_DIRECT_REQ, ffa_pair(own_id, hello->vm_id), FRAMEWORK | kinds[i], 0, 0, VM });

		if (below == BELOW_HYPERVISOR) {
			CHECK(ffa_code(&r) != 0);
		} else {
			CHECK_EQ(r.a0, FFA_MSG_SEND_DIRECT_RESP);
			CHECK_EQ((u32)r.a2, FRAMEWORK | (kinds[i] + 1));
			CHECK_EQ((u32)r.a3, 0);
		}
	}
}

static const struct test tests[] = {
	{ "echo_64", echo_64 },
	{ "echo_32", echo_32 },
	{ "echo_often", echo_often },
	{ "registers", registers },
	{ "command_results", command_results },
	{ "req2", req2 },
	{ "chain", chain },
	{ "long_chain", long_chain },
	{ "chain_to_itself", chain_to_itself },
	{ "yields", yields },
	{ "wrong", wrong },
	{ "run_of_waiting", run_of_waiting },
	{ "of_framework", of_framework },
};
GROUP(messages, tests);
