/* SPDX-License-Identifier: MIT */
#include "payload/lib/arch.h"
#include "payload/sp/optee_like/like.h"

#define HELD_MAX 96
#define RANGES_MAX 252 /* what a response of one page may have; it is not asked for in fragments */

static struct memory {
	bool held;
	uint32_t users;
	uint64_t handle;
	uint64_t size;
	uint32_t range_count;
	struct ffa_constituent ranges[RANGES_MAX];
} memories[HELD_MAX];

static struct spinlock lock; /* of the memories, TX and RX; with interrupts masked */

static uint64_t take(void)
{
	uint64_t before = like_mask();

	spin_lock(&lock);
	return before;
}

static void give(uint64_t before)
{
	spin_unlock(&lock);
	like_unmask(before);
}

static struct memory *find(bool held, uint64_t handle)
{
	for (struct memory *m = memories; m < memories + HELD_MAX; m++) {
		if (m->held == held && (!held || m->handle == handle)) {
			return m;
		}
	}
	return NULL;
}

/* The response in RX: all in one fragment, of this handle, ranges that make up its pages. */
static bool read_response(struct memory *memory, const struct regs *r)
{
	struct ffa_retrieved response;
	uint64_t pages = 0;

	if ((uint32_t)r->x[0] != FFA_MEM_RETRIEVE_RESP || r->x[1] != r->x[2] || r->x[1] > PAGE_SIZE ||
	    !ffa_read_response(like_rx, FFA_VERSION_1_1, (uint32_t)r->x[1], &response) ||
	    response.handle != memory->handle || response.in_rx != response.range_count ||
	    response.range_count > RANGES_MAX) {
		return false;
	}
	for (uint32_t i = 0; i < response.range_count; i++) {
		memory->ranges[i] = response.ranges[i];
		pages += response.ranges[i].page_count;
	}
	memory->range_count = response.range_count;
	memory->size = pages * PAGE_SIZE;
	like_counts[COUNT_RANGES] = MAX(like_counts[COUNT_RANGES], response.range_count);
	return pages == response.page_count;
}

static bool retrieve(struct memory *memory, uint64_t handle)
{
	struct ffa_transaction request = {
		.version = FFA_VERSION_1_1,
		.sender = FFA_ID_NWD,
		.attributes = FFA_ATTRIBUTES_NORMAL,
		.flags = FFA_MEMORY_SHARE << FFA_RETRIEVE_TYPE_SHIFT,
		.handle = handle,
		.borrower_count = 1,
		.borrowers = { { like_id, FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_UNSPECIFIED) } },
	};
	uint32_t size = ffa_describe(like_tx, &request, 0);
	struct regs r = HVC(FFA_MEM_RETRIEVE_REQ, size, size);
	struct regs release = { 0 };
	bool good;

	memory->handle = handle;
	good = read_response(memory, &r);
	if (good) {
		release = HVC(FFA_RX_RELEASE);
		good = (uint32_t)release.x[0] == FFA_SUCCESS;
	}
	like_count(good ? COUNT_RETRIEVED : COUNT_REFUSED);
	if (!good) {
		like_log("optee_like: handle 0x%lx is not retrieved: 0x%x %d\n", handle, (uint32_t)r.x[0],
			 (int32_t)r.x[2]);
	}
	return good;
}

struct memory *memory_get(uint64_t handle)
{
	uint64_t before = take();
	struct memory *memory = find(true, handle);

	if (memory == NULL) {
		memory = find(false, 0);
		if (memory != NULL) {
			memory->held = retrieve(memory, handle);
			memory = memory->held ? memory : NULL;
		}
	}
	if (memory != NULL) {
		memory->users++;
	}
	give(before);
	return memory;
}

void memory_put(struct memory *memory)
{
	uint64_t before = take();

	memory->users--;
	give(before);
}

bool memory_drop(uint64_t handle)
{
	struct ffa_relinquish *request = (struct ffa_relinquish *)like_tx;
	uint64_t before = take();
	struct memory *memory = find(true, handle);
	bool dropped = memory != NULL && memory->users == 0;

	if (dropped) {
		struct regs r;

		*request = (struct ffa_relinquish){ .handle = handle, .endpoint_count = 1 };
		request->endpoints[0] = like_id;
		r = HVC(FFA_MEM_RELINQUISH);
		like_count((uint32_t)r.x[0] == FFA_SUCCESS ? COUNT_RELINQUISHED : COUNT_REFUSED);
		memory->held = false;
	}
	give(before);
	return dropped;
}

uint64_t memory_size(const struct memory *memory)
{
	return memory->size;
}

void *memory_at(const struct memory *memory, uint64_t offset, uint64_t *size)
{
	for (uint32_t i = 0; i < memory->range_count; i++) {
		uint64_t bytes = memory->ranges[i].page_count * PAGE_SIZE;

		if (offset < bytes) {
			*size = bytes - offset;
			return (void *)(memory->ranges[i].address + offset);
		}
		offset -= bytes;
	}
	return NULL;
}
