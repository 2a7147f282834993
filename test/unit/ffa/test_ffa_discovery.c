/* SPDX-License-Identifier: MIT */
/* Versions, features, ids and partition information, as each kind and version of caller sees them. */
#include "cmocka_main.h"

#include "ffa_world.h"

#define SP0 (&world.sps[0])
#define SP1 (&world.sps[1])
#define EL0 (&world.sps[2])

static int start(void **state)
{
	(void)state;
	world_start();
	return 0;
}

/* ---- FFA_VERSION ---- */

static uint64_t version(struct ffa_endpoint *caller, uint64_t requested)
{
	CALL(ffa_version, caller, FFA_VERSION, requested);
	for (unsigned i = 1; i < 8; i++) {
		assert_int_equal(x[i], 0);
	}
	return x[0];
}

static void version_is_negotiated_until_locked(void **state)
{
	const uint64_t no = UINT32_MAX;

	(void)state;
	assert_int_equal(ffa_nwd.version, FFA_VERSION_1_2);
	assert_int_equal(version(&ffa_nwd, 0), no);
	assert_int_equal(version(&ffa_nwd, 0xffff), no);
	assert_int_equal(version(&ffa_nwd, 0x10003), no);
	assert_int_equal(version(&ffa_nwd, 0x20000), no);
	assert_int_equal(version(&ffa_nwd, 0x80010001), no);
	assert_int_equal(version(&ffa_nwd, UINT32_MAX), no);
	assert_int_equal(ffa_nwd.version, FFA_VERSION_1_2);
	assert_int_equal(version(&ffa_nwd, 0x10000), 0x10002);
	assert_int_equal(ffa_nwd.version, FFA_VERSION_1_0);
	assert_int_equal(version(&ffa_nwd, UINT64_C(0xabcd00010001)), 0x10002); /* w1 */
	assert_int_equal(ffa_nwd.version, FFA_VERSION_1_1);
	ffa_nwd.version_locked = true;
	assert_int_equal(version(&ffa_nwd, 0x10002), no);
	assert_int_equal(version(&ffa_nwd, 0x10000), no);
	assert_int_equal(ffa_nwd.version, FFA_VERSION_1_1);
	assert_int_equal(version(&ffa_nwd, 0x10001), 0x10002);
	assert_int_equal(ffa_version_negotiate(&ffa_nwd, 0x10000), FFA_NOT_SUPPORTED);
	assert_int_equal(ffa_vm_get(5)->version, FFA_VERSION_1_1);
}

/* The manifest makes us an SPMC of 1.1. */
static void an_older_version_may_be_offered(void **state)
{
	const uint64_t no = UINT32_MAX;

	(void)state;
	ffa_nwd.version = ffa_nwd.version_max = FFA_VERSION_1_1;
	assert_int_equal(version(&ffa_nwd, 0x10002), no);
	assert_int_equal(ffa_nwd.version, FFA_VERSION_1_1);
	assert_int_equal(version(&ffa_nwd, 0x10000), 0x10001);
	assert_int_equal(version(&ffa_nwd, 0x10001), 0x10001);
	assert_int_equal(ffa_nwd.version, FFA_VERSION_1_1);
}

/* ---- FFA_FEATURES ---- */

static bool features(struct ffa_endpoint *caller, uint64_t id, uint64_t input)
{
	CALL(ffa_features, caller, FFA_FEATURES, id, input);
	if (answer() == FFA_OK) {
		assert_int_equal(x[0], FFA_SUCCESS);
		assert_int_equal(x[3] | x[4] | x[5] | x[6] | x[7], 0);
		return true;
	}
	assert_int_equal(answer(), FFA_NOT_SUPPORTED);
	return false;
}

enum { N = 1, E1 = 2, E0 = 4, S = E1 | E0, A = N | S };

