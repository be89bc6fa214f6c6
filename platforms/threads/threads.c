/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/threads.h"

#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>
#include <stdatomic.h>

#include "platforms/base/mem.h"
#include "platforms/cpu/cpu.h"
#include "platforms/threads/tsan.h"

struct bnc_pool {
  pthreadpool_t native; /* NULL: everything runs on the caller's thread */
  size_t threads;
  uint32_t flags; /* PTHREADPOOL_FLAG_... of every run */
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

bnc_status bnc_pool_create(bnc_pool **pool, size_t threads, bnc_error *err) {
  *pool = NULL;
  if (threads == 0) threads = bnc_pool_default_threads();
  if (threads > BNC_POOL_MAX_THREADS)
    return bnc_fail(err, BNC_ERROR_LIMIT, "threads: found %zu, expected 1 to %d", threads, BNC_POOL_MAX_THREADS);
  bnc_pool *p = bnc_mem_zalloc(sizeof *p);
  if (!p) return bnc_fail_memory(err, sizeof *p);
  p->threads = threads;
  /* Spinning pays while each thread has a CPU; where they share, it takes the time of those that have work. */
  if (threads > bnc_pool_allowed_cpus()) p->flags = PTHREADPOOL_FLAG_YIELD_WORKERS;
  if (threads > 1) {
    size_t can = startable(threads - 1) + 1;
    p->native = can == threads ? pthreadpool_create(threads) : NULL;
    if (!p->native) {
      bnc_mem_free(p);
      return bnc_fail(err, BNC_ERROR_MEMORY, "cannot start %zu threads: the system allows %zu now", threads, can);
    }
  }
  *pool = p;
  return BNC_OK;
}

void bnc_pool_destroy(bnc_pool *pool) {
  if (!pool) return;
  if (pool->native) pthreadpool_destroy(pool->native);
  bnc_mem_free(pool);
}

size_t bnc_pool_threads(const bnc_pool *pool) { return pool->threads; }
bool bnc_pool_yields(const bnc_pool *pool) { return (pool->flags & PTHREADPOOL_FLAG_YIELD_WORKERS) != 0; }
struct pthreadpool *bnc_pool_native(bnc_pool *pool) { return pool->native; }

/* started and done order the caller's and the workers' memory for the thread sanitizer: nobody reads or writes them. */
typedef struct thread_job {
  bnc_pool_thread_task task;
  void *context;
  size_t count, grain;
  char started, done;
} thread_job;

static void run_piece(void *context, size_t thread, size_t piece) {
  thread_job *j = context;
  BNC_TSAN_ACQUIRE(&j->started);
  size_t from = piece * j->grain;
  j->task(j->context, thread, from, j->count - from < j->grain ? j->count : from + j->grain);
  BNC_TSAN_RELEASE(&j->done);
}

void bnc_pool_run_threads(bnc_pool *pool, bnc_pool_thread_task task, void *context, size_t count, size_t grain) {
  if (count == 0) return;
  if (grain == 0) grain = 1;
  thread_job j = {.task = task, .context = context, .count = count, .grain = grain};
  size_t pieces = (count - 1) / grain + 1;
  if (!pool->native || pieces == 1) {
    for (size_t i = 0; i < pieces; i++) run_piece(&j, 0, i);
    return;
  }
  BNC_TSAN_RELEASE(&j.started);
  pthreadpool_parallelize_1d_with_thread(pool->native, run_piece, &j, pieces, pool->flags);
  BNC_TSAN_ACQUIRE(&j.done);
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

typedef struct pin_job {
  pthread_t caller;
  size_t threads;
  _Atomic size_t arrived, pinned, next;
  unsigned cpu[BNC_CPU_MAX_CPUS];
  char started, done;
} pin_job;

/* Each item holds its thread until all items have one, so that every thread of the pool takes exactly one. */
static void pin_thread(pin_job *j) {
  atomic_fetch_add(&j->arrived, 1);
  while (atomic_load(&j->arrived) < j->threads) sched_yield();
  if (pthread_equal(pthread_self(), j->caller)) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(j->cpu[1 + atomic_fetch_add(&j->next, 1)], &one);
  if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0) atomic_fetch_add(&j->pinned, 1);
}

static void pin_one(void *context, size_t item) {
  pin_job *j = context;
  (void)item;
  BNC_TSAN_ACQUIRE(&j->started);
  pin_thread(j);
  BNC_TSAN_RELEASE(&j->done);
}

size_t bnc_pool_pin(bnc_pool *pool) {
  pin_job j = {.caller = pthread_self(), .threads = pool->threads};
  if (!pool->native || bnc_pool_big_cpus(j.cpu) < pool->threads) return 0;
  BNC_TSAN_RELEASE(&j.started);
  pthreadpool_parallelize_1d(pool->native, pin_one, &j, pool->threads, 0);
  BNC_TSAN_ACQUIRE(&j.done);
  return atomic_load(&j.pinned);
}
