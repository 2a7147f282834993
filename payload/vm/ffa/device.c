/* SPDX-License-Identifier: MIT */
/*
 * A virtio device and pages that are lent while it has them: it neither reads nor writes them, whoever holds them, and
 * works again after a reset, when they are back.
 */
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/lib/virtio.h"
#include "payload/vm/ffa/ffa.h"

#define RING 20 /* pages by number */
#define BUFFER 21
#define RING_BEFORE 22
#define LENGTH 64
#define PATTERN 0xd000

static struct virtio rng;
static struct virtq *const ring = (struct virtq *)nwd_pages[RING];

/* Random bytes are asked for; but nobody has told the device. */
static bool prepare(void)
{
	struct virtio_piece piece = { nwd_pages[BUFFER], LENGTH, true };

	if (!virtio_find(&rng, VIRTIO_ID_RNG, 0) || !virtio_start(&rng, 0) || !virtio_queue(&rng, ring, 0)) {
		return false;
	}
	virtio_driver_ok(&rng);
	pattern_fill((uint64_t)nwd_pages[BUFFER], 1, PATTERN);
	virtq_fill(ring, &piece, 1);
	return true;
}

/* The ring may be gone: nothing is read there. */
static void tell(void)
{
	virtio_set(&rng, VIRTIO_QUEUE_NOTIFY, 0);
}

static void check_works(void)
{
	uint32_t head = 1, length = 0;

	REQUIRE(prepare());
	tell();
	CHECK(virtq_wait(ring, 1000, &head, &length));
	CHECK_EQ(head, 0);
	CHECK(length != 0 && length <= LENGTH);
	CHECK(pattern_wrong((uint64_t)nwd_pages[BUFFER], 1, PATTERN) != 0);
}

/* The page of that number is the partner's when the device is told. */
static void use_lent(uint32_t page)
{
	uint64_t handle = 0;

	check_works();
	REQUIRE(prepare());
	memcpy(nwd_pages[RING_BEFORE], nwd_pages[RING], PAGE_SIZE);
	REQUIRE(nwd_send_pages(FFA_MEM_LEND_64, partner, nwd_pages[page], 1, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(partner, FFA_MEM_LEND_64, handle, 0).w[0], FFA_OK);
	tell();
	CHECK(WAIT_UNTIL((virtio_get(&rng, VIRTIO_STATUS) & VIRTIO_NEEDS_RESET) != 0, 1000));
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK(page != RING || memcmp(nwd_pages[RING_BEFORE], nwd_pages[RING], PAGE_SIZE) == 0);
	CHECK_EQ(pattern_wrong((uint64_t)nwd_pages[BUFFER], 1, PATTERN), 0);
	check_works();
}

static void buffer_is_lent(void)
{
	use_lent(BUFFER);
}
static void ring_is_lent(void)
{
	use_lent(RING);
}

void test_device(void)
{
	static const struct test tests[] = {
		{ "device_buffer_is_lent", buffer_is_lent },
		{ "device_ring_is_lent", ring_is_lent },
	};

	RUN_FOR_PARTNER(tests);
}
