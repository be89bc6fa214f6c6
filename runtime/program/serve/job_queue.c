/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/job_queue.h"

#include <stdlib.h>

#include "runtime/program/progress.h"

bnc_job *bnc_job_create(void) { return calloc(1, sizeof(bnc_job)); }

void bnc_job_free(bnc_job *job) {
  if (!job) return;
  bnc_chat_request_free(&job->request);
  bnc_byte_buffer_free(&job->reply);
  free(job);
}

bool bnc_job_queue_create(bnc_job_queue *queue, size_t limit) {
  *queue = (bnc_job_queue){.limit = limit};
  if (pthread_mutex_init(&queue->lock, NULL) != 0) return false;
  if (pthread_cond_init(&queue->filled, NULL) == 0) return true;
  pthread_mutex_destroy(&queue->lock);
  return false;
}

void bnc_job_queue_destroy(bnc_job_queue *queue) {
  pthread_cond_destroy(&queue->filled);
  pthread_mutex_destroy(&queue->lock);
}

bool bnc_job_queue_put(bnc_job_queue *queue, bnc_job *job) {
  pthread_mutex_lock(&queue->lock);
  const bool fits = queue->count < queue->limit && !queue->closed;
  if (fits) {
    bnc_job **at = &queue->waiting;
    /* A client's next job has its turn behind all clients' that have fewer waiting. */
    job->turn = queue->turn;
    for (; *at; at = &(*at)->next)
      if ((*at)->client == job->client && (*at)->turn >= job->turn) job->turn = (*at)->turn + 1;
    *at = job;
    job->next = NULL;
    job->state = BNC_JOB_WAITING;
    queue->count++;
    pthread_cond_signal(&queue->filled);
  }
  pthread_mutex_unlock(&queue->lock);
  return fits;
}

static void unlink_job(bnc_job_queue *queue, bnc_job **at) {
  bnc_job *job = *at;
  *at = job->next;
  job->next = NULL;
  queue->count--;
}

/* The place of the first job of the lowest turn. */
static bnc_job **find_next(bnc_job_queue *queue) {
  bnc_job **best = &queue->waiting;
  for (bnc_job **at = best; *at; at = &(*at)->next)
    if ((*at)->turn < (*best)->turn) best = at;
  return best;
}

bnc_job *bnc_job_queue_take(bnc_job_queue *queue) {
  bnc_job *job = NULL;
  pthread_mutex_lock(&queue->lock);
  while (!queue->waiting && !queue->closed) pthread_cond_wait(&queue->filled, &queue->lock);
  if (!queue->closed) {
    bnc_job **at = find_next(queue);
    job = *at;
    unlink_job(queue, at);
    if (job->turn > queue->turn) queue->turn = job->turn;
    job->state = BNC_JOB_RUNNING;
    job->begun = bnc_seconds();
    queue->running++;
  }
  pthread_mutex_unlock(&queue->lock);
  return job;
}

bool bnc_job_queue_remove(bnc_job_queue *queue, bnc_job *job) {
  pthread_mutex_lock(&queue->lock);
  const bool waits = job->state == BNC_JOB_WAITING;
  if (waits) {
    bnc_job **at = &queue->waiting;
    while (*at != job) at = &(*at)->next;
    unlink_job(queue, at);
    job->state = BNC_JOB_DONE;
  }
  pthread_mutex_unlock(&queue->lock);
  return waits;
}

void bnc_job_queue_finish(bnc_job_queue *queue, bnc_job *job) {
  pthread_mutex_lock(&queue->lock);
  job->state = BNC_JOB_DONE;
  queue->running--;
  pthread_mutex_unlock(&queue->lock);
}

void bnc_job_queue_close(bnc_job_queue *queue) {
  pthread_mutex_lock(&queue->lock);
  queue->closed = true;
  pthread_cond_broadcast(&queue->filled);
  pthread_mutex_unlock(&queue->lock);
}

void bnc_job_queue_counts(bnc_job_queue *queue, size_t *waiting, size_t *running) {
  pthread_mutex_lock(&queue->lock);
  *waiting = queue->count;
  *running = queue->running;
  pthread_mutex_unlock(&queue->lock);
}
