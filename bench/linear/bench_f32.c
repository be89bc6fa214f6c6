/* SPDX-License-Identifier: Apache-2.0 */
/* f32 linear layers of ViT-L and a small LLaMA: our kernel straight from the matrix beside XNNPACK's operator on weights that it packed,
   and our kernel for the same weights in bf16, taking turns. usage: bench_f32 [REPEATS]      prints CSV: rows,k,n,level,own_gflops,
   xnnpack_gflops,ratio,bf16_gflops,bf16_ratio. One thread, its own CPU time; best of all repeats, ratios to XNNPACK the median of those
   within a repeat. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/need.h"
#include "bench/timing.h"
#include "ops/kernels.h"
#include "ops/xnn/linear.h"
#include "platforms/base/mem.h"

enum { MAX_REPEATS = 64 };

static bnc_error err;

static void must(bnc_status s) {
  if (s == BNC_OK) return;
  fprintf(stderr, "bench_f32: %s\n", err.text);
  exit(1);
}

static float *filled(size_t count) {
  float *p = bench_need(count * sizeof *p);
  for (size_t i = 0; i < count; i++) p[i] = (float)(i * 2654435761u % 1024) / 512.0f - 1.0f;
  return p;
}

/* What a kernel took, and how much less than XNNPACK in the same repeat. */
typedef struct times {
  double best, ratio[MAX_REPEATS];
} times;

static void add(times *t, size_t repeat, double took, double theirs) {
  t->best = repeat == 0 || took < t->best ? took : t->best;
  t->ratio[repeat] = theirs / took;
}

static double median(times *t, size_t repeats) {
  qsort(t->ratio, repeats, sizeof *t->ratio, bench_ascending);
  return t->ratio[repeats / 2];
}

static void bench(size_t rows, size_t k, size_t n, const bnc_kernels *kernels, size_t repeats) {
  float *w = filled(n * k), *x = filled(rows * k + 64), *own = filled(rows * n), *theirs = filled(rows * n);
  const bnc_matmul_float_args args = {.rows = rows, .k = k, .n = n, .w = w, .x = x, .y = own, .x_stride = k, .y_stride = n};
  const bnc_linear_spec spec = {.kind = BNC_LINEAR_F32, .n = n, .k = k, .in_stride = k, .out_stride = n, .weights = w};
  uint16_t *panels = bnc_mem_array(bnc_bf16_panels(n) * bnc_bf16_panel(k), sizeof *panels);
  void *scratch = bnc_mem_alloc(bnc_bf16_scratch(k));
  if (!panels || !scratch) must(bnc_fail_memory(&err, n * k * sizeof *panels));
  bnc_matmul_bf16_pack(n, k, w, panels, 0, bnc_bf16_panels(n));
  bnc_matmul_float_args bf16 = {.rows = rows, .k = k, .n = n, .w = panels, .x = x, .y = own, .x_stride = k, .y_stride = n};
  const size_t tiles = bnc_matmul_tiles_bf16_bytes(kernels->level, rows, k);
  if (tiles) bf16.tiles = bench_need(tiles);
  static times f32_times, bf16_times, other;
  bnc_packed_store *store;
  bnc_linear_set *set;
  uint32_t id;
  must(bnc_packed_create(&store, &err));
  must(bnc_linear_set_create(&set, store, &err));
  must(bnc_linear_set_add(set, &spec, 0, 0, &id, &err));
  for (size_t r = 0; r < repeats; r++) {
    const double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    kernels->matmul.f32(&args, 0, bnc_float_items(n), scratch);
    const double first = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    must(bnc_linear_set_run(set, id, rows, x, NULL, theirs, NULL));
    const double second = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    if (tiles) kernels->matmul.tiles_bf16(&bf16, 0, bnc_matmul_tiles_blocks(rows));
    kernels->matmul.bf16(&bf16, 0, bnc_float_items(n), scratch);
    const double end = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    add(&f32_times, r, first - start, second - first);
    add(&other, r, second - first, second - first);
    add(&bf16_times, r, end - second, second - first);
  }
  const double gflop = 2e-9 * (double)rows * (double)k * (double)n;
  printf("%zu,%zu,%zu,%s,%.1f,%.1f,%.2f,%.1f,%.2f\n", rows, k, n, bnc_cpu_level_name(kernels->level), gflop / f32_times.best,
         gflop / other.best, median(&f32_times, repeats), gflop / bf16_times.best, median(&bf16_times, repeats));
  bnc_linear_set_destroy(set);
  bnc_packed_destroy(store);
  void *all[] = {w, x, own, theirs, panels, scratch, bf16.tiles};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) bnc_mem_free(all[i]);
}

int main(int argc, char **argv) {
  static const size_t shapes[][3] = {{577, 1024, 1024}, {577, 1024, 4096}, {577, 4096, 1024}, {64, 2048, 2048}, {1, 2048, 8192}};
  const size_t wanted = argc > 1 ? (size_t)atoi(argv[1]) : 7, repeats = wanted < 1 ? 1 : wanted > MAX_REPEATS ? MAX_REPEATS : wanted;
  bnc_cpu_level level;
  bnc_kernels kernels;
  must(bnc_cpu_detect_level(&level, &err));
  bnc_kernels_init(&kernels, level);
  printf("rows,k,n,level,own_gflops,xnnpack_gflops,ratio,bf16_gflops,bf16_ratio\n");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) bench(shapes[i][0], shapes[i][1], shapes[i][2], &kernels, repeats);
  return 0;
}
