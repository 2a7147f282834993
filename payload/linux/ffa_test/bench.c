/* SPDX-License-Identifier: MIT */
/*
 * What calls cost from here, in ticks of the counter: instructions under QEMU's -icount. The median, so that Linux's
 * own interrupts are not in it. Before and after the rounds stands the marker of scripts/qemu/count.c. Only if the
 * group is named: it proves nothing but that all was done.
 */
#include <linux/ktime.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <asm/arch_timer.h>

#include "payload/linux/ffa_test/memory.h"
#include "payload/linux/ffa_test/groups.h"

#define ROUNDS 201

static u64 ticks[ROUNDS];

static int compare(const void *a, const void *b)
{
	return *(const u64 *)a < *(const u64 *)b ? -1 : *(const u64 *)a > *(const u64 *)b;
}

static void marker(void)
{
	asm volatile("hint #0x7f" ::: "memory");
}

/* Runs 'what' often; it returns whether all went well. */
static void measure(const char *name, bool (*what)(void))
{
	marker();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		u64 start = __arch_counter_get_cntvct();

		REQUIRE(what());
		ticks[i] = __arch_counter_get_cntvct() - start;
	}
	marker();
	sort(ticks, ROUNDS, sizeof(ticks[0]), compare, NULL);
	report_note("bench %s %u %llu", name, ROUNDS, ticks[ROUNDS / 2]);
}

static bool nothing(void)
{
	return true;
}

static bool id_get(void)
{
	return FFA_CODE(FFA_ID_GET) == 0;
}

static bool direct(void)
{
	struct ffa_send_direct_data data = { 1, 2, 3, 4, 5 };

	return hello->ops->msg_ops->sync_send_receive(hello, &data) == 0;
}

static struct memory *shared;

/* Four calls and two messages, which tell the partition what to do. */
static bool share(void)
{
	return SEND(shared, SHARE, hello) == 0 && memory_retrieve(shared, hello, FFA_MEM_RW) == 0 &&
	       memory_relinquish(shared, hello) == 0 && memory_reclaim(shared) == 0;
}

static void messages(void)
{
	measure("empty", nothing);
	measure("id_get", id_get);
	measure("direct", direct);
}

static void share_4_kib(void)
{
	shared = memory_get(1, 0);
	REQUIRE(shared != NULL);
	measure("memory_4k", share);
}

static void share_2_mib(void)
{
	shared = memory_get(1, get_order(SZ_2M));
	REQUIRE(shared != NULL);
	measure("memory_2m", share);
}

static const struct test tests[] = {
	{ "messages", messages },
	{ "share_4_kib", share_4_kib },
	{ "share_2_mib", share_2_mib },
};
GROUP(bench, tests);
