/* SPDX-License-Identifier: MIT */
/* Work on several CPUs, and a timer in the midst of a message: what tests of partitions and of VMs share. */
#ifndef FFA_TEST_CPUS_H
#define FFA_TEST_CPUS_H

#include "payload/linux/ffa_test/partition.h"

/* function(cpu) on each CPU that is there, all at once, to its end. */
void on_all(void (*function)(unsigned int cpu));
/* A command that takes long, and a timer of ours rings in the midst of it: it must be interrupted. A test. */
void preempts_by(struct words words, struct ffa_device *sp);

#endif
