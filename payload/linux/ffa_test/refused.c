/* SPDX-License-Identifier: MIT */
/*
 * What is refused, with its error, and that nothing has changed: pages can be shared as before, and what was shared is
 * still so. Where pKVM is below it is the proxy that refuses most.
 */
#include <linux/io.h>
#include <linux/mm.h>

#include "payload/linux/ffa_test/memory.h"
#include "payload/linux/ffa_test/groups.h"

#define OURS 0x333000
#define NOBODY 0x8077
#define SECURE_PAGE 0x0e800000 /* QEMU's virt: of the partition hello */
#define DEVICE_PAGE 0x09000000 /* the UART */
#define NO_PAGE 0x3f00000000
#define PROXY_DESCRIPTOR_MAX 36864
#define TWO_FRAGMENTS 252 /* ranges */

/* The pages can be shared, and the partition reads them. */
static void check_shareable(struct memory *m)
{
	m->tag = 0;
	memory_fill(m, OURS);
	CHECK_CODE(SEND(m, SHARE, hello), 0);
	REQUIRE(m->sent);
	CHECK_CODE(memory_retrieve(m, hello, FFA_MEM_RW), 0);
	CHECK_EQ(memory_wrong_for(m, hello, OURS), 0);
	CHECK_CODE(memory_relinquish(m, hello), 0);
	CHECK_CODE(memory_reclaim(m), 0);
}

/* ---- calls that the proxy does not pass on ---- */

/* Without pKVM a hypervisor's calls and ours are the same, so there they are refused for what they say. */
static void check_blocked(u32 id)
{
	struct arm_smccc_1_2_regs r = FFA(id, 48, 48);

	if (below == BELOW_PKVM) {
		CHECK_CODE(ffa_code(&r), FFA_RET_NOT_SUPPORTED);
	} else {
		CHECK(ffa_code(&r) != 0);
	}
}

static void donate(void)
{
	check_blocked(FFA_MEM_DONATE);
	check_blocked(FFA_FN64_MEM_DONATE);
	check_shareable(memory_get(2, 0));
}

static void retrieve(void)
{
	struct memory *m = memory_get(2, 0);

	REQUIRE(m != NULL && SEND(m, SHARE, hello) == 0);
	check_blocked(FFA_MEM_RETRIEVE_REQ);
	check_blocked(FFA_FN64_MEM_RETRIEVE_REQ);
	check_blocked(FFA_MEM_RELINQUISH);
	CHECK_CODE(memory_reclaim(m), 0);
	check_shareable(m);
}

static void others_of_memory(void)
{
	SKIP_UNLESS(below == BELOW_PKVM, "no pKVM");
	check_blocked(FFA_MEM_RETRIEVE_RESP);
	check_blocked(FFA_MEM_FRAG_RX);
	check_blocked(FFA_MEM_OP_PAUSE);
	check_blocked(FFA_MEM_OP_RESUME);
	check_blocked(FFA_RXTX_MAP);
}

/* What only a partition says. */
static void of_partitions(void)
{
	check_blocked(FFA_MSG_WAIT);
	check_blocked(FFA_MSG_SEND_DIRECT_RESP);
	check_blocked(FFA_MSG_SEND);
	check_blocked(FFA_MSG_POLL);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_STATE), 0);
}

/* ---- descriptors ---- */

static void two_receivers(void)
{
	struct memory *m = memory_get(2, 0);

	SKIP_UNLESS(below == BELOW_PKVM, "no pKVM");
	REQUIRE(m != NULL);
	CHECK_CODE(SEND(m, SHARE, hello, irq), -EINVAL);
	CHECK_CODE(SEND(m, LEND, hello, irq), -EINVAL);
	check_shareable(m);
}

static void to_nobody(void)
{
	struct ffa_device other = *hello;
	struct memory *m = memory_get(2, 0);

	REQUIRE(m != NULL);
	other.vm_id = NOBODY;
	CHECK_CODE(SEND(m, SHARE, &other), -EINVAL);
	check_shareable(m);
}

static void wrong_access(void)
{
	struct memory *m = memory_get(2, 0);

	REQUIRE(m != NULL);
	CHECK_CODE(memory_send(m, (struct send){ SHARE, hello, .access = 0 }), -EINVAL);
	CHECK_CODE(memory_send(m, (struct send){ SHARE, hello, .access = FFA_MEM_RW | FFA_MEM_RO }), -EINVAL);
	CHECK_CODE(memory_send(m, (struct send){ SHARE, hello, .access = FFA_MEM_RW | FFA_MEM_EXEC }), -EINVAL);
	CHECK_CODE(SEND(m, SHARE, hello, .flags = FFA_MEM_CLEAR), -EINVAL);
	check_shareable(m);
}

/* A buffer named in registers, which nobody takes; and the driver's way to ask for that. */
static void own_buffer(void)
{
	unsigned long page = __get_free_page(GFP_KERNEL);

	REQUIRE(page != 0);
	CHECK_CODE(FFA_CODE(FFA_FN64_MEM_SHARE, 96, 96, virt_to_phys((void *)page), 1), FFA_RET_INVALID_PARAMETERS);
	free_page(page);
	check_shareable(memory_get(1, 0));
}

static void lengths(void)
{
	int too_long = FFA_CODE(FFA_FN64_MEM_SHARE, PROXY_DESCRIPTOR_MAX + 16, 4096);

	CHECK_CODE(FFA_CODE(FFA_FN64_MEM_SHARE, 96, 112), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_FN64_MEM_SHARE, 8192, 8192), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_FN64_MEM_SHARE, 16, 16), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_FN64_MEM_SHARE, 0, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK(below == BELOW_PKVM ? too_long == FFA_RET_NO_MEMORY : too_long != 0);
	check_shareable(memory_get(1, 0));
}

