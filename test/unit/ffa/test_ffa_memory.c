/* SPDX-License-Identifier: MIT */
/* Memory transactions call by call: what each rule answers. test_ffa_memory_random.c compares with a model. */
#include "cmocka_main.h"

#include "memory_world.h"

static int start(void **state)
{
	(void)state;
	world_start();
	return 0;
}

static unsigned attrs_of(unsigned who, uint64_t address)
{
	struct stage2 *table = ffa_space_table(&world.space[who], address);
	unsigned attrs = UINT32_MAX;
	uint64_t run;
	pa_t to;

	if (table != NULL) {
		assert_true(stage2_lookup(table, ipa(address), &to, &attrs, &run));
		assert_int_equal(to.v, address);
	}
	return attrs;
}

#define UNMAPPED UINT32_MAX

static struct range one_page(unsigned who, unsigned n)
{
	return (struct range){ page_at(who, n), 1 };
}

/* Sends one page of 'who' to 'to'; must succeed. */
static uint64_t send_page(unsigned who, enum ffa_memory_type type, unsigned to, unsigned page, struct descriptor *d)
{
	static struct range range;
	uint64_t handle = 0;

	range = one_page(who, page);
	*d = descriptor_of(who, type, 1, &to, &range, 1);
	assert_int_equal(send(who, call_of(type), d, 0, 0, false, &handle), 0);
	return handle;
}

static int retrieve_sent(unsigned to, enum ffa_memory_type type, const struct descriptor *sent, uint64_t handle)
{
	struct descriptor d = request_of(to, type, sent, handle);

	return retrieve(to, &d);
}

/* ---- the ways of a page ---- */

static void a_shared_page_is_both_s(void **state)
{
	struct descriptor d;
	uint64_t handle, page = page_at(0, 3);

	(void)state;
	handle = send_page(0, FFA_MEMORY_SHARE, 1, 3, &d);
	assert_int_equal(attrs_of(0, page), RWX | STAGE2_SHARED_OWNED);
	assert_int_equal(attrs_of(0, page + PAGE_SIZE), RWX);
	assert_int_equal(attrs_of(1, page), UNMAPPED);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_SHARE, &d, handle), 0);
	assert_int_equal(attrs_of(1, page), RW | STAGE2_SHARED_BORROWED);
	assert_int_equal(response.d.range_count, 1);
	assert_int_equal(response.ranges[0].address, page);
	assert_int_equal(response.d.permissions[0], FFA_DATA_RW | FFA_EXEC_XN << 2);
	assert_int_equal(response.d.attributes, ATTRIBUTES_SHARED);
	assert_int_equal(response.d.flags, FFA_MEMORY_SHARE << 3);
	assert_int_equal(response.d.tag, 0);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_SHARE, &d, handle), FFA_DENIED);
	assert_int_equal(reclaim(0, handle, 0), FFA_DENIED);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(attrs_of(1, page), UNMAPPED);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_SHARE, &d, handle), 0); /* again */
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(attrs_of(0, page), RWX);
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mem_count(), 0);
}

static void a_lent_page_is_its_owner_s_no_more(void **state)
{
	struct descriptor d;
	uint64_t handle, page = page_at(0, 3);

	(void)state;
	handle = send_page(0, FFA_MEMORY_LEND, 2, 3, &d);
	assert_int_equal(attrs_of(0, page), STAGE2_LENT);
	assert_int_equal(retrieve_sent(2, FFA_MEMORY_LEND, &d, handle), 0);
	assert_int_equal(attrs_of(2, page), RW | STAGE2_SHARED_BORROWED);
	assert_int_equal(relinquish(2, sp_id(2), handle, 0), 0);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(attrs_of(0, page), RWX);
}

static void a_donated_page_is_the_receiver_s_for_ever(void **state)
{
	struct descriptor d, other;
	uint64_t handle, page = page_at(0, 3);

	(void)state;
	handle = send_page(0, FFA_MEMORY_DONATE, 1, 3, &d);
	assert_int_equal(attrs_of(0, page), STAGE2_LENT);
	assert_int_equal(reclaim(0, handle, 0), 0); /* it was not retrieved yet */
	assert_int_equal(attrs_of(0, page), RWX);
	handle = send_page(0, FFA_MEMORY_DONATE, 1, 3, &d);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_DONATE, &d, handle), 0);
	assert_int_equal(attrs_of(0, page), UNMAPPED);
	assert_int_equal(attrs_of(1, page), RW);
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mem_count(), 0);
	/* The new owner shares it with the old one. */
	other = d;
	other.sender = sp_id(1);
	other.id[0] = sp_id(0);
	other.permissions[0] = FFA_DATA_RO;
	other.attributes = ATTRIBUTES_SHARED;
	assert_int_equal(send(1, FFA_MEM_SHARE, &other, 0, 0, false, &handle), 0);
	assert_int_equal(retrieve_sent(0, FFA_MEMORY_SHARE, &other, handle), 0);
	assert_int_equal(attrs_of(0, page), STAGE2_R | STAGE2_SHARED_BORROWED);
}

static void normal_world_memory_is_non_secure_to_an_sp(void **state)
{
	struct descriptor d;
	uint64_t handle, page = page_at(NWD, 2), run;
	unsigned attrs;
	pa_t to;

	(void)state;
	ffa_nwd.version = FFA_VERSION_1_1;
	handle = send_page(NWD, FFA_MEMORY_SHARE, 0, 2, &d);
	assert_int_equal(attrs_of(NWD, page), RWX | STAGE2_SHARED_OWNED);
	assert_int_equal(retrieve_sent(0, FFA_MEMORY_SHARE, &d, handle), 0);
	assert_true(stage2_lookup(&world.space[0].ns, ipa(page), &to, &attrs, &run));
	assert_false(stage2_lookup(&world.space[0].secure, ipa(page), &to, &attrs, &run));
	assert_int_equal(attrs, RW | STAGE2_SHARED_BORROWED);
	assert_int_equal(response.d.attributes, ATTRIBUTES_SHARED | FFA_ATTRIBUTE_NS);
	assert_int_equal(relinquish(0, sp_id(0), handle, 0), 0);
	assert_int_equal(reclaim(NWD, handle, 0), 0);
}

