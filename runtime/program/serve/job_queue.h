/* SPDX-License-Identifier: Apache-2.0 */
/** @file job_queue.h  Jobs that wait for a worker, no more than fit, in fair turns: one of each client before the second of any. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_JOB_QUEUE_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_JOB_QUEUE_H

#include <pthread.h>

#include "runtime/program/serve/job.h"

typedef struct bnc_job_queue {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  bnc_job *waiting; /* in order of arrival */
  size_t count, limit, running;
  uint64_t turn; /* of the job that was taken last */
  bool closed;
} bnc_job_queue;

bool bnc_job_queue_create(bnc_job_queue *queue, size_t limit);
void bnc_job_queue_destroy(bnc_job_queue *queue);
/** false: it is full. */
bool bnc_job_queue_put(bnc_job_queue *queue, bnc_job *job);
/** The next job, RUNNING from now on; waits for it. NULL: the queue is closed, and whoever asks ends. */
bnc_job *bnc_job_queue_take(bnc_job_queue *queue);
/** Takes a waiting job out, DONE. false: it runs, or is done. */
bool bnc_job_queue_remove(bnc_job_queue *queue, bnc_job *job);
/** A worker is done with a job: what its reply holds is all. */
void bnc_job_queue_finish(bnc_job_queue *queue, bnc_job *job);
/** No job is taken any more. */
void bnc_job_queue_close(bnc_job_queue *queue);
/** How many wait and how many run. */
void bnc_job_queue_counts(bnc_job_queue *queue, size_t *waiting, size_t *running);

#endif
