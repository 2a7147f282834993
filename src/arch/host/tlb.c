/* SPDX-License-Identifier: MIT */
#include "arch/tlb.h"

#include "arch/atomic.h"
#include "impl/tlb.h"

uint64_t host_tlb_calls;
void (*host_tlb_called)(const struct host_tlb_call *call);

static void record(struct host_tlb_call call)
{
	atomic_add(&host_tlb_calls, 1);
	if (host_tlb_called != NULL) {
		host_tlb_called(&call);
	}
}

void tlb_el2_range(va_t base, uint64_t size)
{
	record((struct host_tlb_call){ .kind = HOST_TLB_EL2_RANGE, .base = base.v, .size = size });
}

void tlb_stage2_range(uint64_t vttbr, ipa_t base, uint64_t size, bool ns)
{
	record((struct host_tlb_call){
		.kind = HOST_TLB_STAGE2_RANGE, .vttbr = vttbr, .base = base.v, .size = size, .ns = ns });
}

void tlb_stage2_all(uint64_t vttbr)
{
	record((struct host_tlb_call){ .kind = HOST_TLB_STAGE2_ALL, .vttbr = vttbr });
}
