/* SPDX-License-Identifier: MIT */
/*
 * Partitions of the SPMC below that run on this CPU for somebody: a guest, in whose turn and at whose cost they do, or
 * ourselves. A partition's vCPU that is left before it is done (an interrupt came, or it yielded) is its owner's:
 * nobody else may run it on. What a guest that ended has left is ours (runner.h).
 */
#ifndef ROLE_HYP_FFA_SP_RUN_H
#define ROLE_HYP_FFA_SP_RUN_H

#include "ffa/endpoint.h"

/* At boot, when all partitions are known. False if there is no memory for it. */
bool sp_run_init(void);

/*
 * FFA_MSG_SEND_DIRECT_REQ or _REQ2 to a partition, or FFA_RUN of its vCPU (bits [31:16] of w1 its id, [15:0] the
 * index), by the guest of that id or by ourselves (FFA_ID_NWD). We may also run one that waits. 'x' is answered, in
 * x0..x7, and by FFA_MSG_SEND_DIRECT_RESP2 in all. Comes back when an interrupt is pending here: w1 of FFA_INTERRUPT
 * says who is to be run then. No lock may be held.
 */
void sp_request(uint16_t owner, uint64_t *x);
void sp_run(uint16_t owner, uint64_t *x);

/* The guest of that id has ended, and none of its vCPUs runs: what it has left runs to its end without it. */
void sp_run_drop(uint16_t owner);

#endif
