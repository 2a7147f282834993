/* SPDX-License-Identifier: MIT */
/* Versions, features, ids and partition information (FF-A 1.2, 13): what callers ask before they do anything. */
#ifndef FFA_DISCOVERY_H
#define FFA_DISCOVERY_H

#include "abi/ffa.h"
#include "lib/base.h"

struct ffa_endpoint;

#define FFA_VERSION_OWN FFA_VERSION_1_2

/*
 * Negotiates (13.2.2): FFA_VERSION_OWN, or FFA_NOT_SUPPORTED sign-extended, for a caller that asks for 'requested'.
 * Records it unless the caller's version is locked.
 */
int32_t ffa_version_negotiate(struct ffa_endpoint *caller, uint32_t requested);

void ffa_version(struct ffa_endpoint *caller, uint64_t *x); /* answers in w0 */
void ffa_features(struct ffa_endpoint *caller, uint64_t *x);
void ffa_id_get(struct ffa_endpoint *caller, uint64_t *x);
void ffa_spm_id_get(struct ffa_endpoint *caller, uint64_t *x);
void ffa_partition_info_get(struct ffa_endpoint *caller, uint64_t *x);
void ffa_partition_info_get_regs(struct ffa_endpoint *caller, uint64_t *x);

#endif