/* To whom each id is reported (FF-A 1.2, 13.3; docs/ffa-messages.md), and from which minor version of the caller on. */
static const struct {
	uint32_t id;
	unsigned to, since;
} expected[] = {
	{ 0x84000060, A, 0 },  { 0x84000061, A, 0 },  { 0xc4000061, A, 0 },  { 0x84000062, A, 0 },
	{ 0x84000063, A, 0 },  { 0x84000064, A, 0 },  { 0x84000065, A, 0 },  { 0xc4000066, A, 0 },
	{ 0x84000067, A, 0 },  { 0x84000068, A, 0 },  { 0x84000069, A, 0 },  { 0x8400006b, A, 0 },
	{ 0x8400006c, S, 0 },  { 0x8400006d, A, 0 },  { 0x8400006f, A, 0 },  { 0xc400006f, A, 0 },
	{ 0x84000070, A, 0 },  { 0xc4000070, A, 0 },  { 0x84000071, A, 0 },  { 0xc4000071, A, 0 },
	{ 0x84000072, A, 0 },  { 0xc4000072, A, 0 },  { 0x84000073, A, 0 },  { 0xc4000073, A, 0 },
	{ 0x84000074, A, 0 },  { 0xc4000074, A, 0 },  { 0x84000075, A, 0 },  { 0x84000076, A, 0 },
	{ 0x84000077, A, 0 },  { 0x8400007a, A, 0 },  { 0x8400007b, A, 0 },  { 0x8400007d, A, 1 },
	{ 0x8400007e, A, 1 },  { 0x8400007f, A, 1 },  { 0x84000080, A, 1 },  { 0x84000081, A, 1 },
	{ 0x84000082, A, 1 },  { 0x84000083, N, 1 },  { 0xc4000083, A, 1 },  { 0x84000084, N, 1 },
	{ 0x84000085, A, 0 },  { 0x84000086, A, 1 },  { 0xc4000087, E1, 0 }, { 0x84000088, E0, 0 },
	{ 0xc4000088, E0, 0 }, { 0x84000089, E0, 0 }, { 0xc4000089, E0, 0 }, { 0x8400008a, A, 0 },
	{ 0xc400008a, A, 0 },  { 0xc400008b, A, 0 },  { 0xc400008d, A, 2 },  { 0xc400008e, A, 2 },
};

static bool is_expected(uint32_t id, unsigned kind, unsigned minor)
{
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		if (expected[i].id == id) {
			return (expected[i].to & kind) != 0 && minor >= expected[i].since;
		}
	}
	return false;
}

static void features_of_every_call(void **state)
{
	static const struct {
		unsigned kind;
		int sp;
	} callers[] = { { N, -1 }, { E1, 0 }, { E0, 2 } };

	(void)state;
	for (unsigned c = 0; c < ARRAY_SIZE(callers); c++) {
		struct ffa_endpoint *caller = callers[c].sp < 0 ? &ffa_nwd : &world.sps[callers[c].sp];

		for (unsigned minor = 0; minor <= 2; minor++) {
			caller->version = 0x10000 | minor;
			for (uint32_t number = 0; number <= 0x1ff; number++) {
				for (uint32_t form = 0x84000000; form != 0x04000000; form += 0x40000000) {
					assert_int_equal(features(caller, form | number, 2),
							 is_expected(form | number, callers[c].kind, minor));
				}
			}
			assert_false(features(caller, 0x80000063, 0));
			assert_false(features(caller, 0x85000063, 0));
			assert_false(features(caller, 0xffffffff, 0));
		}
	}
}

