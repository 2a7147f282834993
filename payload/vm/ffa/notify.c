/* SPDX-License-Identifier: MIT */
/* Notifications and indirect messages, from a partition or another VM and to it. */
#include "payload/lib/timer.h"
#include "payload/vm/ffa/ffa.h"

#define BITS_A UINT64_C(0x8000000100000006)
#define LOW(bits) ((uint32_t)(bits))
#define HIGH(bits) ((bits) >> 32)
#define NPI_MS 2000

static uint32_t sender_flag(void)
{
	return is_vm(partner) ? FFA_NOTIFICATION_GET_VM : FFA_NOTIFICATION_GET_SP;
}

static struct ffa_regs get(uint32_t vcpu, uint32_t flags)
{
	return FFA(FFA_NOTIFICATION_GET, ffa_pair(vcpu, nwd_id), flags);
}

/* Of the partner's kind. */
static uint64_t get_bits(uint32_t vcpu)
{
	struct ffa_regs r = get(vcpu, sender_flag());

	return !ffa_is(&r, FFA_SUCCESS) ? UINT64_MAX
	       : is_vm(partner)         ? ffa_u64(r.x[4], r.x[5])
					: ffa_u64(r.x[2], r.x[3]);
}

static int32_t bind(uint32_t flags, uint64_t bits)
{
	return FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(partner, nwd_id), flags, LOW(bits), HIGH(bits));
}

static int32_t unbind(uint64_t bits)
{
	return FFA_CODE(FFA_NOTIFICATION_UNBIND, ffa_pair(partner, nwd_id), 0, LOW(bits), HIGH(bits));
}

static int32_t set_by_partner(uint32_t flags, uint64_t bits)
{
	return FROM_CODE(partner, FFA_NOTIFICATION_SET, ffa_pair(partner, nwd_id), flags, LOW(bits), HIGH(bits));
}

static void to_us(void)
{
	uint32_t before = atomic_load(&npi_count);

	CHECK_CODE(set_by_partner(0, BITS_A), FFA_DENIED);
	REQUIRE(bind(0, BITS_A) == FFA_OK);
	CHECK_CODE(bind(0, 2), FFA_DENIED);
	CHECK_CODE(set_by_partner(0, BITS_A | 1), FFA_DENIED);
	CHECK_EQ(get_bits(0), 0);
	CHECK_CODE(set_by_partner(0, BITS_A), FFA_OK);
	CHECK(WAIT_UNTIL(atomic_load(&npi_count) != before, NPI_MS));
	CHECK_CODE(unbind(BITS_A), FFA_DENIED);
	CHECK_EQ(get_bits(0), BITS_A);
	CHECK_EQ(get_bits(0), 0);
	CHECK_CODE(unbind(BITS_A), FFA_OK);
	CHECK_CODE(unbind(BITS_A), FFA_DENIED);
	CHECK_CODE(set_by_partner(0, BITS_A), FFA_DENIED);
}

/* Each for one CPU of ours. */
static void per_vcpu(void)
{
	uint32_t last = cpu_count - 1;
	uint32_t before = atomic_load(&npi_count);

	REQUIRE(bind(FFA_NOTIFICATION_PER_VCPU, 1) == FFA_OK);
	CHECK_CODE(set_by_partner(0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_by_partner(FFA_NOTIFICATION_PER_VCPU | cpu_count << 16, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_by_partner(FFA_NOTIFICATION_PER_VCPU | last << 16, 1), FFA_OK);
	CHECK(WAIT_UNTIL(atomic_load(&npi_count) != before, NPI_MS));
	if (last != 0) {
		CHECK_EQ(get_bits(0), 0);
	}
	CHECK_EQ(get_bits(last), 1);
	CHECK_CODE(unbind(1), FFA_OK);
}

static void what_is_refused(void)
{
	const uint32_t pair = ffa_pair(partner, nwd_id);
	struct ffa_regs r;

	CHECK_CODE(bind(2, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(bind(0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(nwd_id, nwd_id), 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(nwd_id, partner), 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(partner, FFA_ID_NWD), 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(0x8077, nwd_id), 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(0x77, nwd_id), 0, 1), FFA_INVALID_PARAMETERS);
	/* In another's name. */
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, pair, 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, ffa_pair(nwd_id, partner), 0, 1), FFA_INVALID_PARAMETERS);
	r = FFA(FFA_NOTIFICATION_GET, ffa_pair(0, partner), sender_flag());
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = get(cpu_count, sender_flag());
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = get(0, 0x10);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
}

/* The partner binds it to us, and has it when we have set it. */
static void from_us(void)
{
	const uint32_t pair = ffa_pair(nwd_id, partner);
	struct ffa_regs r;

	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, pair, 0, 4), FFA_DENIED);
	REQUIRE(FROM_CODE(partner, FFA_NOTIFICATION_BIND, pair, 0, 4, 0) == FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, pair, FFA_NOTIFICATION_DELAY_SRI, 4), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, pair, 0, 4), FFA_OK);
	r = FROM(partner, FFA_NOTIFICATION_GET, ffa_pair(0, partner), FFA_NOTIFICATION_GET_VM);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(ffa_u64(r.x[4], r.x[5]), 4);
	CHECK_CODE(FROM_CODE(partner, FFA_NOTIFICATION_UNBIND, pair, 0, 4, 0), FFA_OK);
}

