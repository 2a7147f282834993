/* SPDX-License-Identifier: MIT */
/* FF-A at boot. */
#ifndef ROLE_HYP_FFA_START_H
#define ROLE_HYP_FFA_START_H

/* Before VMs are made: looks for an SPMC below, and prepares all for guests, whether there is one or not. */
void ffa_start(void);

#endif
