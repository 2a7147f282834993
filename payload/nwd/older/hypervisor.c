/* SPDX-License-Identifier: MIT */
/*
 * What comes from a hypervisor that stands between an OS, its guests and us, as Android's pKVM: all through the one
 * mailbox of id 0, in its own name, the OS's (0 too) and the guests'.
 */
#include "payload/lib/cpu.h"
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/timer.h"
#include "payload/nwd/older/tests.h"

#define GUEST 5
#define OTHER_GUEST 6
#define GUESTS 16
#define PAGES 3
#define SGI 3

/* ---- an interrupt of ours comes during the call ---- */

static volatile uint32_t sgi_count;

static void on_interrupt(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (intid == SGI) {
		sgi_count++;
	} else if (!watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
		gic_disable(this_cpu()->index, intid);
	}
	gic_eoi(intid);
}

/* It pends when the partition gets the CPU, so the partition is preempted at once. */
static struct ffa_regs interrupted(struct ffa_regs call)
{
	uint32_t self = this_cpu()->index;

	irq_set_handler(on_interrupt);
	gic_enable(self, SGI);
	sgi_count = 0;
	irq_off();
	gic_send_sgi(self, SGI);
	CHECK(WAIT_UNTIL(gic_get_bit(self, SGI, GIC_ISPENDR), 100));
	ffa_call(&call);
	irq_on();
	CHECK_EQ(sgi_count, 1);
	gic_disable(self, SGI);
	irq_set_handler(NULL);
	return call;
}
#define INTERRUPTED(...) interrupted((struct ffa_regs){ .x = { __VA_ARGS__ } })

/* ---- VMs come and go ---- */

/* It first gives a context of the partition the chance to finish what it does, and takes no offence at an answer. */
static void tell(uint16_t sp, uint32_t kind, uint16_t vm)
{
	struct ffa_regs r = FFA(FFA_RUN, ffa_pair(sp, this_cpu()->index));

	CHECK(ffa_is(&r, FFA_MSG_WAIT) || ffa_is(&r, FFA_ERROR));
	r = FFA(FFA_MSG_SEND_DIRECT_REQ, ffa_pair(FFA_ID_NWD, sp), FFA_FRAMEWORK_MESSAGE | kind, UINT32_MAX, UINT32_MAX,
		vm);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP);
	CHECK_EQ(r.x[1], ffa_pair(sp, FFA_ID_NWD));
	/* The answer's number is the request's + 1. */
	CHECK_EQ(r.x[2], FFA_FRAMEWORK_MESSAGE | (kind + 1));
	CHECK_EQ(r.x[3], FFA_OK);
}

/* Those whose properties ask for it are told; returns how many. Since 1.1 there are such properties. */
static uint32_t tell_all(uint32_t kind, uint32_t property, uint16_t vm)
{
	const struct ffa_partition_info *info = (const void *)nwd_rx;
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET);
	uint16_t ids[8];
	uint32_t count = 0;

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	for (uint32_t i = 0; i < MIN(r.x[2], ARRAY_SIZE(ids)); i++) {
		if ((info[i].properties & FFA_PROPERTY_DIRECT_RECV) != 0 && (info[i].properties & property) != 0) {
			ids[count++] = info[i].id;
		}
	}
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	for (uint32_t i = 0; i < count; i++) {
		tell(ids[i], kind, vm);
	}
	return count;
}

static void availability(void)
{
	static const uint16_t vms[] = { FFA_ID_NWD, GUEST, OTHER_GUEST };

	if (nwd_version < FFA_VERSION_1_1) {
		/* Nobody is told who wants to hear of VMs. */
		test_skip("FF-A 1.0");
		return;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(vms); i++) {
		CHECK_EQ(tell_all(FFA_FRAMEWORK_VM_CREATED_REQ, FFA_PROPERTY_VM_CREATED, vms[i]), 1);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(vms); i++) {
		CHECK_EQ(tell_all(FFA_FRAMEWORK_VM_DESTROYED_REQ, FFA_PROPERTY_VM_DESTROYED, vms[i]), 1);
	}
}