static void features_have_properties(void **state)
{
	(void)state;
	assert_true(features(&ffa_nwd, FFA_RXTX_MAP_64, 0));
	assert_int_equal(x[2], 1 << 16);
	ffa_nwd.version = FFA_VERSION_1_1;
	assert_true(features(&ffa_nwd, FFA_RXTX_MAP_64, 0)); /* pKVM takes nothing but 0 here */
	assert_int_equal(x[2], 0);
	assert_false(features(&ffa_nwd, FFA_MEM_RETRIEVE_REQ, 0));
	assert_true(features(&ffa_nwd, FFA_MEM_RETRIEVE_REQ, 2));
	assert_int_equal(x[2], 6);
	assert_true(features(SP0, FFA_MEM_RETRIEVE_REQ_64, 2));
	ffa_nwd.version = FFA_VERSION_1_0;
	assert_true(features(&ffa_nwd, FFA_MEM_RETRIEVE_REQ_64, 0));
	assert_true(features(SP0, FFA_SECONDARY_EP_REGISTER_64, 0));
	assert_false(features(SP1, FFA_SECONDARY_EP_REGISTER_64, 0)); /* it has one vCPU */
	assert_true(features(SP0, FFA_FEATURE_NPI, 0));
	assert_int_equal(x[2], 5);
	assert_true(features(SP0, FFA_FEATURE_ME, 0));
	assert_int_equal(x[2], 4);
	assert_false(features(SP0, FFA_FEATURE_SRI, 0));
	assert_true(features(&ffa_nwd, FFA_FEATURE_SRI, 0));
	assert_int_equal(x[2], 8);
	assert_false(features(&ffa_nwd, FFA_FEATURE_NPI, 0));
	assert_false(features(&ffa_nwd, FFA_FEATURE_ME, 0));
	assert_false(features(EL0, FFA_FEATURE_NPI, 0));
	assert_false(features(EL0, FFA_FEATURE_ME, 0));
	assert_false(features(SP0, 0, 0));
	assert_false(features(SP0, 4, 0));
	assert_false(features(SP0, FFA_FEATURE_NPI, 1));
	assert_false(features(SP0, FFA_FEATURE_NPI | 0x100, 0));
	assert_false(features(SP0, FFA_FEATURE_NPI | 0x40000000, 0));
}

static void ids(void **state)
{
	(void)state;
	CALL(ffa_id_get, SP1, FFA_ID_GET);
	assert_int_equal(answer(), FFA_OK);
	assert_int_equal(x[2], SP1->id);
	CALL(ffa_id_get, &ffa_nwd, FFA_ID_GET);
	assert_int_equal(answer(), FFA_OK);
	assert_int_equal(x[2], 0);
	CALL(ffa_spm_id_get, SP1, FFA_SPM_ID_GET);
	assert_int_equal(answer(), FFA_OK);
	assert_int_equal(x[2], 0x8000);
	for (unsigned i = 8; i < FFA_REGS; i++) {
		assert_int_equal(x[i], UINT64_C(0x5151000) + i); /* what a call does not define stays */
	}
}

/* ---- partition information ---- */

static enum ffa_code info(struct ffa_endpoint *caller, const struct ffa_uuid *uuid, uint64_t flags)
{
	static const struct ffa_uuid nil;
	const uint32_t *w = uuid != NULL ? uuid->word : nil.word;

	CALL(ffa_partition_info_get, caller, FFA_PARTITION_INFO_GET, w[0], w[1], w[2], w[3], flags);
	return answer();
}

static const struct ffa_partition_info *entry(const struct ffa_endpoint *e, unsigned i)
{
	return &((const struct ffa_partition_info *)pa_ptr(e->mailbox.rx.base))[i];
}

static void release(struct ffa_endpoint *e)
{
	CALL(ffa_rx_release, e, FFA_RX_RELEASE);
	assert_int_equal(answer(), FFA_OK);
}

