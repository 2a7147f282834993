/* SPDX-License-Identifier: MIT */
/* What outlives a test: transactions that stay until the module goes or the kernel ends, and those of a former boot. */
#include "payload/linux/ffa_test/memory.h"
#include "payload/linux/ffa_test/groups.h"

#define KEPT_MAX 12 /* a partition remembers no more */

/* Every second one is in use by hello. Their handles are told, to be named as 'gone' after a restart. */
static void keep_some(void)
{
	SKIP_UNLESS(keep != 0, "no parameter keep");
	REQUIRE(keep <= KEPT_MAX);
	for (unsigned int i = 0; i < keep; i++) {
		struct memory *m = memory_get(3, 0);

		REQUIRE(m != NULL && SEND(m, i % 3 == 0 ? LEND : SHARE, hello) == 0);
		CHECK(i % 2 != 0 || memory_retrieve(m, hello, FFA_MEM_RW) == 0);
		report_note("kept 0x%llx", m->handle);
		memory_keep(m);
	}
}

static void former_are_gone(void)
{
	SKIP_UNLESS(gone_count != 0, "no parameter gone");
	for (unsigned int i = 0; i < gone_count; i++) {
		CHECK_CODE(hello->ops->mem_ops->memory_reclaim(gone[i], 0), -EINVAL);
		CHECK(COMMAND_CODE(hello, COMMAND_CHECK, gone[i], 0) == 0 &&
		      COMMAND(hello, COMMAND_CHECK, gone[i], 0).w[1] != 0);
	}
}

static const struct test tests[] = {
	{ "former_are_gone", former_are_gone },
	{ "keep_some", keep_some },
};
GROUP(kept, tests);
