/* SPDX-License-Identifier: MIT */
/* The groups of tests, one file each, and what main.c was told. */
#ifndef FFA_TEST_GROUPS_H
#define FFA_TEST_GROUPS_H

#include <linux/types.h>

#include "payload/linux/ffa_test/report.h"

extern const struct group group_mailbox, group_peer_mailbox; /* without the driver */
extern const struct group group_bench; /* only if it is named */
extern const struct group group_discovery, group_messages, group_indirect, group_sharing, group_refused,
	group_notifications, group_interrupts, group_cpus, group_peer, group_kept;

/* Not a test: does the commands of other VMs on all CPUs. 0, or Linux's error. */
int serve_start(void);
void serve_stop(void);

/*
 * Parameters of the module: pages of EL2, of a VM of KVM's, of one that has ended; transactions to keep, handles of a
 * former boot.
 */
extern unsigned long hypervisor_page, guest_page, given_back_page;
extern bool linux_peer;
extern unsigned int keep;
extern unsigned long long gone[];
extern unsigned int gone_count;

#endif