static void partition_info_of_all(void **state)
{
	const struct ffa_uuid nil = { { 0 } };

	(void)state;
	assert_int_equal(info(SP0, NULL, FFA_PARTITION_INFO_COUNT_ONLY), FFA_OK);
	assert_int_equal(x[2], 4); /* SP 0 has two UUIDs */
	assert_int_equal(x[3], 0);
	assert_int_equal(info(SP0, NULL, 0), FFA_BUSY); /* no RX buffer */
	assert_int_equal(world_map(SP0, world_page(0, 0), world_page(0, 1), 1), FFA_OK);
	memset(pa_ptr(SP0->mailbox.rx.base), 0xff, PAGE_SIZE);
	assert_int_equal(info(SP0, NULL, 0), FFA_OK);
	assert_int_equal(x[2], 4);
	assert_int_equal(x[3], 24);
	for (unsigned i = 0; i < 4; i++) {
		const struct ffa_endpoint *sp = &world.sps[i < 2 ? 0 : i - 1];

		assert_int_equal(entry(SP0, i)->id, sp->id);
		assert_int_equal(entry(SP0, i)->vcpu_count, sp->vcpu_count);
		assert_int_equal(entry(SP0, i)->properties, sp->properties | FFA_PROPERTY_AARCH64);
		assert_memory_equal(&entry(SP0, i)->uuid, &sp->uuids[i == 1], sizeof(nil));
	}
	assert_int_equal(entry(SP0, 4)->id, 0xffff);
	assert_int_equal(info(SP0, NULL, 0), FFA_BUSY);
	release(SP0);
	/* Older readers know one UUID of a partition. */
	SP0->version = FFA_VERSION_1_1;
	assert_int_equal(info(SP0, NULL, 0), FFA_OK);
	assert_int_equal(x[2], 3);
	assert_int_equal(entry(SP0, 1)->id, SP1->id);
	release(SP0);
	SP0->version = FFA_VERSION_1_0;
	assert_int_equal(info(SP0, NULL, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(info(SP0, NULL, 0), FFA_OK);
	assert_int_equal(x[2], 3);
	assert_int_equal(x[3], 8);
	for (unsigned i = 0; i < 3; i++) {
		const struct ffa_partition_info_1_0 *old = pa_ptr(SP0->mailbox.rx.base);

		assert_int_equal(old[i].id, world.sps[i].id);
		assert_int_equal(old[i].properties, 7);
	}
	release(SP0);
}

static void partition_info_by_uuid(void **state)
{
	const struct ffa_uuid nil = { { 0 } }, nobody = { { 1, 2, 3, 5 } };

	(void)state;
	assert_int_equal(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1), FFA_OK);
	assert_int_equal(info(&ffa_nwd, &nobody, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(info(&ffa_nwd, &world_uuids[1], 2), FFA_INVALID_PARAMETERS);
	assert_int_equal(info(&ffa_nwd, &world_uuids[1], 0), FFA_OK);
	assert_int_equal(x[2], 1);
	assert_int_equal(entry(&ffa_nwd, 0)->id, SP0->id);
	assert_memory_equal(&entry(&ffa_nwd, 0)->uuid, &nil, sizeof(nil));
	release(&ffa_nwd);
	assert_int_equal(info(&ffa_nwd, &world_uuids[3], 1), FFA_OK);
	assert_int_equal(x[2], 1);
	SP1->uuids[0] = world_uuids[3]; /* two may have the same */
	assert_int_equal(info(&ffa_nwd, &world_uuids[3], 0), FFA_OK);
	assert_int_equal(x[2], 2);
	assert_int_equal(entry(&ffa_nwd, 0)->id, SP1->id);
	assert_int_equal(entry(&ffa_nwd, 1)->id, EL0->id);
}

static uint32_t properties_for(struct ffa_endpoint *caller, const struct ffa_endpoint *sp)
{
	CALL(ffa_partition_info_get_regs, caller, FFA_PARTITION_INFO_GET_REGS_64,
	     sp->uuids[0].word[0] | (uint64_t)sp->uuids[0].word[1] << 32,
	     sp->uuids[0].word[2] | (uint64_t)sp->uuids[0].word[3] << 32);
	assert_int_equal(answer(), FFA_OK);
	assert_int_equal((uint16_t)x[3], sp->id);
	return hi32(x[3]);
}

static void properties_are_those_that_matter_to_the_caller(void **state)
{
	const uint32_t both2 = FFA_PROPERTY_DIRECT2_RECV | FFA_PROPERTY_DIRECT2_SEND, base = SP1->properties,
		       vm = FFA_PROPERTY_VM_CREATED | FFA_PROPERTY_VM_DESTROYED, a64 = FFA_PROPERTY_AARCH64;

	(void)state;
	SP1->properties |= both2 | vm;
	assert_int_equal(properties_for(SP0, SP1), base | both2 | a64);
	assert_int_equal(properties_for(&ffa_nwd, SP1),
			 ((base & ~(uint32_t)FFA_PROPERTY_DIRECT_SEND) | FFA_PROPERTY_DIRECT2_RECV | vm | a64));
	SP1->version = FFA_VERSION_1_1;
	assert_int_equal(properties_for(SP0, SP1), base | a64);
	SP1->version = FFA_VERSION_1_0;
	assert_int_equal(properties_for(SP0, SP1), FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT_SEND | a64);
	SP1->properties &= ~(uint32_t)FFA_PROPERTY_DIRECT_RECV;
	assert_int_equal(properties_for(&ffa_nwd, SP1), a64);
}

static void partition_info_that_does_not_fit(void **state)
{
	static struct ffa_endpoint more[FFA_SP_MAX - WORLD_SPS];

	(void)state;
	assert_int_equal(world_map(SP0, world_page(0, 0), world_page(0, 1), 1), FFA_OK);
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = *SP0;
		more[i].id = (uint16_t)(FFA_ID_SP_FIRST + WORLD_SPS + i);
		more[i].uuid_count = FFA_UUID_MAX;
		ffa_endpoint_add(&more[i]);
	}
	assert_int_equal(info(SP0, NULL, 0), FFA_NO_MEMORY);
	assert_int_equal(SP0->mailbox.rx_state, FFA_RX_EMPTY);
	assert_int_equal(info(SP0, NULL, 1), FFA_OK);
	assert_int_equal(x[2], 4 + 4 * ARRAY_SIZE(more));
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
		more[i].uuid_count = 1;
	}
	assert_int_equal(info(SP0, NULL, 0), FFA_OK);
	assert_int_equal(entry(SP0, 4 + ARRAY_SIZE(more) - 1)->id, more[ARRAY_SIZE(more) - 1].id);
}

static void partition_info_in_registers(void **state)
{
	static struct ffa_endpoint more[8];
	unsigned next = 0, calls = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = *SP1;
		more[i].id = (uint16_t)(FFA_ID_SP_FIRST + WORLD_SPS + i);
		ffa_endpoint_add(&more[i]);
	}
	CALL(ffa_partition_info_get_regs, SP0, FFA_PARTITION_INFO_GET_REGS_64, 0, 0, 1 << 16);
	assert_int_equal(answer(), FFA_RETRY);
	CALL(ffa_partition_info_get_regs, SP0, FFA_PARTITION_INFO_GET_REGS_64, 0, 0, 12);
	assert_int_equal(answer(), FFA_INVALID_PARAMETERS);
	CALL(ffa_partition_info_get_regs, SP0, FFA_PARTITION_INFO_GET_REGS_64, 1, 0, 0);
	assert_int_equal(answer(), FFA_INVALID_PARAMETERS);
	while (next < 12) {
		unsigned last;

		CALL(ffa_partition_info_get_regs, SP0, FFA_PARTITION_INFO_GET_REGS_64, 0, 0, next);
		assert_int_equal(answer(), FFA_OK);
		assert_int_equal(x[0], FFA_SUCCESS_64);
		assert_int_equal((uint16_t)x[2], 11);
		assert_int_equal(x[2] >> 32, 24 << 16);
		last = (uint16_t)(x[2] >> 16);
		for (unsigned i = next, r = 3; i <= last; i++, r += 3) {
			const struct ffa_endpoint *sp = ffa_partition(i < 2 ? 0 : i - 1);
			const struct ffa_uuid *uuid = &sp->uuids[i == 1];

			assert_int_equal(x[r], sp->id | (uint64_t)sp->vcpu_count << 16 |
						       (uint64_t)(sp->properties | FFA_PROPERTY_AARCH64) << 32);
			assert_int_equal(x[r + 1], uuid->word[0] | (uint64_t)uuid->word[1] << 32);
			assert_int_equal(x[r + 2], uuid->word[2] | (uint64_t)uuid->word[3] << 32);
		}
		assert_int_equal(last + 1 - next, MIN(12 - next, 5U));
		for (unsigned r = 3 + 3 * (last + 1 - next); r < FFA_REGS; r++) {
			assert_int_equal(x[r], 0);
		}
		next = last + 1;
		calls++;
	}
	assert_int_equal(calls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start)
		TEST(version_is_negotiated_until_locked),
		TEST(an_older_version_may_be_offered),
		TEST(features_of_every_call),
		TEST(features_have_properties),
		TEST(ids),
		TEST(partition_info_of_all),
		TEST(partition_info_by_uuid),
		TEST(properties_are_those_that_matter_to_the_caller),
		TEST(partition_info_that_does_not_fit),
		TEST(partition_info_in_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