static void every_version_talks_to_every_other(void **state)
{
	static const uint32_t versions[] = { FFA_VERSION_1_0, FFA_VERSION_1_1, FFA_VERSION_1_2 };

	(void)state;
	for (unsigned s = 0; s < 3; s++) {
		for (unsigned r = 0; r < 3; r++) {
			struct descriptor d;
			uint64_t handle;

			world.sp[0].version = versions[s];
			world.sp[1].version = versions[r];
			handle = send_page(0, FFA_MEMORY_SHARE, 1, 3, &d);
			assert_int_equal(retrieve_sent(1, FFA_MEMORY_SHARE, &d, handle), 0);
			assert_int_equal(response.total, (r == 0 ? 32 : 48) + (r == 2 ? 32 : 16) + 16 + 16);
			assert_int_equal(response.ranges[0].address, page_at(0, 3));
			assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
			assert_int_equal(reclaim(0, handle, 0), 0);
		}
	}
}

static void a_1_2_sender_may_use_the_small_access_descriptor(void **state)
{
	struct range range = one_page(0, 1);
	unsigned to = 1;
	struct descriptor d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, &range, 1);
	uint64_t handle;

	(void)state;
	d.access_size = 16;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	world.sp[0].version = FFA_VERSION_1_1;
	d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, &range, 1);
	d.access_size = 32; /* too new for its version */
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_INVALID_PARAMETERS);
}

static void several_borrowers_each_have_their_permission(void **state)
{
	struct range range = one_page(0, 5);
	unsigned to[] = { 1, 2 };
	struct descriptor d = descriptor_of(0, FFA_MEMORY_LEND, 2, to, &range, 1), r;
	uint64_t handle;

	(void)state;
	d.permissions[1] = FFA_DATA_RO;
	d.attributes = ATTRIBUTES_SHARED & 0xf; /* the type may be left to the SPMC */
	d.implementation[0] = 0x1234;
	d.implementation[1] = 0x5678;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	assert_int_equal(attrs_of(0, range.address), STAGE2_LENT);
	r = request_of(1, FFA_MEMORY_LEND, &d, handle);
	assert_int_equal(retrieve(1, &r), 0);
	assert_int_equal(response.d.implementation[0], 0x1234);
	r.flags |= FFA_RETRIEVE_BYPASS;
	assert_int_equal(retrieve(2, &r), FFA_INVALID_PARAMETERS); /* one alone then */
	r.count = 1;
	r.id[0] = sp_id(2);
	r.permissions[0] = FFA_DATA_RW;
	r.implementation[0] = 0x5678;
	assert_int_equal(retrieve(2, &r), FFA_DENIED); /* read-only was lent */
	r.permissions[0] = FFA_DATA_UNSPECIFIED;
	r.implementation[0] = 0x5679;
	assert_int_equal(retrieve(2, &r), FFA_INVALID_PARAMETERS);
	r.implementation[0] = 0x5678;
	assert_int_equal(retrieve(2, &r), 0);
	assert_int_equal(attrs_of(2, range.address), STAGE2_R | STAGE2_SHARED_BORROWED);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
	assert_int_equal(reclaim(0, handle, 0), FFA_DENIED);
	assert_int_equal(relinquish(2, sp_id(2), handle, 0), 0);
	assert_int_equal(reclaim(0, handle, 0), 0);
}

/* ---- what may not be sent ---- */

struct bad_send {
	const char *what;
	enum ffa_memory_type type;
	int code;
	void (*spoil)(struct descriptor *d, struct range *ranges);
};

#define SPOIL(name, statement)                                                             \
	static void name(struct descriptor *d unused_arg, struct range *ranges unused_arg) \
	{                                                                                  \
		statement;                                                                 \
	}
SPOIL(flag_zero, d->flags = FFA_MEM_ZERO)
SPOIL(flag_slice, d->flags = FFA_MEM_TIME_SLICE)
SPOIL(flag_high, d->flags = 1u << 31)
SPOIL(handle_given, d->handle = 1)
SPOIL(no_receiver, d->count = 0)
SPOIL(two_receivers, d->count = 2; d->id[1] = sp_id(2); d->permissions[1] = d->permissions[0];
      d->attributes = ATTRIBUTES_SHARED)
SPOIL(to_self, d->id[0] = sp_id(0))
SPOIL(to_unknown, d->id[0] = sp_id(SPS))
SPOIL(to_spmc, d->id[0] = FFA_ID_SPMC)
SPOIL(to_vm, d->id[0] = 1)
SPOIL(to_nwd, d->id[0] = 0)
SPOIL(twice_the_same, d->count = 2; d->id[1] = d->id[0]; d->permissions[1] = d->permissions[0])
SPOIL(for_another, d->sender = sp_id(2))
SPOIL(for_a_vm, d->sender = 0)
SPOIL(data_none, d->permissions[0] = 0)
SPOIL(data_rw, d->permissions[0] = FFA_DATA_RW)
SPOIL(data_reserved, d->permissions[0] = FFA_DATA_RESERVED)
SPOIL(exec_x, d->permissions[0] |= FFA_EXEC_X << 2)
SPOIL(exec_xn, d->permissions[0] |= FFA_EXEC_XN << 2)
SPOIL(permission_mbz, d->permissions[0] |= 0x10)
SPOIL(attribute_ns, d->attributes |= FFA_ATTRIBUTE_NS)
SPOIL(attribute_mbz, d->attributes |= 0x100)
SPOIL(attribute_nc, d->attributes = 0x27)
SPOIL(attribute_outer, d->attributes = 0x2e)
SPOIL(attribute_device, d->attributes = 0x10)
SPOIL(attribute_type_3, d->attributes = 0x3f)
SPOIL(attribute_untyped_nc, d->attributes = 0x07)
SPOIL(attribute_untyped_outer, d->attributes = 0x0e)
SPOIL(attribute_given, d->attributes = ATTRIBUTES_SHARED)
SPOIL(page_count_wrong, d->total_pages++)
SPOIL(no_ranges, d->range_count = 0)
SPOIL(misaligned, ranges[0].address += 8)
SPOIL(empty_range, ranges[0].pages = 0; d->total_pages = 1)
SPOIL(beyond, ranges[0].address = BIT(48) - PAGE_SIZE; ranges[0].pages = 2; d->total_pages = 3)
SPOIL(wraps, ranges[0].address = ~UINT64_C(0xfff); ranges[0].pages = 2; d->total_pages = 3)
SPOIL(overlap, ranges[1] = ranges[0])
SPOIL(not_mapped, ranges[1].address = 0x1000)
SPOIL(another_s, ranges[1].address = page_at(1, 0))
SPOIL(not_alike, ranges[1].address = page_at(0, READ_ONLY_PAGE))
SPOIL(read_only, ranges[0].address = page_at(0, READ_ONLY_PAGE); d->range_count = 1; d->total_pages = 1)
SPOIL(read_only_zero, read_only(d, ranges); d->permissions[0] = FFA_DATA_RO; d->flags = FFA_MEM_ZERO)
SPOIL(device, ranges[0].address = page_at(0, DEVICE_PAGE); d->range_count = 1; d->total_pages = 1)
SPOIL(device_zero, device(d, ranges); d->flags = FFA_MEM_ZERO)
SPOIL(device_to_two, two_receivers(d, ranges); device(d, ranges))
SPOIL(a_buffer, ranges[1].address = world.region[0].v + TX_AT)