/* The hypervisor lets the OS have its interrupt, and then goes on with the message. */
static void availability_interrupted(void)
{
	static const uint32_t kinds[] = { FFA_FRAMEWORK_VM_CREATED_REQ, FFA_FRAMEWORK_VM_DESTROYED_REQ };

	if (nwd_version < FFA_VERSION_1_1) {
		test_skip("FF-A 1.0");
		return;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct ffa_regs r = INTERRUPTED(FFA_MSG_SEND_DIRECT_REQ, ffa_pair(FFA_ID_NWD, hello),
						FFA_FRAMEWORK_MESSAGE | kinds[i], UINT32_MAX, UINT32_MAX, GUEST);

		CHECK_EQ(r.x[0], FFA_INTERRUPT);
		CHECK_EQ(r.x[1], ffa_pair(hello, this_cpu()->index));
		r = FFA(FFA_RUN, (uint32_t)r.x[1]);
		CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP);
		CHECK_EQ(r.x[2], FFA_FRAMEWORK_MESSAGE | (kinds[i] + 1));
		CHECK_EQ(r.x[3], FFA_OK);
	}
}

/* ---- guests as endpoints ---- */

static void guest_messages(void)
{
	static const uint32_t ids[] = { FFA_MSG_SEND_DIRECT_REQ, FFA_MSG_SEND_DIRECT_REQ_64 };

	for (uint16_t guest = GUEST; guest <= OTHER_GUEST; guest++) {
		for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++) {
			struct ffa_regs r = FFA(ids[i], ffa_pair(guest, hello), 0, guest, 7);

			CHECK_EQ(r.x[0], ids[i] + 1);
			CHECK_EQ(r.x[1], ffa_pair(hello, guest));
			CHECK_EQ(r.x[3], guest);
			CHECK_EQ(r.x[4], 7);
		}
	}
}

/* What is preempted is its guest's call: nobody else's gets in between, and the answer is for that guest. */
static void guest_interrupted(void)
{
	struct ffa_regs r = INTERRUPTED(FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(GUEST, hello), 0, 8, 9);

	CHECK_EQ(r.x[0], FFA_INTERRUPT);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(OTHER_GUEST, hello)), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, hello)), FFA_BUSY);
	r = FFA(FFA_RUN, (uint32_t)r.x[1]);
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[1], ffa_pair(hello, GUEST));
	CHECK(r.x[3] == 8 && r.x[4] == 9);
}

static int32_t retrieve_of(uint16_t sender, uint64_t handle)
{
	return COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0,
			    sender | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16 |
				    (uint64_t)FFA_ATTRIBUTES_NORMAL << 32);
}

/* A guest's pages are shared in its name; hello must name it too. Then the hypervisor takes them back for it. */
static void guest_memory(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, GUEST, PAGES);
	uint64_t handle = 0;

	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	CHECK_CODE(retrieve_of(FFA_ID_NWD, handle), FFA_DENIED);
	CHECK_CODE(retrieve_of(OTHER_GUEST, handle), FFA_DENIED);
	CHECK_CODE(retrieve_of(GUEST, handle), FFA_OK);
	/* It may be asked about at any time. */
	inspect(&t, handle);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_FILL, handle, 0x51000), FFA_OK);
	CHECK_EQ(pattern_wrong((uint64_t)nwd_pages[2], 1, 0x51000 + PAGE_SIZE), 0);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	inspect(&t, handle);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* A guest that lends: what it had in its pages goes to nobody. */
static void guest_lends(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_LEND_64, GUEST, PAGES);
	uint64_t handle = 0;
	uint64_t want = GUEST | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_XN) << 16 |
			(uint64_t)FFA_ATTRIBUTES_NORMAL << 32;

	t.flags = FFA_MEM_ZERO;
	pattern_fill((uint64_t)nwd_pages[0], 1, 0x61000);
	REQUIRE(nwd_send(FFA_MEM_LEND_64, &t, &handle) == FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, (uint64_t)nwd_pages[0], 0).w[2], 0);
	inspect(&t, handle);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* Many at once, each with something of its own; they end in another order. */
