/* SPDX-License-Identifier: MIT */
/* Between life.c and life_commands.c. The VM's lock is held for all of it. */
#ifndef ROLE_HYP_LIFE_PRIV_H
#define ROLE_HYP_LIFE_PRIV_H

#include "role/hyp/life.h"

/* The one function that changes the phase; there is such an edge. */
void life_set_phase(struct hyp_vm *vm, enum vm_phase to);
/* What follows is for the CPU of vCPU 0: the phase says what. */
void life_post(struct hyp_vm *vm);
/* It is down, or destroyed and has memory again. 'scrub': what is in its RAM is not to be kept. */
void life_start(struct hyp_vm *vm, bool scrub);
/* All vCPUs are asked to do what 'request' says; 'left' counts down to the last one. */
void life_ask_all(struct hyp_vm *vm, uint32_t request);
/* It stops, if it is up or starting; false if there is nothing to end. */
bool life_end(struct hyp_vm *vm, enum vm_after after);

#endif