static const struct bad_send bad_sends[] = {
	{ "zero in a share", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, flag_zero },
	{ "time slicing", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, flag_slice },
	{ "time slicing, lend", FFA_MEMORY_LEND, FFA_INVALID_PARAMETERS, flag_slice },
	{ "reserved flag", FFA_MEMORY_LEND, FFA_INVALID_PARAMETERS, flag_high },
	{ "handle", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, handle_given },
	{ "no receiver", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, no_receiver },
	{ "donate to two", FFA_MEMORY_DONATE, FFA_INVALID_PARAMETERS, two_receivers },
	{ "to itself", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, to_self },
	{ "to nobody", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, to_unknown },
	{ "to the SPMC", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, to_spmc },
	{ "SP to VM", FFA_MEMORY_SHARE, FFA_DENIED, to_vm },
	{ "SP to VM, lend", FFA_MEMORY_LEND, FFA_DENIED, to_vm },
	{ "SP to VM, donate", FFA_MEMORY_DONATE, FFA_DENIED, to_vm },
	{ "SP to the normal world", FFA_MEMORY_SHARE, FFA_DENIED, to_nwd },
	{ "a receiver twice", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, twice_the_same },
	{ "another's name", FFA_MEMORY_SHARE, FFA_DENIED, for_another },
	{ "a VM's name", FFA_MEMORY_SHARE, FFA_DENIED, for_a_vm },
	{ "no data access", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, data_none },
	{ "no data access, lend", FFA_MEMORY_LEND, FFA_INVALID_PARAMETERS, data_none },
	{ "data access, donate", FFA_MEMORY_DONATE, FFA_INVALID_PARAMETERS, data_rw },
	{ "reserved data access", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, data_reserved },
	{ "X from the owner", FFA_MEMORY_LEND, FFA_INVALID_PARAMETERS, exec_x },
	{ "XN from the owner", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, exec_xn },
	{ "XN from the owner, donate", FFA_MEMORY_DONATE, FFA_INVALID_PARAMETERS, exec_xn },
	{ "reserved permission", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, permission_mbz },
	{ "NS", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, attribute_ns },
	{ "reserved attribute", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, attribute_mbz },
	{ "non-cacheable", FFA_MEMORY_SHARE, FFA_DENIED, attribute_nc },
	{ "outer shareable", FFA_MEMORY_SHARE, FFA_DENIED, attribute_outer },
	{ "non-cacheable without a type", FFA_MEMORY_SHARE, FFA_DENIED, attribute_untyped_nc },
	{ "outer shareable without a type", FFA_MEMORY_SHARE, FFA_DENIED, attribute_untyped_outer },
	{ "shared as a device", FFA_MEMORY_SHARE, FFA_DENIED, attribute_device },
	{ "reserved type", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, attribute_type_3 },
	{ "attributes in a lend", FFA_MEMORY_LEND, FFA_INVALID_PARAMETERS, attribute_given },
	{ "attributes in a donation", FFA_MEMORY_DONATE, FFA_INVALID_PARAMETERS, attribute_given },
	{ "page count", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, page_count_wrong },
	{ "no ranges", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, no_ranges },
	{ "misaligned", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, misaligned },
	{ "empty range", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, empty_range },
	{ "beyond 48 bits", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, beyond },
	{ "wraps", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, wraps },
	{ "overlap", FFA_MEMORY_SHARE, FFA_INVALID_PARAMETERS, overlap },
	{ "overlap, lend", FFA_MEMORY_LEND, FFA_INVALID_PARAMETERS, overlap },
	{ "overlap, donate", FFA_MEMORY_DONATE, FFA_INVALID_PARAMETERS, overlap },
	{ "not mapped", FFA_MEMORY_SHARE, FFA_DENIED, not_mapped },
	{ "another's page", FFA_MEMORY_SHARE, FFA_DENIED, another_s },
	{ "not alike", FFA_MEMORY_SHARE, FFA_DENIED, not_alike },
	{ "more than it has", FFA_MEMORY_SHARE, FFA_DENIED, read_only },
	{ "zero what it cannot write", FFA_MEMORY_LEND, FFA_DENIED, read_only_zero },
	{ "share a device", FFA_MEMORY_SHARE, FFA_DENIED, device },
	{ "donate a device", FFA_MEMORY_DONATE, FFA_DENIED, device },
	{ "zero a device", FFA_MEMORY_LEND, FFA_DENIED, device_zero },
	{ "lend a device to two", FFA_MEMORY_LEND, FFA_DENIED, device_to_two },
	{ "an RX/TX buffer", FFA_MEMORY_SHARE, FFA_DENIED, a_buffer },
};

static void what_may_not_be_sent_leaves_no_trace(void **state)
{
	struct pool_stats before, after;

	(void)state;
	pool_stats(&before);
	for (unsigned i = 0; i < ARRAY_SIZE(bad_sends); i++) {
		struct range ranges[] = { one_page(0, 1), one_page(0, 4) };
		const struct bad_send *b = &bad_sends[i];
		unsigned to = 1;
		struct descriptor d = descriptor_of(0, b->type, 1, &to, ranges, 2);
		uint64_t handle;
		int code;

		b->spoil(&d, ranges);
		code = send(0, call_of(b->type), &d, 0, 0, false, &handle);
		if (code != b->code) {
			fail_msg("%s: %d and not %d", b->what, code, b->code);
		}
		assert_int_equal(ffa_mem_count(), 0);
		for (unsigned n = 0; n < READ_ONLY_PAGE; n++) {
			assert_int_equal(attrs_of(0, page_at(0, n)), RWX);
		}
	}
	pool_stats(&after);
	assert_in_range(before.free_pages - after.free_pages, 0, 1); /* a page of handles */
}

