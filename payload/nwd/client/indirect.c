/* SPDX-License-Identifier: MIT */
/* Indirect messages, from RX buffer full to RX buffer empty: ours, a VM's, those of partitions to all of us. */
#include "payload/lib/cpu.h"
#include "payload/lib/timer.h"
#include "payload/nwd/client/handler.h"
#include "payload/nwd/client/tests.h"

#define VM 7
#define OTHER_VM 8
#define SIZE 100
#define SEED 0x40
#define SRI_WAIT_MS 200
#define FRAMEWORK (FFA_NOTIFICATION_GET_SPM | FFA_NOTIFICATION_GET_HYP)

static uint8_t vm_rx[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t vm_tx[PAGE_SIZE] __attribute__((aligned(4096)));

static void write_payload(uint8_t *to, uint32_t size)
{
	for (uint32_t i = 0; i < MIN(size, SIZE); i++) {
		to[i] = (uint8_t)(SEED + i);
	}
}

/* One from id 0, or in the name of a VM from its own buffer. */
static int32_t send(uint16_t sender, uint16_t receiver, uint32_t size, uint32_t flags)
{
	uint8_t *tx = sender == FFA_ID_NWD ? nwd_tx : vm_tx;
	struct ffa_message_header *header = (struct ffa_message_header *)tx;

	*header = (struct ffa_message_header){
		.offset = sizeof(*header), .sender = sender, .receiver = receiver, .size = size
	};
	write_payload(tx + sizeof(*header), size);
	return FFA_CODE(FFA_MSG_SEND2, (uint32_t)sender << 16, flags);
}

static int32_t send_from(uint16_t sp, uint16_t receiver, uint32_t flags)
{
	return COMMAND_CODE(sp, COMMAND_MESSAGE, receiver, SIZE, flags, SEED);
}

/* What a partition has in its RX buffer is as it was sent. */
static void check_received(uint16_t sp, uint16_t sender)
{
	struct words w = COMMAND(sp, COMMAND_RECEIVED, SEED);

	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], sender | (uint64_t)sp << 16 | (uint64_t)SIZE << 32);
	CHECK_EQ(w.w[2], 0);
}

/* What we have, or a VM. Partitions of 1.1 and 1.2 have headers of other sizes. */
static void check_buffer(const uint8_t *rx, uint16_t sender, uint16_t receiver)
{
	const struct ffa_message_header *header = (const void *)rx;

	CHECK_EQ(header->sender, sender);
	CHECK_EQ(header->receiver, receiver);
	CHECK_EQ(header->size, SIZE);
	REQUIRE(header->offset == FFA_MESSAGE_HEADER_1_1 || header->offset == sizeof(*header));
	for (uint32_t i = 0; i < SIZE; i++) {
		CHECK_EQ(rx[header->offset + i], (uint8_t)(SEED + i));
	}
}

/* It fetches the notification and gives the buffer back. By 5 words, for those before 1.2 too. */
static void empty(uint16_t sp)
{
	/* Until the notification is fetched, the buffer cannot be released. */
	CHECK_CODE(COMMAND(sp, COMMAND_CALL, FFA_RX_RELEASE).w[3], FFA_DENIED);
	CHECK_EQ(COMMAND(sp, COMMAND_CALL, FFA_NOTIFICATION_GET, sp, FRAMEWORK).w[1], FFA_SUCCESS);
	CHECK_EQ(COMMAND(sp, COMMAND_CALL, FFA_RX_RELEASE).w[1], FFA_SUCCESS);
	CHECK_CODE(COMMAND(sp, COMMAND_CALL, FFA_RX_RELEASE).w[3], FFA_DENIED);
}

/* ---- from us ---- */

static void to_partition(void)
{
	struct ffa_regs r;

	sri_count = 0;
	REQUIRE(send(FFA_ID_NWD, hello, SIZE, 0) == FFA_OK);
	CHECK(WAIT_UNTIL(sri_count == 1, SRI_WAIT_MS));
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[2], 1u << 7);
	CHECK_EQ(r.x[3] & 0xffff, hello);
	CHECK_CODE(send(FFA_ID_NWD, hello, SIZE, 0), FFA_BUSY);
	check_received(hello, FFA_ID_NWD);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE), FFA_DENIED);
	r = SP_FFA(hello, FFA_NOTIFICATION_GET, hello, FFA_NOTIFICATION_GET_HYP);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[6], 0);
	CHECK_EQ(r.x[7], FFA_FRAMEWORK_RX_FULL_HYP >> 32);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE), FFA_DENIED);
}

static void checks(void)
{
	struct ffa_message_header *header = (struct ffa_message_header *)nwd_tx;

	CHECK_CODE(send(FFA_ID_NWD, 0x8055, 8, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send(FFA_ID_NWD, FFA_ID_NWD, 8, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send(FFA_ID_NWD, irq, 8, 0), FFA_DENIED); /* receives none */
	CHECK_CODE(send(FFA_ID_NWD, hello, 8, FFA_MSG_SEND2_DELAY_SRI), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send(FFA_ID_NWD, hello, PAGE_SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send(FFA_ID_NWD, hello, UINT32_MAX - 16, 0), FFA_INVALID_PARAMETERS);
	*header = (struct ffa_message_header){ .offset = 16, .receiver = hello, .size = 8 };
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND2), FFA_INVALID_PARAMETERS);
	*header = (struct ffa_message_header){ .offset = sizeof(*header), .sender = irq, .receiver = hello, .size = 8 };
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND2), FFA_INVALID_PARAMETERS);
	/* A VM that nobody knows. */
	*header = (struct ffa_message_header){ .offset = sizeof(*header), .sender = OTHER_VM, .receiver = hello };
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND2, OTHER_VM << 16), FFA_DENIED);
}

