/* SPDX-License-Identifier: MIT */
/* What src/ffa asks of the role that it serves. */
#ifndef FFA_PORT_H
#define FFA_PORT_H

#include "lib/base.h"

struct ffa_endpoint;

/*
 * The normal world's scheduler shall look for notifications: raises the Schedule Receiver Interrupt, or if 'delayed'
 * as soon as this CPU goes back to the normal world.
 */
void ffa_port_schedule_receiver(bool delayed);
/*
 * For INFO_GET: true if a vCPU of the SP has something to run for beside notifications (an IPI, a queued interrupt)
 * that it has not been told of; clears that it has not.
 */
bool ffa_port_take_wakeup(struct ffa_endpoint *sp, unsigned vcpu);

#endif
