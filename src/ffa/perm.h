/* SPDX-License-Identifier: MIT */
/* FFA_MEM_PERM_GET and _SET (FF-A 1.2, 18.3.3 and DEN0140): an S-EL0 partition's own pages while it initializes. */
#ifndef FFA_PERM_H
#define FFA_PERM_H

#include "lib/base.h"

struct ffa_endpoint;

/* 'initializing': the caller has not called FFA_MSG_WAIT yet; the calls are denied afterwards and to all others. */
void ffa_mem_perm_get(struct ffa_endpoint *caller, bool initializing, uint64_t *x);
void ffa_mem_perm_set(struct ffa_endpoint *caller, bool initializing, uint64_t *x);

#endif