static void from_vm(void)
{
	REQUIRE(nwd_map_vm(VM, (uint64_t)vm_tx, (uint64_t)vm_rx) == FFA_OK);
	CHECK_CODE(send(VM, hello, SIZE, 0), FFA_OK);
	CHECK_CODE(send(VM, hello, SIZE, 0), FFA_BUSY);
	check_received(hello, VM);
	empty(hello);
	CHECK_CODE(send(VM, VM, SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, VM << 16), FFA_OK);
}

/* ---- from partitions ---- */

static void between_partitions(void)
{
	struct ffa_regs r;

	REQUIRE(send_from(relay, hello, 0) == FFA_OK);
	CHECK_CODE(send_from(relay, hello, 0), FFA_BUSY);
	check_received(hello, relay);
	r = SP_FFA(hello, FFA_NOTIFICATION_GET, hello, FFA_NOTIFICATION_GET_SPM);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[6], FFA_FRAMEWORK_RX_FULL_SPM);
	CHECK_EQ(r.x[7], 0);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE), FFA_OK);
	/* And the other way, into buffers of a manifest. */
	CHECK_CODE(send_from(hello, relay, 0), FFA_OK);
	check_received(relay, hello);
	empty(relay);
}

static void partition_checks(void)
{
	CHECK_CODE(send_from(hello, irq, 0), FFA_DENIED);
	CHECK_CODE(send_from(irq, hello, 0), FFA_DENIED);
	CHECK_CODE(send_from(hello, hello, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_from(hello, 0x8077, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_from(hello, OTHER_VM, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_from(hello, relay, 1), FFA_INVALID_PARAMETERS);
	/* In another's name. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_SEND2, (uint32_t)relay << 16), FFA_INVALID_PARAMETERS);
	if (el0 != 0) {
		/* It is of 1.0. */
		CHECK_CODE(send_from(hello, el0, 0), FFA_DENIED);
		CHECK_CODE(send_from(el0, hello, 0), FFA_DENIED);
	}
}

static void partition_to_us(void)
{
	struct ffa_regs r;

	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, FFA_ID_NWD, cpu_count) == FFA_OK);
	sri_count = 0;
	CHECK_CODE(send_from(hello, FFA_ID_NWD, FFA_MSG_SEND2_DELAY_SRI), FFA_OK);
	CHECK(WAIT_UNTIL(sri_count == 1, SRI_WAIT_MS));
	check_buffer(nwd_rx, hello, FFA_ID_NWD);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[3] & 0xffff, FFA_ID_NWD);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);
	r = FFA(FFA_NOTIFICATION_GET, FFA_ID_NWD, FFA_NOTIFICATION_GET_SPM);
	CHECK_EQ(r.x[6], FFA_FRAMEWORK_RX_FULL_SPM);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, FFA_ID_NWD), FFA_OK);
}

/* Its hypervisor has the RX buffer or the VM has: who has it not does not write it. */
static void partition_to_vm(void)
{
	struct ffa_regs r;

	REQUIRE(nwd_map_vm(VM, (uint64_t)vm_tx, (uint64_t)vm_rx) == FFA_OK);
	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, VM, 1) == FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RX_ACQUIRE, VM), FFA_OK);
	CHECK_CODE(send_from(hello, VM, 0), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE, VM), FFA_OK);
	sri_count = 0;
	CHECK_CODE(send_from(relay, VM, 0), FFA_OK);
	CHECK(WAIT_UNTIL(sri_count == 1, SRI_WAIT_MS));
	check_buffer(vm_rx, relay, VM);
	CHECK_CODE(send_from(hello, VM, 0), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RX_ACQUIRE, VM), FFA_DENIED);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[3] & 0xffff, VM);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE, VM), FFA_DENIED);
	r = FFA(FFA_NOTIFICATION_GET, VM, FFA_NOTIFICATION_GET_SPM);
	CHECK_EQ(r.x[6], FFA_FRAMEWORK_RX_FULL_SPM);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE, VM), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, VM), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, VM << 16), FFA_OK);
	CHECK_CODE(send_from(hello, VM, 0), FFA_INVALID_PARAMETERS);
}

void test_indirect(void)
{
	static const struct test tests[] = {
		{ "indirect_to_partition", to_partition },
		{ "indirect_checks", checks },
		{ "indirect_from_vm", from_vm },
		{ "indirect_between_partitions", between_partitions },
		{ "indirect_partition_checks", partition_checks },
		{ "indirect_partition_to_us", partition_to_us },
		{ "indirect_partition_to_vm", partition_to_vm },
	};

	handler_begin();
	RUN_TESTS(tests);
	handler_end();
}
