/* SPDX-License-Identifier: MIT */
/* The developer's machine has no TLB of ours: calls are counted, and a test that simulates one gets them. */
#ifndef IMPL_TLB_H
#define IMPL_TLB_H

#include "lib/base.h"

enum host_tlb_kind { HOST_TLB_EL2_RANGE, HOST_TLB_STAGE2_RANGE, HOST_TLB_STAGE2_ALL };

struct host_tlb_call {
	enum host_tlb_kind kind;
	uint64_t vttbr; /* stage 2 */
	uint64_t base;  /* ranges */
	uint64_t size;
	bool ns; /* of the Secure state's Non-secure IPA space */
};

extern uint64_t host_tlb_calls;
/* Called for each, if set. */
extern void (*host_tlb_called)(const struct host_tlb_call *call);

#endif
