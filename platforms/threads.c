/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads.h"

#include <pthreadpool.h>
#include <sched.h>

#include "platforms/mem.h"

struct bnc_pool {
  pthreadpool_t native; /* NULL: everything runs on the caller's thread */
  size_t threads;
};

size_t bnc_pool_default_threads(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int n = CPU_COUNT(&set);
  return n > 0 ? (size_t)n : 1;
}

bnc_status bnc_pool_create(bnc_pool **pool, size_t threads, bnc_error *err) {
  *pool = NULL;
  if (threads == 0) threads = bnc_pool_default_threads();
  bnc_pool *p = bnc_mem_zalloc(sizeof *p);
  if (!p) return bnc_fail_memory(err, sizeof *p);
  p->threads = threads;
  if (threads > 1 && !(p->native = pthreadpool_create(threads))) {
    bnc_mem_free(p);
    return bnc_fail(err, BNC_ERROR_MEMORY, "cannot start %zu threads", threads);
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
struct pthreadpool *bnc_pool_native(bnc_pool *pool) { return pool->native; }

typedef struct job {
  bnc_pool_task task;
  void *context;
} job;

static void run_piece(void *context, size_t from, size_t size) {
  const job *j = context;
  j->task(j->context, from, from + size);
}

void bnc_pool_run(bnc_pool *pool, bnc_pool_task task, void *context, size_t count, size_t grain) {
  if (count == 0) return;
  if (grain == 0) grain = 1;
  if (!pool->native || count <= grain) {
    for (size_t from = 0; from < count; from += grain) task(context, from, count - from < grain ? count : from + grain);
    return;
  }
  job j = {task, context};
  pthreadpool_parallelize_1d_tile_1d(pool->native, run_piece, &j, count, grain, 0);
}
