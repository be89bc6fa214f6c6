/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/devices/rates.h"

#include <time.h>

#include "ops/limits/limits_measure.h"
#include "platforms/base/clock.h"
#include "platforms/energy/meter.h"
#include "platforms/machine/memory.h"

#define READ_BYTES ((size_t)256 << 20) /* of all threads: beyond all caches, where there is so much memory */
#define LEAST_BYTES ((size_t)8 << 20)
#define REPEAT 3

typedef struct probe {
  bnc_kernels kernels;
  bnc_pool *pool;
  size_t bytes; /* that each thread reads */
  bnc_context *context;
  bnc_error *err;
} probe;

/* The best of many short runs within so many seconds, per second. done: how far the whole measurement is. */
static bnc_status measure(const probe *p, bnc_pool *pool, bnc_limit what, double seconds, double done, double *rate) {
  const uint64_t start = bnc_clock_ns();
  bnc_status s;
  *rate = 0;
  do {
    double rates[REPEAT];
    if (bnc_context_progress(p->context, "measuring this machine", done)) return bnc_fail(p->err, BNC_ERROR_CANCELLED, "cancelled");
    s = bnc_limits_measure(&p->kernels, pool, what, p->bytes, REPEAT, rates, p->err);
    for (int i = 0; s == BNC_OK && i < REPEAT; i++)
      if (rates[i] * 1e9 > *rate) *rate = rates[i] * 1e9;
  } while (s == BNC_OK && bnc_clock_seconds(start, bnc_clock_ns()) < seconds);
  return s;
}

static double process_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Several threads read by the wall clock, which counts what other programs take: one thread's CPU time then tells more. */
static bnc_status read_alone(const probe *p, bnc_rates *r) {
  bnc_pool *alone;
  double memory = 0;
  bnc_status s = bnc_pool_create(&alone, 1, p->err);
  if (s != BNC_OK) return s;
  s = measure(p, alone, BNC_LIMIT_READ, 0.4, 0.8, &memory);
  if (memory > r->memory) r->memory = memory;
  bnc_pool_destroy(alone);
  return s;
}

static bnc_status measure_all(const probe *p, bnc_rates *r) {
  const uint64_t start = bnc_clock_ns();
  const double cpu = process_seconds();
  bnc_status s = measure(p, p->pool, BNC_LIMIT_INT8, 0.6, 0.1, &r->int8);
  if (s != BNC_OK) return s;
  const double share = (process_seconds() - cpu) / (bnc_clock_seconds(start, bnc_clock_ns()) * (double)r->threads);
  r->share = share < 1 ? share : 1;
  r->int4 = r->int8; /* the same instructions, on values widened in registers */
  s = measure(p, p->pool, BNC_LIMIT_F32, 0.3, 0.4, &r->f32);
  if (s == BNC_OK) s = measure(p, p->pool, BNC_LIMIT_BF16, 0.2, 0.5, &r->bf16);
  if (s == BNC_OK) s = measure(p, p->pool, BNC_LIMIT_READ, 0.8, 0.6, &r->memory);
  return s == BNC_OK && r->threads > 1 && r->share < BNC_FIT_BUSY ? read_alone(p, r) : s;
}

/* The average of a meter while everything was busy. */
static double watts_of(bnc_meter_set *meters, double seconds) {
  size_t best;
  double joules;
  if (!bnc_meter_set_best(meters, &best) || !bnc_meter_set_now(meters, best, &joules)) return 0;
  return joules > 0 ? joules / seconds : 0;
}

bnc_status bnc_rates_measure(bnc_rates *r, bnc_context *context, bnc_error *err) {
  probe p = {.context = context, .err = err};
  bnc_cpu_level level;
  bnc_meter_set *meters = NULL;
  const uint64_t start = bnc_clock_ns();
  *r = (bnc_rates){0};
  bnc_status s = bnc_cpu_detect_level(&level, err);
  if (s == BNC_OK) s = bnc_pool_create(&p.pool, context->settings.threads, err);
  if (s == BNC_OK) s = bnc_meter_set_open(&meters, err);
  if (s == BNC_OK) s = bnc_meter_set_start(meters, err);
  if (s == BNC_OK) {
    const bnc_memory_room room = bnc_memory_room_left();
    size_t bytes = READ_BYTES; /* as much as leaves others alone */
    while (bytes > LEAST_BYTES && bytes > room.bytes / 4) bytes /= 2;
    bnc_kernels_init(&p.kernels, level);
    r->threads = bnc_pool_threads(p.pool);
    p.bytes = bytes / r->threads;
    s = measure_all(&p, r);
    r->seconds = bnc_clock_seconds(start, bnc_clock_ns());
  }
  if (s == BNC_OK) r->watts = watts_of(meters, r->seconds);
  bnc_meter_set_close(meters);
  bnc_pool_destroy(p.pool);
  return s;
}
