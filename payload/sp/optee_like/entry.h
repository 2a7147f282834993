/* SPDX-License-Identifier: MIT */
/* What entry.S and C agree on. */
#ifndef PAYLOAD_SP_OPTEE_LIKE_ENTRY_H
#define PAYLOAD_SP_OPTEE_LIKE_ENTRY_H

#define LIKE_CPUS 4
#define LIKE_STACK 8192 /* of a CPU, and of a thread */

#endif
