/* SPDX-License-Identifier: Apache-2.0 */
/* int8 linear layers of ViT-L, DEM, projector and LLaMA-3-8B: our kernel and XNNPACK's operator side by side, with a check that their
   results are equal. usage: bench_int8 [REPEATS]      prints CSV: rows,k,n,level,own_gops,xnnpack_gops,ratio,laid_gops One thread, its own
   CPU time, all in turn within each repeat: ratios are medians of ratios, speeds are lower quartiles of times. The level is the machine's,
   or BINOCLE_CPU's; XNNPACK always takes what the machine has. laid_gops: ours with weights laid out beforehand, where a level reads them
   so, as vision's are. The peaks to hold them against: bench_limits.

   bench_int8 --count  runs each of fewer shapes once, check_mark() before, between and behind the two: bench/arm/linear_counts.py counts
   the instructions between the marks under qemu. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/need.h"
#include "bench/timing.h"
#include "ops/kernels.h"
#include "ops/xnn/linear.h"
#include "platforms/base/mem.h"

typedef struct shape {
  size_t rows, k, n;
} shape;

static bnc_error err;

static void must(bnc_status s) {
  if (s == BNC_OK) return;
  fprintf(stderr, "bench_int8: %s\n", err.text);
  exit(1);
}

static double quantile(double *v, size_t n, size_t parts, size_t part) {
  qsort(v, n, sizeof *v, bench_ascending);
  return v[n * part / parts];
}

/* What bench/arm/count_plugin.c looks for. */
void check_mark(void);
__attribute__((noinline)) void check_mark(void) { __asm__ volatile(""); }

static void bench(const shape *s, const bnc_kernels *kernels, size_t repeats) {
  int8_t *w = bench_need(s->n * s->k), *q = bench_need(s->rows * s->k + BNC_QD8_EXTRA);
  float *scale = bench_need(s->n * 4), *bias = bench_need(s->n * 4), *own = bench_need(s->rows * s->n * 4),
        *theirs = bench_need(s->rows * s->n * 4);
  bnc_qd8_params *params = bench_need((s->rows + BNC_QD8_EXTRA) * sizeof *params);
  double *times[4];
  void *scratch = bench_need(BNC_MATMUL_SCRATCH);
  uint32_t id, random = 1;
  for (size_t i = 0; i < s->n * s->k; i++) w[i] = (int8_t)((int)((random = random * 1664525u + 1013904223u) >> 24) % 255 - 127);
  for (size_t i = 0; i < s->rows * s->k; i++) q[i] = (int8_t)((random = random * 1664525u + 1013904223u) >> 24);
  for (size_t i = 0; i < s->n; i++) scale[i] = 0.001f + 1e-6f * (float)i, bias[i] = (float)i;
  for (size_t i = 0; i < s->rows; i++) params[i] = (bnc_qd8_params){(int32_t)(i * 37 % 256) - 128, 0.01f + 1e-5f * (float)i};
  bnc_qd8_pad(params, s->rows);
  const size_t tiles = bnc_matmul_tiles_bytes(kernels->level, s->rows, s->k);
  const bnc_matmul_i8_args args = {.rows = s->rows,
                                   .k = s->k,
                                   .n = s->n,
                                   .w = w,
                                   .scale = scale,
                                   .bias = bias,
                                   .q = q,
                                   .params = params,
                                   .y = own,
                                   .q_stride = s->k,
                                   .y_stride = s->n,
                                   .tiles = tiles ? bench_need(tiles) : NULL};
  const size_t laid_bytes = repeats ? bnc_matmul_laid_bytes(kernels->level, s->rows, s->k, s->n) : 0;
  int8_t *laid = laid_bytes ? bench_need(laid_bytes) : NULL;
  bnc_matmul_i8_args with_laid = args;
  with_laid.laid = laid;
  if (laid) kernels->matmul.lay(&(bnc_matmul_lay_args){s->k, s->n, w, laid}, 0, bnc_matmul_i8_items(s->n));
  const bnc_linear_spec spec = {
      .kind = BNC_LINEAR_QD8_QC8, .n = s->n, .k = s->k, .in_stride = s->k, .out_stride = s->n, .weights = w, .scales = scale, .bias = bias};
  bnc_packed_store *store;
  bnc_linear_set *set;
  must(bnc_packed_create(&store, &err));
  must(bnc_linear_set_create(&set, store, &err));
  must(bnc_linear_set_add(set, &spec, 0, 0, &id, &err));
  for (int i = 0; i < 4; i++) times[i] = bench_need((repeats + 1) * sizeof **times);
  for (size_t i = 0; i <= repeats; i++) { /* the first time warms up */
    check_mark();
    const double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    if (tiles) kernels->matmul.tiles(&args, 0, bnc_matmul_tiles_blocks(s->rows));
    kernels->matmul.i8(&args, 0, bnc_matmul_i8_items(s->n), scratch);
    check_mark();
    const double middle = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    must(bnc_linear_set_run(set, id, s->rows, q, params, theirs, NULL));
    check_mark();
    const double end = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    if (laid) {
      kernels->matmul.tiles(&with_laid, 0, bnc_matmul_tiles_blocks(s->rows));
      kernels->matmul.i8(&with_laid, 0, bnc_matmul_i8_items(s->n), scratch);
    }
    if (i == 0) continue;
    times[3][i - 1] = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - end;
    times[0][i - 1] = middle - start;
    times[1][i - 1] = end - middle;
    times[2][i - 1] = (end - middle) / (middle - start);
  }
  size_t other = 0; /* values that XNNPACK rounds otherwise: its kernels for SDOT have another order of operations */
  for (size_t i = 0; i < s->rows * s->n; i++) other += memcmp(&own[i], &theirs[i], sizeof *own) != 0;
  if (other && repeats) must(bnc_fail(&err, BNC_ERROR_INTERNAL, "results differ at %zu x %zu x %zu", s->rows, s->k, s->n));
  const double gops = 2e-9 * (double)s->rows * (double)s->k * (double)s->n;
  if (!repeats)
    printf("%zu,%zu,%zu,%s,%zu\n", s->rows, s->k, s->n, bnc_cpu_level_name(kernels->level), other);
  else
    printf("%zu,%zu,%zu,%s,%.1f,%.1f,%.2f,", s->rows, s->k, s->n, bnc_cpu_level_name(kernels->level),
           gops / quantile(times[0], repeats, 4, 1), gops / quantile(times[1], repeats, 4, 1), quantile(times[2], repeats, 2, 1));
  if (repeats && laid) printf("%.1f", gops / quantile(times[3], repeats, 4, 1));
  if (repeats) printf("\n");
  fflush(stdout);
  bnc_linear_set_destroy(set);
  bnc_packed_destroy(store);
  void *all[] = {w, q, scale, bias, own, theirs, params, scratch, times[0], times[1], times[2], times[3], args.tiles, laid};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) bnc_mem_free(all[i]);
}

