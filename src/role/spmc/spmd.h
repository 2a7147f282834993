/* SPDX-License-Identifier: MIT */
/* The SPMD: EL3's part of FF-A (FF-A 1.2, 18.2), which relays between the worlds and has a few calls of its own. */
#ifndef ROLE_SPMC_SPMD_H
#define ROLE_SPMC_SPMD_H

#include "abi/ffa.h"
#include "core/vcpu/cpu.h"
#include "lib/addr.h"

/* Our id, as the SPMD has it from the manifest; FFA_ID_NWD if it does not answer. */
uint16_t spmd_id_get(void);
/* Where CPUs come that are turned on from now on (FFA_SECONDARY_EP_REGISTER). Once. FFA_OK or its error. */
enum ffa_code spmd_register_entry(pa_t entry);

/* A framework message of the SPMD to us? Nobody else can send one: it lets no other caller name its id. */
static inline bool spmd_is_message(const uint64_t *x)
{
	return lo32(x[0]) == FFA_MSG_SEND_DIRECT_REQ && lo32(x[1]) == ((uint32_t)FFA_ID_SPMD << 16 | FFA_ID_SPMC);
}
/* Answers it in x: a CPU goes off, or the normal world asks for a version. */
void spmd_message(struct cpu *cpu, uint64_t *x);

#endif
