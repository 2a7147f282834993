/* SPDX-License-Identifier: MIT */
#include "core/vcpu/insn.h"

#include "lib/str.h"

/* Fields of the load and store encodings (Arm ARM, C4.1.94). */
#define INSN_RT_SHIFT 0
#define INSN_RT_WIDTH 5
#define INSN_RN_SHIFT 5
#define INSN_RN_WIDTH 5
#define INSN_RT2_SHIFT 10
#define INSN_RT2_WIDTH 5
#define INSN_IMM7_SHIFT 15
#define INSN_IMM7_WIDTH 7
#define INSN_IMM9_SHIFT 12
#define INSN_IMM9_WIDTH 9
#define INSN_PAIR_MODE_SHIFT 23 /* how a pair forms its address */
#define INSN_PAIR_MODE_WIDTH 2
#define INSN_PAIR_LOAD BIT(22)
#define INSN_PAIR_OPC_SHIFT 30
#define INSN_PAIR_OPC_WIDTH 2
#define INSN_OPC_SHIFT 22
#define INSN_OPC_WIDTH 2
#define INSN_SIZE_SHIFT 30
#define INSN_SIZE_WIDTH 2
#define INSN_PRE_INDEX BIT(11)

/* Load/store pair (and no-allocate pair) of general registers: bits 29..25 = 10100. */
#define INSN_PAIR_MASK 0x3e000000u
#define INSN_PAIR 0x28000000u
/* Load/store register with immediate pre- or post-index: bits 29..24 = 111000, bit 21 = 0, bit 10 = 1. */
#define INSN_INDEXED_MASK 0x3f200400u
#define INSN_INDEXED 0x38000400u

enum {
	PAIR_NO_ALLOCATE = 0,
	PAIR_POST_INDEX = 1,
	PAIR_OFFSET = 2,
	PAIR_PRE_INDEX = 3,
};

enum {
	OPC_STORE = 0,
	OPC_LOAD = 1,
	OPC_LOAD_SIGNED_64 = 2,
	OPC_LOAD_SIGNED_32 = 3,
};

static int16_t sign_extend(uint64_t value, unsigned width)
{
	uint64_t sign = BIT(width - 1);

	return (int16_t)((int64_t)(value ^ sign) - (int64_t)sign);
}

/* LDP, STP, LDPSW, LDNP, STNP. */
static bool decode_pair(uint32_t word, struct insn_access *out)
{
	unsigned mode = (unsigned)FIELD_GET(INSN_PAIR_MODE, word);
	unsigned opc = (unsigned)FIELD_GET(INSN_PAIR_OPC, word);
	int16_t imm;

	out->load = (word & INSN_PAIR_LOAD) != 0;
	/* opc 1 is LDPSW; as a store it is STGP, which writes tags; opc 3 and the no-allocate form are unallocated. */
	if (opc == 3 || (opc == 1 && (!out->load || mode == PAIR_NO_ALLOCATE))) {
		return false;
	}
	out->sign = opc == 1;
	out->wide = opc != 0;
	out->size = opc == 2 ? 8 : 4;
	out->count = 2;
	out->rt[1] = (uint8_t)FIELD_GET(INSN_RT2, word);
	imm = (int16_t)(sign_extend(FIELD_GET(INSN_IMM7, word), INSN_IMM7_WIDTH) * out->size);
	out->writeback = mode == PAIR_POST_INDEX || mode == PAIR_PRE_INDEX;
	out->offset = mode == PAIR_POST_INDEX ? 0 : imm;
	out->step = imm;
	return true;
}

/* LDR, STR and their byte, halfword and sign-extending kin with pre- or post-index. */
static bool decode_indexed(uint32_t word, struct insn_access *out)
{
	unsigned size_log2 = (unsigned)FIELD_GET(INSN_SIZE, word);
	unsigned opc = (unsigned)FIELD_GET(INSN_OPC, word);

	/* Nothing is sign-extended to its own width or less. */
	if ((opc == OPC_LOAD_SIGNED_64 && size_log2 == 3) || (opc == OPC_LOAD_SIGNED_32 && size_log2 >= 2)) {
		return false;
	}
	out->load = opc != OPC_STORE;
	out->sign = opc >= OPC_LOAD_SIGNED_64;
	out->wide = opc == OPC_LOAD_SIGNED_64 || size_log2 == 3;
	out->size = (uint8_t)(1u << size_log2);
	out->count = 1;
	out->rt[1] = 31;
	out->writeback = true;
	out->step = sign_extend(FIELD_GET(INSN_IMM9, word), INSN_IMM9_WIDTH);
	out->offset = (word & INSN_PRE_INDEX) != 0 ? out->step : 0;
	return true;
}

bool insn_decode(uint32_t word, struct insn_access *out)
{
	memset(out, 0, sizeof(*out));
	out->rt[0] = (uint8_t)FIELD_GET(INSN_RT, word);
	out->rn = (uint8_t)FIELD_GET(INSN_RN, word);
	if ((word & INSN_PAIR_MASK) == INSN_PAIR) {
		return decode_pair(word, out);
	}
	if ((word & INSN_INDEXED_MASK) == INSN_INDEXED) {
		return decode_indexed(word, out);
	}
	return false;
}
