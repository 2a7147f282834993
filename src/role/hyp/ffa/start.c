/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/start.h"

#include "ffa/endpoint.h"
#include "role/hyp/ffa/notify.h"
#include "role/hyp/ffa/spmc.h"

void ffa_start(void)
{
	ffa_endpoints_init(NULL);
	spmc_find();
	notify_init();
}
