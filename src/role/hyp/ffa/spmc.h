/* SPDX-License-Identifier: MIT */
/*
 * The SPMC below us: how it is found, what it told of itself, and struct ffa_below by its calls. To it we are id 0, the
 * hypervisor, which speaks for its VMs.
 */
#ifndef ROLE_HYP_FFA_SPMC_H
#define ROLE_HYP_FFA_SPMC_H

#include "ffa/answer.h"
#include "ffa/below.h"

struct spmc {
	uint32_t version; /* negotiated; 0: there is no SPMC */
	uint32_t sri;     /* INTID of the Schedule Receiver Interrupt, an SGI; 0: there is none */
};

/* Set at boot by spmc_find(), then only read. */
extern struct spmc spmc;

static inline bool spmc_present(void) { return spmc.version != 0; }

/*
 * At boot, before VMs are made: if there is an SPMC, gives it our buffers, makes its partitions known as endpoints and
 * sets ffa_below. If not, or if it is none that we can work with (the log says why), nothing has changed. On a machine
 * without firmware that has SMCCC 1.2 no call is made that it might not know.
 */
void spmc_find(void);

/*
 * One call: x0..x17 there and back. No lock of ours is taken, so calls that use our RX or TX buffer are not for here.
 * Those that may run a partition (FFA_RUN, direct requests) need that no lock at all is held, and come back when a
 * physical interrupt is pending.
 */
void spmc_call(uint64_t *x);

/* The code of an answer that is FFA_SUCCESS (32 or 64) or FFA_ERROR; FFA_ABORTED for any other. */
enum ffa_code spmc_code(const uint64_t *x);

#endif
