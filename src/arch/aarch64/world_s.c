/* SPDX-License-Identifier: MIT */
#include "arch/world.h"

#include "arch/barrier.h"
#include "arch/sysreg.h"

#define CNTHPS_CTL_ENABLE 1

const char world_name[] = "S-EL2";
/* 8 is the Schedule Receiver Interrupt, 9 the one between contexts of a partition (abi/ffa.h). */
const unsigned world_sgi_kick = 10;
const unsigned world_sgi_stop = 11;

void world_timer_set(uint64_t deadline)
{
	if (deadline == UINT64_MAX) {
		write_cnthps_ctl_el2(0);
	} else {
		write_cnthps_cval_el2(deadline);
		write_cnthps_ctl_el2(CNTHPS_CTL_ENABLE);
	}
	isb();
}
