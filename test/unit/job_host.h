/* SPDX-License-Identifier: MIT */
/* In the place of the scheduler, for the tests of devices: jobs that are begun wait until the test runs them. */
#ifndef TEST_JOB_HOST_H
#define TEST_JOB_HOST_H

#include "role/hyp/sched.h"

static struct list begun_jobs = { &begun_jobs, &begun_jobs };

struct cpu_share *sched_share(struct vm *vm)
{
	(void)vm;
	return NULL;
}

void sched_begin(struct cpu_share *share, struct sched_job *job, bool wakes)
{
	(void)share;
	(void)wakes;
	list_append(&begun_jobs, &job->node);
}

/* One slice of the first job, which is begun again if there is more of it. False: there is no job. */
static inline bool run_slice(void)
{
	struct sched_job *job;

	if (list_empty(&begun_jobs)) {
		return false;
	}
	job = list_entry(begun_jobs.next, struct sched_job, node);
	list_remove(&job->node);
	if (job->ops->slice(job)) {
		list_append(&begun_jobs, &job->node);
	}
	return true;
}

#endif
