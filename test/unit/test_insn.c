/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "core/vcpu/insn.h"

struct sample {
	uint32_t word; /* as the assembler makes it */
	struct insn_access access;
};

/* clang-format off */
static const struct sample samples[] = {
	/* ldp x1, x2, [x3, #16] */
	{ 0xa9410861, { .load = true, .wide = true, .size = 8, .count = 2, .rt = { 1, 2 }, .rn = 3,
	  .offset = 16, .step = 16 } },
	/* ldp w1, w2, [x3], #-8 */
	{ 0x28ff0861, { .load = true, .size = 4, .count = 2, .rt = { 1, 2 }, .rn = 3, .writeback = true, .step = -8 } },
	/* ldp x1, x2, [sp, #-512]! */
	{ 0xa9e00be1, { .load = true, .wide = true, .size = 8, .count = 2, .rt = { 1, 2 }, .rn = 31, .writeback = true,
			.offset = -512, .step = -512 } },
	/* ldpsw x1, x2, [x3, #252] */
	{ 0x695f8861, { .load = true, .sign = true, .wide = true, .size = 4, .count = 2, .rt = { 1, 2 }, .rn = 3,
			.offset = 252, .step = 252 } },
	/* ldpsw x1, x2, [x3], #-256 */
	{ 0x68e00861, { .load = true, .sign = true, .wide = true, .size = 4, .count = 2, .rt = { 1, 2 }, .rn = 3,
			.writeback = true, .step = -256 } },
	/* stp x4, xzr, [x5, #504] */
	{ 0xa91ffca4, { .wide = true, .size = 8, .count = 2, .rt = { 4, 31 }, .rn = 5, .offset = 504, .step = 504 } },
	/* stp w4, w30, [x5, #-256]! */
	{ 0x29a078a4, { .size = 4, .count = 2, .rt = { 4, 30 }, .rn = 5, .writeback = true,
	  .offset = -256, .step = -256 } },
	/* ldnp x6, x7, [x8, #-16] */
	{ 0xa87f1d06, { .load = true, .wide = true, .size = 8, .count = 2, .rt = { 6, 7 }, .rn = 8, .offset = -16,
			.step = -16 } },
	/* stnp w6, w7, [x8, #4] */
	{ 0x28009d06, { .size = 4, .count = 2, .rt = { 6, 7 }, .rn = 8, .offset = 4, .step = 4 } },
	/* ldr x1, [x2], #255 */
	{ 0xf84ff441, { .load = true, .wide = true, .size = 8, .count = 1, .rt = { 1, 31 }, .rn = 2, .writeback = true,
			.step = 255 } },
	/* ldr w1, [x2, #-256]! */
	{ 0xb8500c41, { .load = true, .size = 4, .count = 1, .rt = { 1, 31 }, .rn = 2, .writeback = true,
	  .offset = -256,
			.step = -256 } },
	/* ldrb w1, [x2], #1 */
	{ 0x38401441, { .load = true, .size = 1, .count = 1, .rt = { 1, 31 }, .rn = 2, .writeback = true, .step = 1 } },
	/* ldrh w1, [x2, #2]! */
	{ 0x78402c41, { .load = true, .size = 2, .count = 1, .rt = { 1, 31 }, .rn = 2, .writeback = true, .offset = 2,
			.step = 2 } },
	/* ldrsb w1, [x2], #-1 */
	{ 0x38dff441, { .load = true, .sign = true, .size = 1, .count = 1, .rt = { 1, 31 }, .rn = 2, .writeback = true,
			.step = -1 } },
	/* ldrsb x1, [x2], #-1 */
	{ 0x389ff441, { .load = true, .sign = true, .wide = true, .size = 1, .count = 1, .rt = { 1, 31 }, .rn = 2,
			.writeback = true, .step = -1 } },
	/* ldrsh w1, [x2, #-2]! */
	{ 0x78dfec41, { .load = true, .sign = true, .size = 2, .count = 1, .rt = { 1, 31 }, .rn = 2, .writeback = true,
			.offset = -2, .step = -2 } },
	/* ldrsh x1, [x2], #2 */
	{ 0x78802441, { .load = true, .sign = true, .wide = true, .size = 2, .count = 1, .rt = { 1, 31 }, .rn = 2,
			.writeback = true, .step = 2 } },
	/* ldrsw x1, [x2], #4 */
	{ 0xb8804441, { .load = true, .sign = true, .wide = true, .size = 4, .count = 1, .rt = { 1, 31 }, .rn = 2,
			.writeback = true, .step = 4 } },
	/* str x1, [sp], #8 */
	{ 0xf80087e1, { .wide = true, .size = 8, .count = 1, .rt = { 1, 31 }, .rn = 31,
	  .writeback = true, .step = 8 } },
	/* str w1, [x2, #-4]! */
	{ 0xb81fcc41, { .size = 4, .count = 1, .rt = { 1, 31 }, .rn = 2, .writeback = true,
	  .offset = -4, .step = -4 } },
	/* strb wzr, [x2], #1 */
	{ 0x3800145f, { .size = 1, .count = 1, .rt = { 31, 31 }, .rn = 2, .writeback = true, .step = 1 } },
	/* strh w30, [x29, #2]! */
	{ 0x78002fbe, { .size = 2, .count = 1, .rt = { 30, 31 }, .rn = 29, .writeback = true,
	  .offset = 2, .step = 2 } },
};

