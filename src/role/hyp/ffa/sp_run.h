/* SPDX-License-Identifier: MIT */
/*
 * Partitions of the SPMC below that run on this CPU for a guest: in whose turn and at whose cost they do. A partition's
 * vCPU that is left before it is done (an interrupt came, or it yielded) is its owner's, who lets it run on by FFA_RUN.
 *
 * If somebody else wants it before, it runs on for its owner first, at his cost still, and the answer is kept for him;
 * so who leaves a partition and does not come back keeps it from nobody. What a guest that ended has left is nobody's
 * (runner.h).
 */
#ifndef ROLE_HYP_FFA_SP_RUN_H
#define ROLE_HYP_FFA_SP_RUN_H

#include "ffa/endpoint.h"

/* At boot, when all partitions are known; for runner.h too. False if there is no memory for it. */
bool sp_run_init(void);

/*
 * FFA_MSG_SEND_DIRECT_REQ or _REQ2 to a partition, or FFA_RUN of its vCPU (bits [31:16] of w1 its id, [15:0] the
 * index), for the guest of that id; the sender that a request names may be ourselves. 'x' is answered, in x0..x7, and
 * by FFA_MSG_SEND_DIRECT_RESP2 in all. Comes back when an interrupt is pending here: w1 of FFA_INTERRUPT says who is to
 * be run then. No lock may be held.
 */
void sp_request(uint16_t owner, uint64_t *x);
void sp_run(uint16_t owner, uint64_t *x);

/*
 * The partition's vCPU, of this CPU, runs for nobody: it goes on with what a guest that ended has left, or is given
 * cycles if it waits. BUSY: somebody else has it. Else as sp_run().
 */
void sp_run_alone(uint32_t ids, uint64_t *x);

/*
 * What the guest of that id has left runs to its end without it, and what is kept for it is dropped. None of its vCPUs
 * runs.
 */
void sp_run_drop(uint16_t owner);

#endif
