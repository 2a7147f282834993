/* SPDX-License-Identifier: MIT */
/* The developer's machine is a normal world. */
#include "arch/world.h"

#include "arch/sysreg.h"

const char world_name[] = "host";
const unsigned world_sgi_kick = 0;
const unsigned world_sgi_stop = 1;

void world_timer_set(uint64_t deadline)
{
	if (deadline == UINT64_MAX) {
		write_cnthp_ctl_el2(0);
	} else {
		write_cnthp_cval_el2(deadline);
		write_cnthp_ctl_el2(1);
	}
}
