/* SPDX-License-Identifier: MIT */
#include "payload/nwd/lib/nwd.h"

#include "payload/lib/print.h"

#define RESUMES_MAX 100000
#define WORDS 0x5ffff000ul /* right below BL33 */

uint8_t nwd_rx[PAGE_SIZE] __attribute__((aligned(4096)));
uint8_t nwd_tx[PAGE_SIZE] __attribute__((aligned(4096)));
uint8_t nwd_pages[NWD_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));

uint16_t nwd_id;
uint16_t hello, irq, relay, el0;
uint32_t nwd_version;

uint64_t nwd_word(uint32_t n, uint64_t otherwise)
{
	uint64_t word = ((const volatile uint64_t *)WORDS)[n];

	return word != 0 ? word : otherwise;
}

uint16_t nwd_find(struct ffa_uuid uuid)
{
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET_REGS_64, ffa_u64(uuid.word[0], uuid.word[1]),
				ffa_u64(uuid.word[2], uuid.word[3]), 0);

	return ffa_is(&r, FFA_SUCCESS_64) ? (uint16_t)r.x[3] : 0;
}

bool nwd_init(uint32_t version)
{
	struct ffa_regs r = FFA(FFA_VERSION, version);
	int32_t code;

	/* It tells its own, whatever ours. */
	if ((uint32_t)r.x[0] != FFA_VERSION_1_2) {
		print("# FFA_VERSION gave 0x%x\n", (uint32_t)r.x[0]);
		return false;
	}
	nwd_version = version;
	r = FFA(FFA_ID_GET);
	nwd_id = (uint16_t)r.x[2];
	code = FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)nwd_tx, (uint64_t)nwd_rx, 1);
	if (code != FFA_OK) {
		print("# FFA_RXTX_MAP failed: %d\n", code);
		return false;
	}
	hello = nwd_find(UUID_HELLO);
	irq = nwd_find(UUID_IRQ);
	relay = nwd_find(UUID_RELAY);
	el0 = nwd_find(UUID_EL0);
	return true;
}

int32_t nwd_map_vm(uint16_t vm, uint64_t tx, uint64_t rx)
{
	struct description {
		struct ffa_endpoint_rxtx head;
		struct ffa_composite rx;
		struct ffa_constituent rx_range;
		struct ffa_composite tx;
		struct ffa_constituent tx_range;
	} *description = (void *)nwd_tx;

	*description = (struct description){
		.head = { .endpoint = vm,
			  .rx_offset = offsetof(struct description, rx),
			  .tx_offset = offsetof(struct description, tx) },
		.rx = { 1, 1, 0 },
		.rx_range = { rx, 1, 0 },
		.tx = { 1, 1, 0 },
		.tx_range = { tx, 1, 0 },
	};
	return FFA_CODE(FFA_RXTX_MAP_64, 0, 0, 0);
}

void nwd_message(struct ffa_regs *r)
{
	ffa_call(r);
	for (uint32_t i = 0; i < RESUMES_MAX && (ffa_is(r, FFA_INTERRUPT) || ffa_is(r, FFA_YIELD)); i++) {
		struct ffa_regs run = { .x = { FFA_RUN, (uint32_t)r->x[1] } };

		/* What no call defines stays ours until the answer. */
		for (uint32_t k = 8; k < 18; k++) {
			run.x[k] = r->x[k];
		}
		ffa_call(&run);
		*r = run;
	}
}

struct words nwd_command(uint16_t sp, struct words words)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(nwd_id, sp), 0, words.w[0], words.w[1],
				     words.w[2], words.w[3], words.w[4] } };

	nwd_message(&r);
	if (!ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP_64)) {
		return (struct words){ { (uint64_t)(ffa_code(&r) != FFA_OK ? ffa_code(&r) : FFA_ABORTED) } };
	}
	return (struct words){ { r.x[3], r.x[4], r.x[5], r.x[6], r.x[7] } };
}

struct ffa_regs nwd_call_from(uint16_t sp, struct ffa_regs call)
{
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ2_64, ffa_pair(nwd_id, sp), 0, 0, COMMAND_CALL } };
	struct ffa_regs result = { 0 };

	for (uint32_t i = 0; i < 12; i++) {
		r.x[5 + i] = call.x[i];
	}
	nwd_message(&r);
	if (!ffa_is(&r, FFA_MSG_SEND_DIRECT_RESP2_64) || r.x[4] != FFA_OK) {
		result.x[2] = (uint64_t)ffa_code(&r);
		return result;
	}
	for (uint32_t i = 0; i < 13; i++) {
		result.x[i] = r.x[5 + i];
	}
	return result;
}

int32_t nwd_code_from(const struct ffa_regs *r)
{
	return r->x[0] == 0 ? FFA_ABORTED : ffa_code(r);
}

static bool is_share(uint32_t id)
{
	return (id & ~FFA_64) == FFA_MEM_SHARE;
}
static bool is_donate(uint32_t id)
{
	return (id & ~FFA_64) == FFA_MEM_DONATE;
}

struct ffa_transaction nwd_transaction(uint32_t id, uint16_t borrower, struct ffa_constituent *range, void *first,
				       uint32_t count)
{
	*range = (struct ffa_constituent){ .address = (uint64_t)first, .page_count = count };
	return (struct ffa_transaction){
		.version = nwd_version,
		.sender = nwd_id,
		.attributes = is_share(id) ? FFA_ATTRIBUTES_NORMAL : 0,
		.borrower_count = 1,
		.borrowers = { { borrower, is_donate(id) ? 0 : FFA_PERMISSIONS(FFA_DATA_RW, 0) } },
		.ranges = range,
		.range_count = 1,
	};
}

int32_t nwd_send(uint32_t id, const struct ffa_transaction *t, uint64_t *handle)
{
	return ffa_mem_send(id, t, nwd_tx, PAGE_SIZE, handle);
}

int32_t nwd_send_pages(uint32_t id, uint16_t borrower, void *first, uint32_t count, uint64_t *handle)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(id, borrower, &range, first, count);

	return nwd_send(id, &t, handle);
}

struct words nwd_retrieve(uint16_t sp, uint32_t id, uint64_t handle, uint64_t tag)
{
	uint64_t permissions = FFA_PERMISSIONS(FFA_DATA_RW, is_share(id) ? FFA_EXEC_UNSPECIFIED : FFA_EXEC_XN);

	return COMMAND(sp, COMMAND_RETRIEVE, handle, tag,
		       nwd_id | permissions << 16 | (uint64_t)FFA_ATTRIBUTES_NORMAL << 32, 0);
}

int32_t nwd_reclaim(uint64_t handle)
{
	return FFA_CODE(FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32, 0);
}

/* A descriptor of the version in which everything but the handle is zero. */
struct ffa_regs nwd_hypervisor_retrieve(uint64_t handle)
{
	struct ffa_memory_region *now = (struct ffa_memory_region *)nwd_tx;
	struct ffa_memory_region_1_0 *old = (struct ffa_memory_region_1_0 *)nwd_tx;

	if (nwd_version >= FFA_VERSION_1_1) {
		*now = (struct ffa_memory_region){ .handle = handle };
		return FFA(FFA_MEM_RETRIEVE_REQ_64, sizeof(*now), sizeof(*now));
	}
	*old = (struct ffa_memory_region_1_0){ .handle = handle };
	return FFA(FFA_MEM_RETRIEVE_REQ_64, sizeof(*old), sizeof(*old));
}
