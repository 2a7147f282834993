/* SPDX-License-Identifier: MIT */
/* What src/ffa asks of the role that it serves. */
#ifndef FFA_PORT_H
#define FFA_PORT_H

#include "lib/base.h"

struct ffa_endpoint;

/*
 * Something is pending at the receiver: for its vCPU of that index, or for any if 'vcpu' is negative. An SPMC tells the
 * normal world's scheduler, by the Schedule Receiver Interrupt, or if 'delayed' as soon as this CPU goes back there. A
 * hypervisor raises the guest's NPI.
 */
void ffa_port_notified(struct ffa_endpoint *receiver, int vcpu, bool delayed);
/*
 * For INFO_GET, which is an SPMC's: true if a vCPU of the SP has something to run for beside notifications (an IPI, a
 * queued interrupt) that it has not been told of; clears that it has not.
 */
bool ffa_port_take_wakeup(struct ffa_endpoint *sp, unsigned vcpu);
/* Tells one vCPU from others: the one of a partition or guest whose call is being served here; NULL: none. */
const void *ffa_port_caller(void);

#endif