int main(int argc, char **argv) {
  static const shape shapes[] = {
      {577, 1024, 3072}, {577, 1024, 1024},  {577, 1024, 4096},  {577, 4096, 1024}, {576, 1024, 4096},
      {576, 4096, 4096}, {144, 1024, 1024},                                        /* vision */
      {640, 4096, 6144}, {640, 4096, 14336}, {640, 14336, 4096}, {64, 4096, 4096}, /* prefill */
      {1, 4096, 14336},  {1, 14336, 4096},   {1, 1024, 4096},    {2, 4096, 4096},   {4, 4096, 4096},
      {6, 4096, 4096},   {8, 4096, 4096},    {12, 4096, 4096},   {16, 4096, 4096},  {20, 4096, 4096},
      {24, 4096, 4096},  {16, 1024, 4096},   {24, 1024, 4096},
  };
  static const shape counted[] = {{577, 1024, 1024}, {64, 4096, 1024}, {1, 4096, 4096}}; /* ViT-L, and LLaMA-3-8B's prefill and decode */
  const bool count = argc > 1 && strcmp(argv[1], "--count") == 0;
  const size_t repeats = count ? 0 : argc > 1 ? (size_t)atoi(argv[1]) : 7;
  bnc_cpu_level level;
  bnc_kernels kernels;
  must(bnc_cpu_detect_level(&level, &err));
  bnc_kernels_init(&kernels, level);
  if (count) {
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) bench(&counted[i], &kernels, 0);
    return 0;
  }
  printf("rows,k,n,level,own_gops,xnnpack_gops,ratio,laid_gops\n");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) bench(&shapes[i], &kernels, repeats ? repeats : 1);
  return 0;
}