static void a_device_can_be_lent_to_one(void **state)
{
	struct descriptor d, r;
	uint64_t handle = send_page(0, FFA_MEMORY_LEND, 1, DEVICE_PAGE, &d);

	(void)state;
	r = request_of(1, FFA_MEMORY_LEND, &d, handle);
	r.permissions[0] = FFA_DATA_RW | FFA_EXEC_X << 2;
	assert_int_equal(retrieve(1, &r), FFA_DENIED);
	r.permissions[0] = FFA_DATA_RW | FFA_EXEC_XN << 2;
	r.attributes = ATTRIBUTES_SHARED;
	assert_int_equal(retrieve(1, &r), FFA_DENIED);
	r.attributes = 0x18; /* nGRE */
	assert_int_equal(retrieve(1, &r), FFA_DENIED);
	r.attributes = 0x10;
	assert_int_equal(retrieve(1, &r), 0);
	assert_int_equal(response.d.attributes, 0x10);
	assert_int_equal(attrs_of(1, page_at(0, DEVICE_PAGE)), RW | STAGE2_DEVICE | STAGE2_SHARED_BORROWED);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
	assert_int_equal(reclaim(0, handle, FFA_MEM_ZERO), FFA_DENIED);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(attrs_of(0, page_at(0, DEVICE_PAGE)), RW | STAGE2_DEVICE);
}

/* Zeroes are for memory: a device's registers are written by nobody but who has it. */
static void a_device_is_never_zeroed(void **state)
{
	unsigned owners[] = { 0, NWD };

	(void)state;
	assert_int_equal(
		stage2_protect(&world.space[NWD].ns, ipa(page_at(NWD, DEVICE_PAGE)), PAGE_SIZE, RW | STAGE2_DEVICE),
		OK);
	assert_int_equal(mprotect(pa_ptr(pa(page_at(NWD, DEVICE_PAGE))), PAGE_SIZE, PROT_NONE), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(owners); i++) {
		struct descriptor d, r;
		uint64_t handle = send_page(owners[i], FFA_MEMORY_LEND, 1, DEVICE_PAGE, &d);

		r = request_of(1, FFA_MEMORY_LEND, &d, handle);
		r.flags |= FFA_RETRIEVE_ZERO_AFTER;
		assert_int_equal(retrieve(1, &r), FFA_DENIED);
		r.flags = FFA_MEM_ZERO;
		assert_int_equal(retrieve(1, &r), FFA_DENIED);
		assert_int_equal(retrieve_sent(1, FFA_MEMORY_LEND, &d, handle), 0);
		assert_int_equal(relinquish(1, sp_id(1), handle, FFA_MEM_ZERO), FFA_DENIED);
		assert_int_equal(attrs_of(1, page_at(owners[i], DEVICE_PAGE)),
				 RW | STAGE2_DEVICE | STAGE2_SHARED_BORROWED);
		/* Nor does the death of either do it. */
		if (owners[i] == NWD) {
			ffa_mem_drop(&world.sp[1]);
			assert_int_equal(reclaim(NWD, handle, 0), 0);
		} else {
			assert_true(ffa_mem_drop(&world.sp[0]));
			ffa_mem_drop(&world.sp[1]);
		}
		assert_int_equal(attrs_of(owners[i], page_at(owners[i], DEVICE_PAGE)), RW | STAGE2_DEVICE);
		assert_int_equal(ffa_mem_count(), 0);
	}
	assert_int_equal(mprotect(pa_ptr(pa(page_at(NWD, DEVICE_PAGE))), PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
}

static void the_call_itself_is_checked(void **state)
{
	struct range range = one_page(0, 1);
	unsigned to = 1;
	struct descriptor d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, &range, 1);
	uint32_t length = build(tx_of(0), &d);

	(void)state;
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE_64, length, length, 1ull << 32, 0),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE_64, length, length, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, length, length + 1, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, length, length - 1, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, length + 16, length + 16, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, MIB(3), MIB(3), 0, 0), FFA_INVALID_PARAMETERS);
	for (uint32_t n = 0; n < length; n++) {
		assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, n, n, 0, 0), FFA_INVALID_PARAMETERS);
	}
	/* The upper halves of an SMC32's registers are not looked at. */
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, length | 1ull << 40, length, 1ull << 32, 1ull << 32), 0);
	world.sp[2].mailbox.size = 0;
	assert_int_equal(call(ffa_mem_send, 2, FFA_MEM_SHARE, length, length, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_mem_retrieve, 2, FFA_MEM_RETRIEVE_REQ, 64, 64, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_mem_relinquish, 2, FFA_MEM_RELINQUISH, 0, 0, 0, 0), FFA_INVALID_PARAMETERS);
}

/* ---- what may not be retrieved ---- */

