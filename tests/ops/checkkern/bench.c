/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/limits/limits.h"
#include "tests/ops/checkkern/check.h"

/* The thread's own time: kernels are single-threaded, and other programs may share the core. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { SAMPLES = 11 };

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

double bench_seconds(void (*run)(const void *job, const bnc_kernels *kernels), const void *job, const bnc_kernels *kernels) {
  double samples[SAMPLES], start = now();
  run(job, kernels); /* warm-up */
  const double once = now() - start;
  if (once > 0.3) return once;
  const size_t repeat = once < 2e-3 ? (size_t)(2e-3 / (once + 1e-9)) + 1 : 1, count = SAMPLES;
  for (size_t s = 0; s < count; ++s) {
    start = now();
    for (size_t i = 0; i < repeat; ++i) run(job, kernels);
    samples[s] = (now() - start) / (double)repeat;
  }
  qsort(samples, count, sizeof *samples, ascending);
  return samples[count / 4]; /* the lower quartile: what disturbs only ever adds */
}

/* Where bench/arm's counter of instructions looks: executing this is what it notices. */
void check_mark(void);
__attribute__((noinline)) void check_mark(void) { __asm__ volatile(""); }

static void count_run(const check *c, const bench_job *job) {
  check_mark();
  job->run(job->job, &c->test);
  check_mark();
  printf("count,%s,%s,%s,%.0f,%.0f\n", c->kernel, bnc_cpu_level_name(c->test.level), job->shape, job->bytes, job->flops);
}

void bench_run(check *c, const bench_job *job) {
  if (!c->bench) return;
  if (c->count) {
    count_run(c, job);
    return;
  }
  const double test = bench_seconds(job->run, job->job, &c->test);
  const double scalar = job->slots[0] == job->slots[2] ? test : bench_seconds(job->run, job->job, &c->scalar);
  const double lower = job->slots[1] == job->slots[2]   ? test
                       : job->slots[1] == job->slots[0] ? scalar
                                                        : bench_seconds(job->run, job->job, &c->lower);
  const double gflops = job->flops / test * 1e-9, gbytes = job->bytes / test * 1e-9;
  const double of_flops = job->flops / test / c->peak_flops * 100, of_bytes = job->bytes / test / c->peak_bytes * 100;
  const double of_int8 = c->int8 && c->peak_int8 > 0 ? job->flops / test / c->peak_int8 * 100 : 0;
  printf("  %-11s %-22s %-24s %12.0f ns %8.1f GB/s (%4.0f%% of memory) %8.1f GFLOP/s (%3.0f%% of %s)  x%.2f scalar  x%.2f lower\n",
         bnc_cpu_level_name(c->test.level), c->kernel, job->shape, test * 1e9, gbytes, of_bytes, gflops, of_int8 > 0 ? of_int8 : of_flops,
         of_int8 > 0 ? "int8" : "FMA", scalar / test, lower / test);
  if (c->csv) {
    fprintf(c->csv, "%s,%s,%s,%.0f,%.2f,%.2f,%.2f,%.2f,%.1f,%.1f,%.1f\n", c->kernel, bnc_cpu_level_name(c->test.level), job->shape,
            test * 1e9, gbytes, gflops, scalar / test, lower / test, of_flops, of_bytes, of_int8);
  }
}

double bench_peak_flops(bnc_cpu_level level) {
  bnc_kernels kernels;
  double best = 0;
  bnc_kernels_init(&kernels, level);
  for (int i = 0; i < 5; ++i) {
    const double start = now();
    const float sink = kernels.limits.flops();
    const double rate = BNC_LIMIT_FLOPS / (now() - start);
    best = rate > best && sink < 1e30f ? rate : best;
  }
  return best;
}

double bench_peak_int8(bnc_cpu_level level) {
  bnc_kernels kernels;
  double best = 0, macs;
  bnc_kernels_init(&kernels, level);
  for (int i = 0; i < 5; ++i) {
    const double start = now();
    const int32_t sink = kernels.limits.int8(&macs);
    const double rate = 2 * macs / (now() - start);
    best = rate > best && sink != 1 ? rate : best;
  }
  return best;
}

double bench_peak_bytes(bnc_cpu_level level) {
  enum { COUNT = 64 << 20 };
  bnc_kernels kernels;
  float *x = malloc(COUNT * sizeof *x);
  double best = 0;
  if (!x) return 1;
  bnc_kernels_init(&kernels, level);
  memset(x, 1, COUNT * sizeof *x); /* not zero, for which one page would do */
  for (int i = 0; i < 5; ++i) {
    const double start = now();
    const float sink = kernels.limits.read(x, COUNT);
    const double rate = COUNT * sizeof *x / (now() - start);
    best = rate > best && sink > 0 ? rate : best;
  }
  free(x);
  return best;
}