static void many_guests(void)
{
	uint64_t handles[GUESTS];
	struct ffa_constituent ranges[GUESTS];
	struct ffa_transaction sent[GUESTS];

	for (uint32_t i = 0; i < GUESTS; i++) {
		sent[i] = nwd_transaction(FFA_MEM_SHARE_64, hello, &ranges[i], nwd_pages[4 * i], 2);
		sent[i].sender = (uint16_t)(GUEST + i);
		REQUIRE(nwd_send(FFA_MEM_SHARE_64, &sent[i], &handles[i]) == FFA_OK);
	}
	for (uint32_t i = 0; i < GUESTS; i++) {
		uint32_t which = i * 7 % GUESTS;

		inspect(&sent[which], handles[which]);
		CHECK_CODE(nwd_reclaim(handles[which]), FFA_OK);
	}
}

/* The same page of the machine is one owner's, whoever the hypervisor says that is. */
static void guests_apart(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, GUEST, PAGES);
	uint64_t handle = 0, other = 0;

	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	t.sender = OTHER_GUEST;
	CHECK_CODE(nwd_send(FFA_MEM_SHARE_64, &t, &other), FFA_DENIED);
	t.sender = irq;
	CHECK_CODE(nwd_send(FFA_MEM_SHARE_64, &t, &other), FFA_DENIED);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* ---- an OS whose transmission failed half way ---- */

static void reclaim_of_a_part(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, FFA_ID_NWD, PAGES_MAX);
	struct ffa_regs r = FFA(FFA_MEM_SHARE_64, ffa_describe_size(&t), ffa_describe(nwd_tx, &t, 100));
	uint64_t handle = ffa_u64(r.x[1], r.x[2]);

	REQUIRE(ffa_is(&r, FFA_MEM_FRAG_RX));
	*(struct ffa_constituent *)nwd_tx = t.ranges[100];
	r = FFA(FFA_MEM_FRAG_TX, (uint32_t)handle, handle >> 32, sizeof(struct ffa_constituent), 0);
	REQUIRE(ffa_is(&r, FFA_MEM_FRAG_RX));
	/* Nothing can be said of it yet. */
	r = nwd_hypervisor_retrieve(handle);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, (uint32_t)handle, handle >> 32, sizeof(struct ffa_constituent), 0),
		   FFA_INVALID_PARAMETERS);
	/* All its pages are free. */
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	inspect(&t, handle);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* It gives its own buffers back when the OS wants others, and maps them again. */
static void buffers_again(void)
{
	struct ffa_regs r;

	for (uint32_t i = 0; i < 3; i++) {
		CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, 0), FFA_OK);
		r = FFA(FFA_RXTX_MAP_64, (uint64_t)nwd_tx, (uint64_t)nwd_rx, 1);
		/* The 32-bit form of success is the one that it takes. */
		CHECK_EQ(r.x[0], FFA_SUCCESS);
	}
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, (uint64_t)nwd_tx, (uint64_t)nwd_rx, 1), FFA_DENIED);
}

void test_hypervisor(void)
{
	static const struct test tests[] = {
		{ "hypervisor_buffers_again", buffers_again },
		{ "hypervisor_vm_availability", availability },
		{ "hypervisor_vm_availability_interrupted", availability_interrupted },
		{ "hypervisor_guest_messages", guest_messages },
		{ "hypervisor_guest_interrupted", guest_interrupted },
		{ "hypervisor_guest_memory", guest_memory },
		{ "hypervisor_guest_lends", guest_lends },
		{ "hypervisor_many_guests", many_guests },
		{ "hypervisor_guests_apart", guests_apart },
		{ "hypervisor_reclaim_of_a_part", reclaim_of_a_part },
	};

	RUN_TESTS(tests);
}
