/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/threads.h"

#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>

#include "platforms/base/mem.h"
#include "platforms/threads/crew.h"
#include "platforms/threads/thread_places.h"

struct bnc_pool {
  bnc_crew *crew;       /* NULL: everything runs on the caller's thread */
  pthreadpool_t native; /* NULL: nobody asked for it */
  size_t threads;
  uint64_t joins;
  bool tied; /* all threads but the caller's stay on the big cores */
  bnc_thread_places places;
};

typedef struct gate {
  pthread_mutex_t mutex;
} gate;

static void *wait_at(void *context) {
  gate *g = context;
  pthread_mutex_lock(&g->mutex);
  pthread_mutex_unlock(&g->mutex);
  return NULL;
}

/* pthreadpool does not check whether its threads started, and would wait for the missing ones for ever: see first how many can live. */
static size_t startable(size_t wanted) {
  gate g = {PTHREAD_MUTEX_INITIALIZER};
  pthread_t *trial = bnc_mem_array(wanted, sizeof *trial);
  size_t started = 0;
  if (!trial) return 0;
  pthread_mutex_lock(&g.mutex);
  while (started < wanted && pthread_create(&trial[started], NULL, wait_at, &g) == 0) started++;
  pthread_mutex_unlock(&g.mutex);
  for (size_t i = 0; i < started; i++) pthread_join(trial[i], NULL);
  pthread_mutex_destroy(&g.mutex);
  bnc_mem_free(trial);
  return started;
}

static bool start_crew(bnc_pool *p, size_t *can) {
  *can = bnc_crew_create(&p->crew, p->threads - 1);
  return p->crew != NULL;
}

static bool start_native(bnc_pool *p, size_t *can) {
  *can = startable(p->threads - 1);
  if (*can == p->threads - 1) p->native = pthreadpool_create(p->threads);
  return p->native != NULL;
}

/* A thread starts with the affinity of the one that starts it: 0 is this one. (Android has no pthread_setaffinity_np.) */
static bnc_status start_threads(bnc_pool *p, bool (*start)(bnc_pool *, size_t *), bnc_error *err) {
  cpu_set_t own;
  size_t can = 0;
  const bool ties =
      p->tied && sched_getaffinity(0, sizeof own, &own) == 0 && sched_setaffinity(0, sizeof p->places.big, &p->places.big) == 0;
  const bool started = start(p, &can);
  if (ties) sched_setaffinity(0, sizeof own, &own);
  if (started) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_MEMORY, "cannot start %zu threads: the system allows %zu now", p->threads, can + 1);
}

bnc_status bnc_pool_create(bnc_pool **pool, size_t threads, bnc_error *err) {
  *pool = NULL;
  if (threads > BNC_POOL_MAX_THREADS)
    return bnc_fail(err, BNC_ERROR_LIMIT, "threads: found %zu, expected 1 to %d", threads, BNC_POOL_MAX_THREADS);
  bnc_pool *p = bnc_mem_zalloc(sizeof *p);
  if (!p) return bnc_fail_memory(err, sizeof *p);
  bnc_thread_places_find(&p->places);
  p->threads = threads ? threads : p->places.threads;
  p->tied = p->places.big_count >= p->threads;
  const bnc_status s = p->threads > 1 ? start_threads(p, start_crew, err) : BNC_OK;
  if (s == BNC_OK)
    *pool = p;
  else
    bnc_pool_destroy(p);
  return s;
}

bnc_status bnc_pool_start_native(bnc_pool *pool, bnc_error *err) {
  return pool->native || pool->threads == 1 ? BNC_OK : start_threads(pool, start_native, err);
}

void bnc_pool_destroy(bnc_pool *pool) {
  if (!pool) return;
  if (pool->native) pthreadpool_destroy(pool->native);
  bnc_crew_destroy(pool->crew);
  bnc_mem_free(pool);
}

size_t bnc_pool_threads(const bnc_pool *pool) { return pool->threads; }

struct pthreadpool *bnc_pool_enter_native(bnc_pool *pool) { return pool->native && bnc_crew_enter(pool->crew) ? pool->native : NULL; }
void bnc_pool_leave_native(bnc_pool *pool, const void *what) {
  if (pool->native) bnc_crew_leave(pool->crew, what);
}

void bnc_pool_set_rows(bnc_pool *pool, size_t rows) {
  if (pool->crew) bnc_crew_set_rows(pool->crew, rows);
}

void bnc_pool_run_threads(bnc_pool *pool, bnc_pool_thread_task task, void *context, size_t count, size_t grain) {
  if (count == 0) return;
  if (grain == 0) grain = 1;
  if (pool->crew && count > grain) {
    pool->joins++;
    bnc_crew_run(pool->crew, task, context, count, grain);
    return;
  }
  for (size_t from = 0; from < count; from += grain) task(context, 0, from, count - from < grain ? count : from + grain);
}

uint64_t bnc_pool_joins(const bnc_pool *pool) { return pool->joins; }

void bnc_pool_set_watch(bnc_pool *pool, bnc_pool_watch watch, void *context, const bnc_tick_clock *clock) {
  if (pool->crew) bnc_crew_watch(pool->crew, watch, context, clock);
}

void bnc_pool_set_active(bnc_pool *pool, size_t threads) {
  if (pool->crew) bnc_crew_set_active(pool->crew, threads ? threads : 1);
}

typedef struct job {
  bnc_pool_task task;
  void *context;
} job;

static void run_anywhere(void *context, size_t thread, size_t from, size_t to) {
  const job *j = context;
  (void)thread;
  j->task(j->context, from, to);
}

void bnc_pool_run(bnc_pool *pool, bnc_pool_task task, void *context, size_t count, size_t grain) {
  job j = {task, context};
  bnc_pool_run_threads(pool, run_anywhere, &j, count, grain);
}
