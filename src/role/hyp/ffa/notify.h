/* SPDX-License-Identifier: MIT */
/*
 * Notifications of guests (FF-A 1.2, 9). What VMs have for a guest is kept here, by src/ffa; what SPs and their SPMC
 * have for it, the SPMC keeps. A guest hears of both by its NPI, and asks for both at once.
 */
#ifndef ROLE_HYP_FFA_NOTIFY_H
#define ROLE_HYP_FFA_NOTIFY_H

#include "ffa/endpoint.h"

/* At boot, behind spmc_find(): all CPUs take the Schedule Receiver Interrupt from now on, if there is one. */
void notify_init(void);
/* A physical interrupt came that is nobody else's. */
void notify_interrupt(uint32_t intid);

/* Calls of guests; x is answered. */
void notify_bind(struct ffa_endpoint *caller, uint64_t *x);
void notify_unbind(struct ffa_endpoint *caller, uint64_t *x);
void notify_set(struct ffa_endpoint *caller, uint64_t *x);
void notify_get(struct ffa_endpoint *caller, uint64_t *x);

/* The guest can be notified from now on. FFA_NO_MEMORY, or as the SPMC answers. */
enum ffa_code notify_enable(struct ffa_endpoint *guest);
/* Not any more, and nobody can be notified by it. */
void notify_disable(struct ffa_endpoint *guest);

#endif
