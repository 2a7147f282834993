/* SPDX-License-Identifier: MIT */
/*
 * FFA_CONSOLE_LOG (FF-A 1.2, 13.12): what partitions print comes out as whole lines of the log with the partition's
 * name, so that lines of several CPUs do not run into each other.
 */
#ifndef FFA_CONSOLE_LOG_H
#define FFA_CONSOLE_LOG_H

#include "lib/base.h"

struct ffa_endpoint;

/*
 * x is answered. 'vcpu' is the calling one, below the caller's vcpu_count: each has a line of its own, which goes out
 * with a newline, a NUL, or when there is more than fits. A partition that prints more than its share gets FFA_RETRY,
 * w3 = 0: none of these characters was taken. DENIED if there is no memory for the lines.
 */
void ffa_console_log(struct ffa_endpoint *caller, unsigned vcpu, uint64_t *x);
/* A partition died: what it had begun to say goes out. Nothing of it runs any more. */
void ffa_console_flush(struct ffa_endpoint *e);

#endif