static void what_may_not_be_retrieved(void **state)
{
	static const struct {
		int code;
		uint16_t sender_xor;
		uint32_t flags_xor;
		uint64_t tag_xor, handle_xor;
		uint16_t attributes;
		uint8_t permissions;
	} cases[] = {
		{ .code = FFA_DENIED, .sender_xor = 2 },
		{ .code = FFA_INVALID_PARAMETERS, .tag_xor = 1 },
		{ .code = FFA_INVALID_PARAMETERS, .handle_xor = 1 },
		{ .code = FFA_INVALID_PARAMETERS, .handle_xor = UINT64_C(1) << 63 },
		{ .code = FFA_INVALID_PARAMETERS, .handle_xor = UINT64_C(1) << 40 },
		{ .code = FFA_INVALID_PARAMETERS, .flags_xor = FFA_RETRIEVE_HINT_VALID },
		{ .code = FFA_INVALID_PARAMETERS, .flags_xor = 1u << 5 },
		{ .code = FFA_INVALID_PARAMETERS, .flags_xor = FFA_RETRIEVE_BYPASS }, /* there is but one */
		{ .code = FFA_INVALID_PARAMETERS, .flags_xor = 1u << 11 },
		{ .code = FFA_INVALID_PARAMETERS, .flags_xor = 3u << 3 }, /* share */
		{ .code = FFA_DENIED, .flags_xor = FFA_MEM_ZERO },
		{ .code = FFA_INVALID_PARAMETERS, .attributes = FFA_ATTRIBUTE_NS },
		{ .code = FFA_INVALID_PARAMETERS, .attributes = 0x8000 },
		{ .code = FFA_DENIED, .attributes = 0x10 },
		{ .code = FFA_DENIED, .attributes = 0x2e },
		{ .code = FFA_DENIED, .attributes = 0x27 },
		{ .code = FFA_INVALID_PARAMETERS, .permissions = FFA_DATA_RW },
		{ .code = FFA_INVALID_PARAMETERS, .permissions = FFA_DATA_RW | FFA_EXEC_RESERVED << 2 },
		{ .code = FFA_INVALID_PARAMETERS, .permissions = FFA_DATA_RESERVED | FFA_EXEC_XN << 2 },
		{ .code = FFA_INVALID_PARAMETERS, .permissions = 0x80 | FFA_DATA_RW | FFA_EXEC_XN << 2 },
	};
	struct descriptor d, r;
	uint64_t handle = send_page(0, FFA_MEMORY_LEND, 1, 3, &d);

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		int code;

		r = request_of(1, FFA_MEMORY_LEND, &d, handle);
		r.sender ^= cases[i].sender_xor;
		r.flags ^= cases[i].flags_xor;
		r.tag ^= cases[i].tag_xor;
		r.handle ^= cases[i].handle_xor;
		r.attributes = cases[i].attributes;
		r.permissions[0] = cases[i].permissions != 0 ? cases[i].permissions : r.permissions[0];
		code = retrieve(1, &r);
		if (code != cases[i].code) {
			fail_msg("case %u: %d and not %d", i, code, cases[i].code);
		}
		assert_int_equal(attrs_of(1, page_at(0, 3)), UNMAPPED);
	}
	r = request_of(2, FFA_MEMORY_LEND, &d, handle);
	assert_int_equal(retrieve(2, &r), FFA_INVALID_PARAMETERS); /* no receiver */
	r = request_of(1, FFA_MEMORY_LEND, &d, handle);
	r.count = 2;
	r.id[1] = sp_id(2);
	assert_int_equal(retrieve(1, &r), FFA_INVALID_PARAMETERS); /* two of one */
	r.count = 1;
	r.id[0] = sp_id(2);
	assert_int_equal(retrieve(1, &r), FFA_DENIED); /* not on the sender's list */
	r = request_of(1, FFA_MEMORY_LEND, &d, handle);
	r.ranges = d.ranges;
	assert_int_equal(retrieve(1, &r), FFA_INVALID_PARAMETERS); /* with a composite */
	r = request_of(1, FFA_MEMORY_LEND, &d, handle);
	r.flags |= FFA_RETRIEVE_ZERO_AFTER;
	r.permissions[0] = FFA_DATA_RO | FFA_EXEC_XN << 2;
	assert_int_equal(retrieve(1, &r), FFA_DENIED);
	r = request_of(1, FFA_MEMORY_LEND, &d, handle);
	r.permissions[0] = FFA_EXEC_X << 2;
	assert_int_equal(retrieve(1, &r), 0);
	assert_int_equal(attrs_of(1, page_at(0, 3)), RWX | STAGE2_SHARED_BORROWED);
}

static void a_full_rx_buffer_is_not_written(void **state)
{
	struct descriptor d, r;
	uint64_t handle = send_page(0, FFA_MEMORY_SHARE, 1, 3, &d);
	uint32_t length;

	(void)state;
	r = request_of(1, FFA_MEMORY_SHARE, &d, handle);
	length = build(tx_of(1), &r);
	world.sp[1].mailbox.rx_state = FFA_RX_FULL;
	assert_int_equal(call(ffa_mem_retrieve, 1, FFA_MEM_RETRIEVE_REQ, length, length, 0, 0), FFA_BUSY);
	assert_int_equal(attrs_of(1, page_at(0, 3)), UNMAPPED);
	assert_int_equal(call(ffa_mem_frag_rx, 1, FFA_MEM_FRAG_RX, (uint32_t)handle, handle >> 32, 96, 0), FFA_BUSY);
	assert_int_equal(release_rx(1), 0);
	assert_int_equal(retrieve(1, &r), 0);
}

static void non_secure_memory_is_not_executed(void **state)
{
	struct descriptor d, r;
	uint64_t handle = send_page(NWD, FFA_MEMORY_LEND, 0, 3, &d);

	(void)state;
	r = request_of(0, FFA_MEMORY_LEND, &d, handle);
	r.permissions[0] = FFA_DATA_RO | FFA_EXEC_X << 2;
	assert_int_equal(retrieve(0, &r), FFA_INVALID_PARAMETERS);
}

/* ---- zeroes ---- */

static uint64_t *word_of(unsigned who, unsigned page)
{
	return pa_ptr(pa(page_at(who, page)));
}

static void zeroes_are_written_when_they_were_asked_for(void **state)
{
	struct range range = one_page(0, 2);
	unsigned to[] = { 1, 2 };
	struct descriptor d = descriptor_of(0, FFA_MEMORY_LEND, 1, to, &range, 1), r;
	uint64_t handle;

	(void)state;
	*word_of(0, 2) = 1;
	d.flags = FFA_MEM_ZERO;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	assert_int_equal(*word_of(0, 2), 0);
	r = request_of(1, FFA_MEMORY_LEND, &d, handle);
	r.flags |= FFA_RETRIEVE_ZERO_AFTER | FFA_MEM_ZERO;
	*word_of(0, 2) = 2;
	assert_int_equal(retrieve(1, &r), 0);
	assert_int_equal(*word_of(0, 2), 2); /* that was at sending */
	assert_int_equal(response.d.flags, FFA_MEM_ZERO | FFA_MEMORY_LEND << 3);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
	assert_int_equal(*word_of(0, 2), 0);
	*word_of(0, 2) = 3;
	assert_int_equal(reclaim(0, handle, 4), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(0, handle, FFA_MEM_ZERO), 0);
	assert_int_equal(*word_of(0, 2), 0);

	/* Of two borrowers, the last one's leaving does what the first one wanted. */
	d = descriptor_of(0, FFA_MEMORY_LEND, 2, to, &range, 1);
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_LEND, &d, handle), 0);
	assert_int_equal(retrieve_sent(2, FFA_MEMORY_LEND, &d, handle), 0);
	*word_of(0, 2) = 4;
	assert_int_equal(relinquish(1, sp_id(1), handle, FFA_MEM_ZERO), 0);
	assert_int_equal(*word_of(0, 2), 4);
	assert_int_equal(relinquish(2, sp_id(2), handle, 0), 0);
	assert_int_equal(*word_of(0, 2), 0);
	assert_int_equal(reclaim(0, handle, 0), 0);

	handle = send_page(0, FFA_MEMORY_SHARE, 1, 2, &d);
	r = request_of(1, FFA_MEMORY_SHARE, &d, handle);
	r.flags |= FFA_RETRIEVE_ZERO_AFTER;
	assert_int_equal(retrieve(1, &r), FFA_INVALID_PARAMETERS);
	r.flags &= ~(uint32_t)FFA_RETRIEVE_ZERO_AFTER;
	assert_int_equal(retrieve(1, &r), 0);
	assert_int_equal(relinquish(1, sp_id(1), handle, FFA_MEM_ZERO), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(1, sp_id(1), handle, 4), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(1, sp_id(2), handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(2, sp_id(2), handle, 0), FFA_INVALID_PARAMETERS);
}

