/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/limits/limits_measure.h"

#include <string.h>
#include <time.h>

#include "platforms/base/mem.h"

#define READ_BYTES ((size_t)64 << 20) /* of each thread in a run, over and over where it has fewer */

typedef struct limit_run {
  const bnc_kernels *kernels;
  const float *memory;
  size_t floats, rounds;      /* of each thread: its part of `memory`, so often */
  double *macs, *sink, *rate; /* [threads]; rate: billions per second of its own CPU time */
} limit_run;

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* An item for each thread, which any of them may take. */
static void run_int8(void *context, size_t item, size_t to) {
  const limit_run *r = context;
  const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
  (void)to;
  r->sink[item] = r->kernels->limits.int8(&r->macs[item]);
  r->rate[item] = 2e-9 * r->macs[item] / (seconds(CLOCK_THREAD_CPUTIME_ID) - start);
}
static void run_bf16(void *context, size_t item, size_t to) {
  const limit_run *r = context;
  const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
  (void)to;
  r->sink[item] = (double)r->kernels->limits.bf16(&r->macs[item]);
  r->rate[item] = 2e-9 * r->macs[item] / (seconds(CLOCK_THREAD_CPUTIME_ID) - start);
}
static void run_flops(void *context, size_t item, size_t to) {
  const limit_run *r = context;
  const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
  (void)to;
  r->sink[item] = (double)r->kernels->limits.flops();
  r->rate[item] = 1e-9 * BNC_LIMIT_FLOPS / (seconds(CLOCK_THREAD_CPUTIME_ID) - start);
}
static void run_read(void *context, size_t item, size_t to) {
  const limit_run *r = context;
  (void)to;
  for (size_t i = 0; i < r->rounds; i++) r->sink[item] += (double)r->kernels->limits.read(r->memory + item * r->floats, r->floats);
}

static double rate_of(const limit_run *r, bnc_limit what, size_t threads, double took) {
  double sum = 0;
  if (what == BNC_LIMIT_READ) return 1e-9 * (double)(r->floats * sizeof(float)) * (double)r->rounds * (double)threads / took;
  for (size_t i = 0; i < threads; i++) sum += r->rate[i];
  return sum;
}

bnc_status bnc_limits_measure(const bnc_kernels *kernels, bnc_pool *pool, bnc_limit what, size_t bytes, size_t repeat, double *rates,
                              bnc_error *err) {
  static const bnc_pool_task tasks[] = {run_flops, run_int8, run_bf16, run_read};
  const size_t threads = bnc_pool_threads(pool), block = BNC_LIMIT_BLOCK * sizeof(float);
  limit_run r = {.kernels = kernels, .macs = bnc_mem_array(3 * threads, sizeof(double))};
  float *memory = NULL;
  bnc_status status = r.macs ? BNC_OK : bnc_fail_memory(err, 3 * threads * sizeof(double));
  if (status == BNC_OK && what == BNC_LIMIT_READ) {
    const size_t part = (bytes < block ? block : bytes) / block * block;
    r.floats = part / sizeof(float);
    r.rounds = (READ_BYTES - 1) / part + 1;
    memory = bnc_mem_alloc(part * threads);
    if (!memory) status = bnc_fail_memory(err, part * threads);
    if (memory) memset(memory, 0, part * threads); /* every page its own */
    r.memory = memory;
  }
  if (status == BNC_OK) {
    const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    r.sink = r.macs + threads;
    r.rate = r.sink + threads;
    bnc_pool_run(pool, tasks[what], &r, threads, 1); /* warm-up */
    for (size_t i = 0; i < repeat; i++) {
      const double start = seconds(clock);
      bnc_pool_run(pool, tasks[what], &r, threads, 1);
      rates[i] = rate_of(&r, what, threads, seconds(clock) - start);
    }
  }
  bnc_mem_free(memory);
  bnc_mem_free(r.macs);
  return status;
}
