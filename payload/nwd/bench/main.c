/* SPDX-License-Identifier: MIT */
/* What calls cost, from NS-EL2 on one CPU (payload/nwd/lib/bench.h), with the partition hello. */
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/nwd/lib/bench.h"
#include "payload/nwd/lib/nwd.h"

static const struct bench_memory memory[] = {
	{ { "mem_share", "mem_retrieve", "mem_relinquish", "mem_reclaim" }, BENCH_RANGE, 1, 16 },
	{ { "share512", "retrieve512", "relinquish512", "reclaim512" }, BENCH_RANGE, 512, 3 },
};

static void all(void)
{
	const uint32_t pair = ffa_pair(FFA_ID_NWD, hello);
	struct ffa_regs r = { .x = { FFA_MSG_SEND_DIRECT_REQ_64, pair, 0, 1, 2, 3, 4, 5 } };

	bench_calls("psci_version", (struct ffa_regs){ .x = { PSCI_VERSION } }, PSCI_VERSION_1_1);
	bench_calls("ffa_features", (struct ffa_regs){ .x = { FFA_FEATURES, FFA_MEM_SHARE_64 } }, FFA_SUCCESS);
	bench_calls("ffa_version", (struct ffa_regs){ .x = { FFA_VERSION, FFA_VERSION_1_2 } }, FFA_VERSION_1_2);
	bench_calls("direct64", r, FFA_MSG_SEND_DIRECT_RESP_64);
	r.x[0] = FFA_MSG_SEND_DIRECT_REQ;
	bench_calls("direct32", r, FFA_MSG_SEND_DIRECT_RESP);
	bench_calls("direct_req2", (struct ffa_regs){ .x = { FFA_MSG_SEND_DIRECT_REQ2_64, pair, 0, 0, 1, 2 } },
		    FFA_MSG_SEND_DIRECT_RESP2_64);
	for (uint32_t i = 0; i < ARRAY_SIZE(memory); i++) {
		bench_memory(hello, &memory[i]);
	}
}

void payload_main(void)
{
	static const struct test tests[] = { { "bench", all } };

	if (!nwd_init(FFA_VERSION_1_2)) {
		report_fatal("no FF-A");
	}
	report_run(tests, ARRAY_SIZE(tests));
}
