/* SPDX-License-Identifier: MIT */
/* RX and TX buffers, ours and a VM's; the console of partitions. */
#include "payload/lib/string.h"
#include "payload/nwd/client/tests.h"

#define VM 7
#define OTHER_VM 8

static uint8_t vm_rx[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t vm_tx[PAGE_SIZE] __attribute__((aligned(4096)));

static void map_checks(void)
{
	uint64_t page = (uint64_t)nwd_pages[0];

	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, page + PAGE_SIZE, 1), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, VM << 16), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, (uint32_t)hello << 16), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, page + PAGE_SIZE, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, page + 64 * PAGE_SIZE, 63), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, page + 2 * PAGE_SIZE, 2), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP, page, page + PAGE_SIZE, 1), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page + 8, page + PAGE_SIZE, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, page + PAGE_SIZE + 8, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, page, 1), FFA_INVALID_PARAMETERS);
	/* Not the normal world's: the SPMC, a partition, nothing at all. */
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, 0x0e100000, page, 1), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, 0x0e800000, 1), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, page, 0xfffffffffffff000, 1), FFA_DENIED);
	/* Without buffers: what needs them says so. */
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_MEM_SHARE_64, 96, 96), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_RELINQUISH), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND2), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)nwd_tx, (uint64_t)nwd_rx, 1), FFA_OK);
}

/* Buffers are the SPMC's to read and write: they cannot be given to anybody. */
static void buffers_cannot_be_shared(void)
{
	uint64_t handle;

	CHECK_CODE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_rx, 1, &handle), FFA_DENIED);
	CHECK_CODE(nwd_send_pages(FFA_MEM_LEND_64, hello, nwd_tx, 1, &handle), FFA_DENIED);
}

static void shared_pages_cannot_be_buffers(void)
{
	uint64_t handle;

	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[0], 1, &handle) == FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)nwd_pages[0], (uint64_t)nwd_pages[1], 1), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)nwd_pages[1], (uint64_t)nwd_pages[0], 1), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)nwd_tx, (uint64_t)nwd_rx, 1), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* ---- a VM's, by its hypervisor ---- */

static void vm_buffers(void)
{
	CHECK_CODE(nwd_map_vm(VM, (uint64_t)vm_tx + 8, (uint64_t)vm_rx), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_map_vm(hello, (uint64_t)vm_tx, (uint64_t)vm_rx), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_map_vm(VM, (uint64_t)nwd_tx, (uint64_t)vm_rx), FFA_DENIED);
	CHECK_CODE(nwd_map_vm(VM, (uint64_t)vm_tx, (uint64_t)vm_rx), FFA_OK);
	CHECK_CODE(nwd_map_vm(VM, (uint64_t)vm_tx, (uint64_t)vm_rx), FFA_DENIED);
	/* The hypervisor's own are not theirs. */
	CHECK_CODE(FFA_CODE(FFA_RX_ACQUIRE, FFA_ID_NWD), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_RX_ACQUIRE, hello), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_RX_ACQUIRE, OTHER_VM), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE, OTHER_VM), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE, VM), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RX_ACQUIRE, VM), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RX_ACQUIRE, VM), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE, VM), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, VM << 16), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, VM << 16), FFA_INVALID_PARAMETERS);
}

static void partition_buffers(void)
{
	/* hello has mapped its own; relay's come from its manifest. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RXTX_MAP_64, 0x0e8f0000, 0x0e8f1000, 1), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RXTX_UNMAP, 1 << 16), FFA_INVALID_PARAMETERS);
	CHECK_CODE(COMMAND(relay, COMMAND_CALL, FFA_RXTX_MAP_64, 0x0eae0000, 0x0eae1000, 1).w[3], FFA_DENIED);
}

/* ---- the console ---- */

static void console_log(void)
{
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_LOG, 0x5150), FFA_OK);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_LOG, 0x5151), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_CONSOLE_LOG, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_CONSOLE_LOG, 25), FFA_INVALID_PARAMETERS);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_CONSOLE_LOG_64, 129), FFA_INVALID_PARAMETERS);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_CONSOLE_LOG_64, 1, '\n'), FFA_OK);
}

void test_mailbox(void)
{
	static const struct test tests[] = {
		{ "mailbox_map_checks", map_checks },
		{ "mailbox_buffers_cannot_be_shared", buffers_cannot_be_shared },
		{ "mailbox_shared_pages_cannot_be_buffers", shared_pages_cannot_be_buffers },
		{ "mailbox_vm_buffers", vm_buffers },
		{ "mailbox_partition_buffers", partition_buffers },
		{ "console_log", console_log },
	};

	RUN_TESTS(tests);
}