/* ---- indirect messages ---- */

#define SIZE 100u

static int32_t send_indirect(uint16_t sender, uint16_t receiver, uint32_t offset, uint32_t size, uint32_t flags)
{
	struct ffa_message_header *header = (struct ffa_message_header *)nwd_tx;

	*header = (struct ffa_message_header){ .offset = offset, .sender = sender, .receiver = receiver, .size = size };
	for (uint32_t i = 0; i < SIZE; i++) {
		nwd_tx[sizeof(*header) + i] = (uint8_t)(0x30 + i);
	}
	return FFA_CODE(FFA_MSG_SEND2, 0, flags);
}

static void indirect_from_us(void)
{
	const uint32_t offset = sizeof(struct ffa_message_header);
	struct words w;

	CHECK_CODE(send_indirect(nwd_id, nwd_id, offset, SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_indirect(partner, nwd_id, offset, SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_indirect(FFA_ID_NWD, partner, offset, SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_indirect(nwd_id, 0x8077, offset, SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_indirect(nwd_id, 0x77, offset, SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_indirect(nwd_id, partner, offset, PAGE_SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_indirect(nwd_id, partner, 8, SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_indirect(nwd_id, partner, offset, SIZE, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND2, ffa_pair(partner, 0), 0), FFA_INVALID_PARAMETERS);
	REQUIRE(send_indirect(nwd_id, partner, offset, SIZE, 0) == FFA_OK);
	CHECK_CODE(send_indirect(nwd_id, partner, offset, SIZE, 0), FFA_BUSY);
	w = WHEN_FREE(partner, COMMAND_RECEIVED, 0x30);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], nwd_id | (uint64_t)partner << 16 | (uint64_t)SIZE << 32);
	CHECK_EQ(w.w[2], 0);
	/* The framework has told it, and then the buffer may be released. */
	(void)FROM(partner, FFA_NOTIFICATION_GET, ffa_pair(0, partner),
		   FFA_NOTIFICATION_GET_SPM | FFA_NOTIFICATION_GET_HYP);
	(void)FROM(partner, FFA_RX_RELEASE);
	CHECK_CODE(send_indirect(nwd_id, partner, offset, SIZE, 0), FFA_OK);
	(void)FROM(partner, FFA_NOTIFICATION_GET, ffa_pair(0, partner),
		   FFA_NOTIFICATION_GET_SPM | FFA_NOTIFICATION_GET_HYP);
	(void)FROM(partner, FFA_RX_RELEASE);
}

static void indirect_to_us(void)
{
	const struct ffa_message_header *header = (const struct ffa_message_header *)nwd_rx;
	uint32_t before = atomic_load(&npi_count);
	struct ffa_regs r;

	REQUIRE((int32_t)WHEN_FREE(partner, COMMAND_MESSAGE, nwd_id, SIZE, 0, 0x50).w[0] == FFA_OK);
	CHECK(WAIT_UNTIL(atomic_load(&npi_count) != before, NPI_MS));
	CHECK_EQ(header->sender, partner);
	CHECK_EQ(header->receiver, nwd_id);
	CHECK_EQ(header->size, SIZE);
	for (uint32_t i = 0; i < SIZE && !test_failed(); i++) {
		CHECK_EQ(nwd_rx[header->offset + i], (uint8_t)(0x50 + i));
	}
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_MESSAGE, nwd_id, SIZE, 0, 0), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);
	r = get(0, FFA_NOTIFICATION_GET_SPM | FFA_NOTIFICATION_GET_HYP);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(is_vm(partner) ? r.x[7] : r.x[6], 1);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
}

void test_notify(void)
{
	static const struct test tests[] = {
		{ "notification_to_us", to_us },
		{ "notification_per_vcpu", per_vcpu },
		{ "notification_refused", what_is_refused },
		{ "notification_from_us", from_us },
		{ "indirect_from_us", indirect_from_us },
		{ "indirect_to_us", indirect_to_us },
	};

	RUN_FOR_PARTNER(tests);
}