static const uint32_t others[] = {
	0xd503201f, /* nop */
	0xf9400441, /* ldr x1, [x2, #8] */
	0xf85f8041, /* ldur x1, [x2, #-8] */
	0xf8408841, /* ldtr x1, [x2, #8] */
	0xf8636841, /* ldr x1, [x2, x3] */
	0x3cc10441, /* ldr q1, [x2], #16 */
	0xad400841, /* ldp q1, q2, [x2] */
	0x6cc10841, /* ldp d1, d2, [x2], #16 */
	0xfc008c41, /* str d1, [x2, #8]! */
	0xc85f7c41, /* ldxr x1, [x2] */
	0xc87f8861, /* ldaxp x1, x2, [x3] */
	0xc89ffc41, /* stlr x1, [x2] */
	0xf8210062, /* ldadd x1, x2, [x3] */
	0xc8a17c62, /* cas x1, x2, [x3] */
	0xf8218062, /* swp x1, x2, [x3] */
	0xd50b7421, /* dc zva, x1 */
	0x68808861, /* stgp x1, x2, [x3], #16 */
	0xd9201441, /* stg x1, [x2], #16 */
	0xf9800040, /* prfm pldl1keep, [x2] */
	0x58000001, /* ldr x1, . */
	0x4cdf7020, /* ld1 {v0.16b}, [x1], #16 */
	0xf8800c41, /* unallocated: a sign-extending load of 64 bits */
	0xb8c00c41, /* unallocated: 32 bits extended to 32 */
	0xe8400c41, /* unallocated: pair with opc 3 */
	0x00000000, 0xffffffff,
};
/* clang-format on */

static void assert_access_equal(const struct insn_access *a, const struct insn_access *b)
{
	assert_int_equal(a->load, b->load);
	assert_int_equal(a->sign, b->sign);
	assert_int_equal(a->wide, b->wide);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->rt[0], b->rt[0]);
	assert_int_equal(a->rn, b->rn);
	assert_int_equal(a->writeback, b->writeback);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->step, b->step);
}

static void insn_decodes_what_the_assembler_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct insn_access access;

		assert_true(insn_decode(samples[i].word, &access));
		assert_access_equal(&access, &samples[i].access);
		if (access.count == 2) {
			assert_int_equal(access.rt[1], samples[i].access.rt[1]);
		}
	}
}

static void insn_refuses_everything_else(void **state)
{
	struct insn_access access;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_false(insn_decode(others[i], &access));
	}
}

/* Over all values of the bits that choose an instruction, registers and immediates fixed. */
static void insn_accepts_exactly_pairs_and_indexed_forms(void **state)
{
	unsigned pairs = 0;
	unsigned indexed = 0;

	(void)state;
	/* Bits 31..21 and 11..10. */
	for (uint32_t high = 0; high < 2048; high++) {
		for (uint32_t low = 0; low < 4; low++) {
			struct insn_access access;

			if (!insn_decode(high << 21 | low << 10, &access)) {
				continue;
			}
			assert_int_equal((high >> 5) & 1, 0); /* bit 26, V: never SIMD */
			pairs += access.count == 2;
			indexed += access.count == 1;
		}
	}
	/* opc 0 and 2: four modes, load and store; opc 1: LDPSW in three modes; times bit 21, low. */
	assert_int_equal(pairs, (2 * 4 * 2 + 3) * 2 * 4);
	/* Four sizes, load and store; sign extension: 3 to 64 bits, 2 to 32; pre and post. */
	assert_int_equal(indexed, (4 * 2 + 3 + 2) * 2);
}

static void insn_extends_to_the_register(void **state)
{
	(void)state;
	assert_int_equal(insn_extend(0x80, 1, true, true), 0xffffffffffffff80);
	assert_int_equal(insn_extend(0x80, 1, true, false), 0xffffff80);
	assert_int_equal(insn_extend(0x80, 1, false, true), 0x80);
	assert_int_equal(insn_extend(0x7fff, 2, true, true), 0x7fff);
	assert_int_equal(insn_extend(0x80000000, 4, true, true), 0xffffffff80000000);
	assert_int_equal(insn_extend(0x8000000000000000, 8, true, true), 0x8000000000000000);
	assert_int_equal(insn_extend(0xffffffffffffffff, 8, false, true), 0xffffffffffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(insn_decodes_what_the_assembler_made),
		cmocka_unit_test(insn_refuses_everything_else),
		cmocka_unit_test(insn_accepts_exactly_pairs_and_indexed_forms),
		cmocka_unit_test(insn_extends_to_the_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