/*
 * Of transactions that there are not. Two fragments leave a range of ours in the driver's buffer. Were it one that
 * cannot be shared, pKVM's proxy would take back what it believes to be there, and EL2 panics if that fails.
 */
static void handles(void)
{
	static const u64 unknown[] = { 0, 1, 0x12345678, 1ull << 63, ~0ull };
	struct memory *m = memory_get(TWO_FRAGMENTS, 0);

	REQUIRE(m != NULL && SEND(m, SHARE, hello) == 0 && memory_reclaim(m) == 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		CHECK_CODE(FFA_CODE(FFA_MEM_RECLAIM, (u32)unknown[i], unknown[i] >> 32, 0), FFA_RET_INVALID_PARAMETERS);
		CHECK(FFA_CODE(FFA_MEM_FRAG_TX, (u32)unknown[i], unknown[i] >> 32, 16, 0) != 0);
	}
	check_shareable(m);
}

/* ---- pages that are not ours to give ---- */

/* What is shared cannot be shared again, nor a list that has it in its middle; the rest of that list can. */
static void twice(void)
{
	struct memory *m = memory_get(5, 0), *middle, *rest;

	REQUIRE(m != NULL);
	middle = memory_alias(m, 2, 1);
	rest = memory_alias(m, 0, 2);
	REQUIRE(middle != NULL && rest != NULL);
	memory_fill(middle, OURS);
	REQUIRE(SEND(middle, SHARE, hello) == 0);
	REQUIRE(memory_retrieve(middle, hello, FFA_MEM_RW) == 0);
	CHECK_CODE(SEND(m, SHARE, hello), -EACCES);
	CHECK_CODE(SEND(m, LEND, irq), -EACCES);
	/* The first list was not touched, and of the second nothing is left. */
	CHECK_EQ(memory_wrong_for(middle, hello, OURS), 0);
	check_shareable(rest);
	CHECK_CODE(memory_relinquish(middle, hello), 0);
	CHECK_CODE(memory_reclaim(middle), 0);
	check_shareable(m);
}

static void twice_in_a_list(void)
{
	struct memory *m = memory_get(3, 0), *list;
	struct scatterlist *last;

	REQUIRE(m != NULL);
	list = memory_alias(m, 0, 3);
	REQUIRE(list != NULL);
	last = sg_next(sg_next(list->table.sgl));
	sg_set_page(last, sg_page(list->table.sgl), PAGE_SIZE, 0);
	CHECK_CODE(SEND(list, SHARE, hello), below == BELOW_PKVM ? -EACCES : -EINVAL);
	check_shareable(m);
}

/* Two of ours, and that page last: those two are free again. */
static void check_not_ours(phys_addr_t page)
{
	struct memory *m = memory_get(3, 0), *list;
	struct scatterlist *last;
	int error;

	REQUIRE(m != NULL);
	list = memory_alias(m, 0, 3);
	REQUIRE(list != NULL);
	last = sg_next(sg_next(list->table.sgl));
	sg_set_page(last, pfn_to_page(PHYS_PFN(page)), PAGE_SIZE, 0);
	error = SEND(list, SHARE, hello);
	CHECK(error == -EACCES || error == -EINVAL);
	CHECK_CODE(SEND(list, LEND, hello), error);
	check_shareable(m);
}

static void secure_page(void)
{
	check_not_ours(SECURE_PAGE);
}

static void no_page(void)
{
	check_not_ours(NO_PAGE);
}

static void device_page(void)
{
	check_not_ours(DEVICE_PAGE);
}

static void page_of_hypervisor(void)
{
	SKIP_UNLESS(hypervisor_page != 0, "no parameter hypervisor_page");
	check_not_ours(hypervisor_page);
}

/* Of a VM of KVM's: a protected one has pages of its own, another has the host's, and nobody else gets them too. */
static void page_of_guest(void)
{
	struct memory *m;

	SKIP_UNLESS(guest_page != 0, "no parameter guest_page");
	check_not_ours(guest_page);
	m = memory_of_page(guest_page);
	REQUIRE(m != NULL);
	CHECK_CODE(SEND(m, SHARE, hello), -EACCES);
	CHECK_CODE(SEND(m, LEND, hello), -EACCES);
}

/* That it was a VM's is over. */
static void page_given_back(void)
{
	SKIP_UNLESS(given_back_page != 0, "no parameter given_back_page");
	check_shareable(memory_of_page(given_back_page));
}

static const struct test tests[] = {
	{ "donate", donate },
	{ "retrieve", retrieve },
	{ "others_of_memory", others_of_memory },
	{ "of_partitions", of_partitions },
	{ "two_receivers", two_receivers },
	{ "to_nobody", to_nobody },
	{ "wrong_access", wrong_access },
	{ "own_buffer", own_buffer },
	{ "lengths", lengths },
	{ "handles", handles },
	{ "twice", twice },
	{ "twice_in_a_list", twice_in_a_list },
	{ "secure_page", secure_page },
	{ "no_page", no_page },
	{ "device_page", device_page },
	{ "page_of_hypervisor", page_of_hypervisor },
	{ "page_of_guest", page_of_guest },
	{ "page_given_back", page_given_back },
};
GROUP(refused, tests);
