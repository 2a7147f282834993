/* SPDX-License-Identifier: MIT */
/* Stacks of a partition's CPUs, for start.S. */
#ifndef PAYLOAD_SP_LIB_STACK_H
#define PAYLOAD_SP_LIB_STACK_H

#define SP_STACK_SIZE 8192
#define SP_STACKS 8 /* SP_CPUS_MAX */

#endif