/* ---- fragments ---- */

#define MANY 1500
static struct range many[MANY];

/* Every second page, from far up to down, so that nothing joins. */
static void make_many(unsigned who)
{
	for (unsigned i = 0; i < MANY; i++) {
		many[i] = (struct range){ world.region[who].v + MIB(2) + (MANY - i) * 2 * PAGE_SIZE, 1 };
	}
}

static void long_lists_come_in_fragments(void **state)
{
	unsigned to = 1;
	struct descriptor d;
	uint64_t handle, part;

	(void)state;
	world_start_sized(MIB(4), MIB(16));
	make_many(0);
	d = descriptor_of(0, FFA_MEMORY_LEND, 1, &to, many, MANY);
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_LEND, &d, handle), 0);
	assert_int_equal(response.d.range_count, MANY);
	assert_int_equal(response.d.total_pages, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(response.ranges[i].address, many[i].address);
		assert_int_equal(attrs_of(0, many[i].address), STAGE2_LENT);
		assert_int_equal(attrs_of(1, many[i].address), RW | STAGE2_SHARED_BORROWED);
	}
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
	assert_int_equal(reclaim(0, handle, 0), 0);

	/* The same page twice, far apart; all is as before. */
	many[MANY - 1] = many[3];
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), FFA_INVALID_PARAMETERS);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(attrs_of(0, many[i].address), RWX);
	}
	assert_int_equal(ffa_mem_count(), 0);

	/* Fragments of any size; what was sent in part can be reclaimed, but not retrieved or held on to. */
	make_many(0);
	d.range_count = 20;
	d.total_pages = 20;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 96, 16, true, &part), 0);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_LEND, &d, part), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(1, part, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 96, 48, false, &handle), 0);
	assert_int_equal(reclaim(0, part, 0), 0);
	assert_int_equal(reclaim(0, part, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(ffa_mem_count(), 0);
}

static int frag_tx(unsigned who, uint64_t handle, uint64_t length, uint64_t endpoint)
{
	return call(ffa_mem_frag_tx, who, FFA_MEM_FRAG_TX, (uint32_t)handle, handle >> 32, length, endpoint);
}

static void fragments_are_checked(void **state)
{
	struct range ranges[4] = { one_page(0, 0), one_page(0, 1), one_page(0, 2), one_page(0, 3) };
	unsigned to = 1;
	struct descriptor d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, ranges, 4);
	uint64_t handle;

	(void)state;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 112, 0, true, &handle), 0); /* one range is in */
	assert_int_equal(frag_tx(0, handle, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_tx(0, handle, 24, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_tx(0, handle, BUFFER + 16, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_tx(0, handle, 16, 0x10000), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_tx(1, handle, 16, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_tx(NWD, handle, 16, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_tx(0, handle ^ 1, 16, 0), FFA_INVALID_PARAMETERS);
	memcpy(tx_of(0), send_bytes + 112, 48);
	assert_int_equal(frag_tx(0, handle, 48, 0), 0);
	assert_int_equal(x[0], FFA_SUCCESS);
	assert_int_equal(frag_tx(0, handle, 16, 0), FFA_INVALID_PARAMETERS); /* it is complete */
	assert_int_equal(reclaim(0, handle, 0), 0);
	/* More than was said ends it. */
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 112, 0, true, &handle), 0);
	assert_int_equal(frag_tx(0, handle, 64, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mem_count(), 0);
	/* A VM's name is in each fragment. */
	ranges[0] = one_page(NWD, 0);
	ranges[1] = one_page(NWD, 1);
	d = descriptor_of(NWD, FFA_MEMORY_SHARE, 1, &to, ranges, 2);
	d.sender = 7;
	assert_int_equal(send(NWD, FFA_MEM_SHARE, &d, 112, 0, true, &handle), 0);
	assert_int_equal(x[4], 7u << 16);
	assert_int_equal(frag_tx(NWD, handle, 16, 0), FFA_INVALID_PARAMETERS);
	memcpy(tx_of(NWD), send_bytes + 112, 16);
	assert_int_equal(frag_tx(NWD, handle, 16, 7u << 16), 0);
	assert_int_equal(reclaim(NWD, handle, 0), 0);
}

static int frag_rx(unsigned who, uint64_t handle, uint64_t offset, uint64_t endpoint)
{
	return call(ffa_mem_frag_rx, who, FFA_MEM_FRAG_RX, (uint32_t)handle, handle >> 32, offset, endpoint);
}

static void the_rest_of_a_response_is_told_once_and_in_order(void **state)
{
	unsigned to = 1;
	struct descriptor d, r;
	uint64_t handle;
	uint32_t length;

	(void)state;
	world_start_sized(MIB(4), MIB(16));
	make_many(0);
	d = descriptor_of(0, FFA_MEMORY_DONATE, 1, &to, many, 600);
	assert_int_equal(send(0, FFA_MEM_DONATE, &d, 0, 0, false, &handle), 0);
	assert_int_equal(frag_rx(1, handle, 96, 0), FFA_INVALID_PARAMETERS); /* nothing retrieved yet */
	r = request_of(1, FFA_MEMORY_DONATE, &d, handle);
	length = build(tx_of(1), &r);
	assert_int_equal(call(ffa_mem_retrieve, 1, FFA_MEM_RETRIEVE_REQ, length, length, 0, 0), 0);
	assert_int_equal(x[1], 48 + 32 + 16 + 600 * 16);
	assert_int_equal(x[2], BUFFER);
	assert_int_equal(frag_rx(1, handle, BUFFER, 0), FFA_BUSY);
	assert_int_equal(release_rx(1), 0);
	assert_int_equal(frag_rx(1, handle, BUFFER - 16, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_rx(1, handle, BUFFER, 0x10000), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_rx(2, handle, BUFFER, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(frag_rx(1, handle, BUFFER, 0), 0);
	assert_int_equal(x[3], BUFFER);
	assert_int_equal(release_rx(1), 0);
	/* The handle is good for that alone. */
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(retrieve(1, &r), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mem_count(), 1);
	assert_int_equal(frag_rx(1, handle, 2 * BUFFER, 0), 0);
	assert_int_equal(x[3], 48 + 32 + 16 + 600 * 16 - 2 * BUFFER);
	assert_int_equal(release_rx(1), 0);
	assert_int_equal(frag_rx(1, handle, 48 + 32 + 16 + 600 * 16, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mem_count(), 0);

	make_many(2);
	d = descriptor_of(2, FFA_MEMORY_SHARE, 1, &to, many, 300);
	assert_int_equal(send(2, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	r = request_of(1, FFA_MEMORY_SHARE, &d, handle);
	length = build(tx_of(1), &r);
	assert_int_equal(call(ffa_mem_retrieve, 1, FFA_MEM_RETRIEVE_REQ, length, length, 0, 0), 0);
	assert_int_equal(release_rx(1), 0);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), FFA_INVALID_PARAMETERS); /* not told all yet */
	assert_int_equal(frag_rx(1, handle, BUFFER, 0), 0);
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
}

static void too_many_ranges_are_refused_at_once(void **state)
{
	struct range range = one_page(0, 1);
	unsigned to = 1;
	struct descriptor d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, &range, 1);
	uint32_t length = build(tx_of(0), &d), ranges = 131072 + 1;

	(void)state;
	put(tx_of(0) + 48 + 32 + 4, ranges, 4);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, length + (ranges - 1) * 16, length, 0, 0), FFA_NO_MEMORY);
	/* And a sender's share of memory is a bound for all of its records together. */
	ranges = 131072;
	put(tx_of(0) + 48 + 32 + 4, ranges, 4);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, length + (ranges - 1) * 16, length, 0, 0), FFA_NO_MEMORY);
	assert_int_equal(ffa_mem_count(), 0);
	world_start_sized(MIB(16), REGION);
	build(tx_of(0), &d);
	put(tx_of(0) + 48 + 32 + 4, ranges, 4);
	assert_int_equal(call(ffa_mem_send, 0, FFA_MEM_SHARE, length + (ranges - 1) * 16, length, 0, 0), 0);
	assert_int_equal(x[0], FFA_MEM_FRAG_RX);
}

static void one_sender_cannot_take_all_memory(void **state)
{
	struct range ranges[] = { one_page(0, 1), one_page(0, 2) };
	unsigned to = 1, records = 0;
	struct descriptor d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, ranges, 2);
	uint64_t handle;
	struct pool_stats stats;

	(void)state;
	/* Never finished, each of them. */
	while (records < 100000 && call(ffa_mem_send, 0, FFA_MEM_SHARE, build(tx_of(0), &d), 112, 0, 0) == 0) {
		records++;
	}
	assert_in_range(records, 1000, 99999);
	pool_stats(&stats);
	assert_true(stats.free_pages > stats.total_pages / 2);
	handle = send_page(2, FFA_MEMORY_SHARE, 1, 3, &d);
	assert_int_equal(reclaim(2, handle, 0), 0);
	ffa_mem_drop(&world.sp[0]);
	assert_int_equal(ffa_mem_count(), 0);
	handle = send_page(0, FFA_MEMORY_SHARE, 1, 3, &d);
}

static void handles_do_not_come_again(void **state)
{
	struct descriptor d;
	uint64_t last = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t handle = send_page(0, FFA_MEMORY_SHARE, 1, 3, &d);

		assert_true(handle > last);
		last = handle;
		assert_int_equal(reclaim(0, handle, 0), 0);
	}
}

