/* SPDX-License-Identifier: MIT */
/*
 * An SPMC that cannot be one, because its manifest is of no use. The SPMD is told, and the normal world boots without
 * Secure partitions. But the SPMD still brings its calls, and CPUs come and go: each gets an answer, and nothing else
 * is touched. docs/spmc-boot.md.
 */
#ifndef ROLE_SPMC_REFUSE_H
#define ROLE_SPMC_REFUSE_H

#include "lib/base.h"

struct refusal {
	bool starting; /* to the SPMD: FFA_ERROR now would end a start that it has given up already */
	bool off;      /* this CPU was turned off by the last answer */
};

/* What the SPMD brought, x0..x17, becomes the answer. */
void refuse_answer(struct refusal *r, uint64_t *x);

#endif
