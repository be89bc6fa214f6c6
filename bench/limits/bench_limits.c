/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do at most: f32 fused multiply-adds, exact int8 products, and reading out of each cache and memory.
     usage: bench_limits [--threads N] [--repeat R] [--memory]      prints CSV: cpu,level,threads,what,min,median,max,unit
   --memory leaves all but memory out. One thread is timed by its own CPU time, several by the wall clock; rates are of all threads
   together. The maximum is the limit, the rest tells how busy the machine was. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/kernels.h"
#include "platforms/base/mem.h"
#include "platforms/cpu/cpu.h"
#include "platforms/threads/threads.h"

enum { MAX_REPEAT = 1000 };

typedef struct limits {
  bnc_kernels kernels;
  bnc_pool *pool;
  size_t threads, repeat;
  char cpu[160];
  const char *level;
  float *memory;
  size_t bytes, rounds; /* read: each thread's part of `memory`, so often */
  double macs[BNC_POOL_MAX_THREADS], sink[BNC_POOL_MAX_THREADS];
} limits;

static bnc_error err;

static void must(bnc_status s) {
  if (s == BNC_OK) return;
  fprintf(stderr, "bench_limits: %s\n", err.text);
  exit(1);
}

static void run_int8(void *context, size_t thread, size_t to) {
  limits *l = context;
  (void)to;
  l->sink[thread] = l->kernels.limits.int8(&l->macs[thread]);
}
static void run_flops(void *context, size_t thread, size_t to) {
  limits *l = context;
  (void)to;
  l->sink[thread] = (double)l->kernels.limits.flops();
}
static void run_read(void *context, size_t thread, size_t to) {
  limits *l = context;
  const size_t count = l->bytes / sizeof(float);
  (void)to;
  for (size_t i = 0; i < l->rounds; ++i) l->sink[thread] += (double)l->kernels.limits.read(l->memory + thread * count, count);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double seconds(const limits *l) {
  struct timespec t;
  clock_gettime(l->threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* work: of one run and thread, in billions; with macs, twice those that the run told */
static void measure(limits *l, const char *what, bnc_pool_task run, const double *macs, double work, const char *unit) {
  double rate[MAX_REPEAT];
  bnc_pool_run(l->pool, run, l, l->threads, 1); /* warm-up */
  for (size_t i = 0; i < l->repeat; ++i) {
    const double start = seconds(l);
    bnc_pool_run(l->pool, run, l, l->threads, 1);
    rate[i] = (macs ? 2e-9 * *macs : work) * (double)l->threads / (seconds(l) - start);
  }
  qsort(rate, l->repeat, sizeof *rate, ascending);
  printf("%s,%s,%zu,%s,%.2f,%.2f,%.2f,%s\n", l->cpu, l->level, l->threads, what, rate[0],
         (rate[(l->repeat - 1) / 2] + rate[l->repeat / 2]) / 2, rate[l->repeat - 1], unit);
  fflush(stdout);
}

static void measure_read(limits *l, const char *what, size_t bytes) {
  if (bytes < BNC_LIMIT_BLOCK * sizeof(float)) return; /* a cache that is not there, or not known */
  l->bytes = bytes / (BNC_LIMIT_BLOCK * sizeof(float)) * (BNC_LIMIT_BLOCK * sizeof(float));
  l->rounds = ((size_t)64 << 20) / l->bytes + 1;
  l->memory = bnc_mem_zalloc(l->bytes * l->threads);
  if (!l->memory) must(bnc_fail_memory(&err, l->bytes * l->threads));
  memset(l->memory, 0, l->bytes * l->threads); /* every page its own */
  measure(l, what, run_read, NULL, 1e-9 * (double)l->bytes * (double)l->rounds, "GB/s");
  bnc_mem_free(l->memory);
}

int main(int argc, char **argv) {
  static limits l = {.repeat = 9};
  static bnc_cpu cpu;
  bool memory = false;
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--memory"))
      memory = true;
    else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
      l.threads = strtoul(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--repeat") && i + 1 < argc)
      l.repeat = strtoul(argv[++i], NULL, 10);
    else
      l.repeat = 0;
  }
  if (l.repeat < 1 || l.repeat > MAX_REPEAT) {
    fprintf(stderr, "usage: bench_limits [--threads N] [--repeat R] [--memory]      R: 1 to %d\n", MAX_REPEAT);
    return 2;
  }
  must(bnc_cpu_detect(&cpu, &err));
  must(bnc_pool_create(&l.pool, l.threads, &err));
  l.threads = bnc_pool_threads(l.pool);
  snprintf(l.cpu, sizeof l.cpu, "%s (%s)", cpu.brand, cpu.uarch);
  l.level = bnc_cpu_level_name(cpu.level);
  bnc_kernels_init(&l.kernels, cpu.level);
  printf("cpu,level,threads,what,min,median,max,unit\n");
  if (!memory) {
    measure(&l, "f32", run_flops, NULL, BNC_LIMIT_FLOPS * 1e-9, "GFLOP/s");
    measure(&l, "int8", run_int8, &l.macs[0], 0, "GOP/s");
    measure_read(&l, "l1", cpu.l1d.bytes / 2);
    measure_read(&l, "l2", cpu.l2.bytes / 2);
    measure_read(&l, "l3", cpu.l3.bytes / 2 / l.threads);
  }
  measure_read(&l, "memory", ((size_t)512 << 20) / l.threads);
  bnc_pool_destroy(l.pool);
  return 0;
}
