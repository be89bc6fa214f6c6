/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do at most: f32 fused multiply-adds, exact int8 and bf16 products, and reading out of each cache and memory.
     usage: bench_limits [--threads N] [--repeat R] [--memory]      prints CSV: cpu,level,threads,what,min,median,max,unit
   --memory leaves all but memory out. How each is timed: ops/limits/limits_measure.h; rates are of all threads together. The maximum is the
   limit, the rest tells how busy the machine was. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/timing.h"
#include "ops/limits/limits_measure.h"
#include "platforms/cpu/cpu.h"
#include "platforms/threads/threads.h"

enum { MAX_REPEAT = 1000 };

typedef struct limits {
  bnc_kernels kernels;
  bnc_pool *pool;
  size_t threads, repeat;
  char cpu[160];
  const char *level;
} limits;

static bnc_error err;

static void must(bnc_status s) {
  if (s == BNC_OK) return;
  fprintf(stderr, "bench_limits: %s\n", err.text);
  exit(1);
}

static void measure(limits *l, const char *name, bnc_limit what, size_t bytes, const char *unit) {
  double rate[MAX_REPEAT];
  must(bnc_limits_measure(&l->kernels, l->pool, what, bytes, l->repeat, rate, &err));
  qsort(rate, l->repeat, sizeof *rate, bench_ascending);
  printf("%s,%s,%zu,%s,%.2f,%.2f,%.2f,%s\n", l->cpu, l->level, l->threads, name, rate[0],
         (rate[(l->repeat - 1) / 2] + rate[l->repeat / 2]) / 2, rate[l->repeat - 1], unit);
  fflush(stdout);
}

static void measure_read(limits *l, const char *name, size_t bytes) {
  if (bytes < BNC_LIMIT_BLOCK * sizeof(float)) return; /* a cache that is not there, or not known */
  measure(l, name, BNC_LIMIT_READ, bytes, "GB/s");
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
    measure(&l, "f32", BNC_LIMIT_F32, 0, "GFLOP/s");
    measure(&l, "int8", BNC_LIMIT_INT8, 0, "GOP/s");
    measure(&l, "bf16", BNC_LIMIT_BF16, 0, "GOP/s");
    measure_read(&l, "l1", cpu.l1d.bytes / 2);
    measure_read(&l, "l2", cpu.l2.bytes / 2);
    measure_read(&l, "l3", cpu.l3.bytes / 2 / l.threads);
  }
  measure_read(&l, "memory", ((size_t)512 << 20) / l.threads);
  bnc_pool_destroy(l.pool);
  return 0;
}