/* ---- the normal world ---- */

static void the_hypervisor_may_ask_what_a_handle_is(void **state)
{
	unsigned to[] = { 0, 2 };
	struct descriptor d, r;
	uint64_t handle, own;

	(void)state;
	world_start_sized(MIB(4), MIB(16));
	ffa_nwd.version = FFA_VERSION_1_1;
	make_many(NWD);
	d = descriptor_of(NWD, FFA_MEMORY_LEND, 2, to, many, 600);
	d.sender = 3;
	d.permissions[1] = FFA_DATA_RO;
	assert_int_equal(send(NWD, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(inspect(handle), 0);
		assert_int_equal(response.d.count, 2);
		assert_int_equal(response.d.id[1], sp_id(2));
		assert_int_equal(response.d.permissions[0], FFA_DATA_RW);
		assert_int_equal(response.d.permissions[1], FFA_DATA_RO);
		assert_int_equal(response.d.sender, 3);
		assert_int_equal(response.d.range_count, 600);
		for (unsigned i = 0; i < 600; i++) {
			assert_int_equal(response.ranges[i].address, many[i].address);
		}
	}
	/* Given up half-way, and begun anew. */
	r = (struct descriptor){ .version = FFA_VERSION_1_1, .handle = handle };
	assert_int_equal(build(tx_of(NWD), &r), 48);
	assert_int_equal(call(ffa_mem_retrieve, NWD, FFA_MEM_RETRIEVE_REQ_64, 48, 48, 0, 0), 0);
	assert_int_equal(release_rx(NWD), 0);
	assert_int_equal(frag_rx(NWD, handle, x[2], 0), FFA_INVALID_PARAMETERS); /* the sender's id is missing */
	assert_int_equal(inspect(handle), 0);
	r.tag = 1;
	assert_int_equal(retrieve(NWD, &r), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(NWD, handle, 0), 0);
	assert_int_equal(inspect(handle), FFA_INVALID_PARAMETERS);
	/* An SP's memory is not its business; an SP may not ask so. */
	own = send_page(0, FFA_MEMORY_SHARE, 1, 3, &d);
	assert_int_equal(inspect(own), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(NWD, own, 0), FFA_INVALID_PARAMETERS);
	r = (struct descriptor){ .version = FFA_VERSION_1_2, .handle = own };
	assert_int_equal(retrieve(1, &r), FFA_INVALID_PARAMETERS);
}

static void vms_among_the_receivers_are_the_hypervisor_s_business(void **state)
{
	struct range range = one_page(NWD, 4);
	unsigned to[] = { 0, 0, 0 };
	struct descriptor d = descriptor_of(NWD, FFA_MEMORY_SHARE, 2, to, &range, 1), r;
	uint64_t handle;

	(void)state;
	d.id[1] = 9;
	assert_int_equal(send(NWD, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	r = request_of(0, FFA_MEMORY_SHARE, &d, handle);
	assert_int_equal(retrieve(0, &r), 0);
	assert_int_equal(retrieve(NWD, &r), 0); /* for VM 9 */
	assert_int_equal(response.d.id[0], 9);
	assert_int_equal(attrs_of(NWD, range.address), RWX | STAGE2_SHARED_OWNED);
	assert_int_equal(relinquish(0, sp_id(0), handle, 0), 0);
	assert_int_equal(reclaim(NWD, handle, 0), FFA_DENIED);
	assert_int_equal(relinquish(NWD, sp_id(0), handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(NWD, 8, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(NWD, 9, handle, 0), 0);
	assert_int_equal(reclaim(NWD, handle, 0), 0);
	/* Which of two VMs asks cannot be known. */
	d = descriptor_of(NWD, FFA_MEMORY_SHARE, 3, to, &range, 1);
	d.id[1] = 9;
	d.id[2] = 10;
	assert_int_equal(send(NWD, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	r = request_of(NWD, FFA_MEMORY_SHARE, &d, handle);
	assert_int_equal(retrieve(NWD, &r), FFA_NOT_SUPPORTED);
	assert_int_equal(reclaim(NWD, handle, 0), 0);
	/* VMs alone, or lending to them, is not ours. */
	d.count = 2;
	d.id[0] = 11;
	assert_int_equal(send(NWD, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	d.id[0] = sp_id(0);
	assert_int_equal(send(NWD, FFA_MEM_LEND, &d, 0, 0, false, &handle), FFA_DENIED);
	d = descriptor_of(NWD, FFA_MEMORY_SHARE, 1, to, &range, 1);
	d.sender = sp_id(1);
	assert_int_equal(send(NWD, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	d.sender = 5;
	assert_int_equal(send(NWD, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	range = one_page(0, 4); /* Secure memory, for the normal world */
	assert_int_equal(send(NWD, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
}

/* ---- the end of a partition ---- */

static void what_a_dead_borrower_held_goes_back(void **state)
{
	struct descriptor d;
	uint64_t handle = send_page(0, FFA_MEMORY_LEND, 1, 3, &d);

	(void)state;
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_LEND, &d, handle), 0);
	*word_of(0, 3) = 77;
	ffa_mem_drop(&world.sp[1]);
	assert_int_equal(*word_of(0, 3), 0);
	assert_int_equal(attrs_of(1, page_at(0, 3)), UNMAPPED);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_LEND, &d, handle), FFA_DENIED);
	assert_int_equal(reclaim(0, handle, 0), 0);
	atomic_store(&world.sp[1].aborted, 1);
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), FFA_DENIED);
}

static void what_a_dead_owner_shared_ends_with_the_last_borrower(void **state)
{
	struct descriptor d, unheld;
	uint64_t handle = send_page(0, FFA_MEMORY_SHARE, 1, 3, &d);
	uint64_t other = send_page(0, FFA_MEMORY_LEND, 1, 4, &unheld);

	(void)state;
	*word_of(0, 3) = 77;
	*word_of(0, 4) = 78;
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_SHARE, &d, handle), 0);
	assert_true(ffa_mem_drop(&world.sp[0]));
	assert_int_equal(ffa_mem_count(), 1);
	assert_int_equal(attrs_of(0, page_at(0, 4)), RWX);
	assert_int_equal(*word_of(0, 4), 78);
	assert_int_equal(retrieve_sent(1, FFA_MEMORY_LEND, &unheld, other), FFA_INVALID_PARAMETERS);
	assert_int_equal(attrs_of(1, page_at(0, 3)), RW | STAGE2_SHARED_BORROWED);
	assert_int_equal(*word_of(0, 3), 77); /* the borrower's too */
	assert_int_equal(relinquish(1, sp_id(1), handle, 0), 0);
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(attrs_of(0, page_at(0, 3)), RWX);
	assert_int_equal(*word_of(0, 3), 0); /* nobody reads what was between the two */
	assert_false(ffa_mem_drop(&world.sp[0]));
}

/* What it gave away is not out, even while the receiver is still told of it. */
static void what_a_dead_owner_donated_is_the_receiver_s(void **state)
{
	unsigned to = 1;
	struct descriptor d, r;
	uint32_t length;
	uint64_t handle;

	(void)state;
	world_start_sized(MIB(4), MIB(16));
	make_many(0);
	d = descriptor_of(0, FFA_MEMORY_DONATE, 1, &to, many, 600);
	assert_int_equal(send(0, FFA_MEM_DONATE, &d, 0, 0, false, &handle), 0);
	r = request_of(1, FFA_MEMORY_DONATE, &d, handle);
	length = build(tx_of(1), &r);
	assert_int_equal(call(ffa_mem_retrieve, 1, FFA_MEM_RETRIEVE_REQ, length, length, 0, 0), 0);
	assert_false(ffa_mem_drop(&world.sp[0]));
	assert_int_equal(attrs_of(0, many[0].address), UNMAPPED);
	assert_int_equal(attrs_of(1, many[0].address), RW);
}

#define CASE(f) cmocka_unit_test_setup(f, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_shared_page_is_both_s),
		CASE(a_lent_page_is_its_owner_s_no_more),
		CASE(a_donated_page_is_the_receiver_s_for_ever),
		CASE(normal_world_memory_is_non_secure_to_an_sp),
		CASE(every_version_talks_to_every_other),
		CASE(a_1_2_sender_may_use_the_small_access_descriptor),
		CASE(several_borrowers_each_have_their_permission),
		CASE(what_may_not_be_sent_leaves_no_trace),
		CASE(a_device_can_be_lent_to_one),
		CASE(a_device_is_never_zeroed),
		CASE(the_call_itself_is_checked),
		CASE(what_may_not_be_retrieved),
		CASE(a_full_rx_buffer_is_not_written),
		CASE(non_secure_memory_is_not_executed),
		CASE(zeroes_are_written_when_they_were_asked_for),
		CASE(long_lists_come_in_fragments),
		CASE(fragments_are_checked),
		CASE(the_rest_of_a_response_is_told_once_and_in_order),
		CASE(too_many_ranges_are_refused_at_once),
		CASE(one_sender_cannot_take_all_memory),
		CASE(handles_do_not_come_again),
		CASE(the_hypervisor_may_ask_what_a_handle_is),
		CASE(vms_among_the_receivers_are_the_hypervisor_s_business),
		CASE(what_a_dead_borrower_held_goes_back),
		CASE(what_a_dead_owner_shared_ends_with_the_last_borrower),
		CASE(what_a_dead_owner_donated_is_the_receiver_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
