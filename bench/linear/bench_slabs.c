/* SPDX-License-Identifier: Apache-2.0 */
/* Column slabs of XNNPACK's linear layers: what a slab size gains over the whole matrix, for the matrices of ViT-L and LLaMA-3-8B.
     usage: bench_slabs [THREADS [REPEATS]]      prints CSV: kind,rows,k,n,slab_kib,slabs,gops_median,ratio_to_whole
   Sizes are interleaved within each repeat, so that a noisy neighbour disturbs all alike; ratios are medians of ratios within a repeat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/qd8.h"
#include "ops/xnn/linear.h"
#include "platforms/clock.h"
#include "platforms/mem.h"

#define SIZES 6
static const size_t slab_kib[SIZES] = {0, 512, 1024, 2048, 4096, 8192}; /* 0: whole */

typedef struct shape {
  bnc_linear_kind kind;
  size_t rows, k, n;
} shape;

static bnc_error err;

static void must(bnc_status s) {
  if (s == BNC_OK) return;
  fprintf(stderr, "bench_slabs: %s\n", err.text);
  exit(1);
}

static void *need(size_t size) {
  void *p = bnc_mem_zalloc(size);
  if (!p) must(bnc_fail_memory(&err, size));
  return p;
}

static size_t columns(const shape *s, size_t kib) {
  size_t bits = s->k * (s->kind == BNC_LINEAR_F32 ? 32 : s->kind == BNC_LINEAR_QD8_QC8 ? 8 : 4), cols = kib * 8192 / bits / 64 * 64;
  return kib == 0 || cols >= s->n ? s->n : cols < 64 ? 64 : cols;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
static double median(double *v, size_t n) {
  qsort(v, n, sizeof *v, ascending);
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

typedef struct variant {
  bnc_linear_set *set;
  size_t parts, cols; /* part i is layer i of the set */
  bnc_packed_store *store;
} variant;

static void build(variant *v, const shape *s, size_t kib, const uint8_t *weights, const void *scales, size_t scale_bytes) {
  size_t row = s->kind == BNC_LINEAR_F32 ? s->k * 4 : s->kind == BNC_LINEAR_QD8_QC8 ? s->k : s->k / 2;
  v->cols = columns(s, kib);
  must(bnc_packed_create(&v->store, &err));
  must(bnc_linear_set_create(&v->set, v->store, false, &err));
  for (size_t from = 0; from < s->n; from += v->cols, v->parts++) {
    bnc_linear_spec spec = {.kind = s->kind, .n = s->n - from < v->cols ? s->n - from : v->cols, .k = s->k, .group = 32, .in_stride = s->k, .out_stride = s->n,
                            .weights = weights + from * row, .scales = (const uint8_t *)scales + from * scale_bytes};
    uint32_t part;
    must(bnc_linear_set_add(v->set, &spec, 0, (uint32_t)from, &part, &err));
  }
}

static double run(const variant *v, const shape *s, const void *x, const bnc_qd8_params *params, float *y, bnc_pool *pool) {
  uint64_t start = bnc_clock_ns();
  for (size_t i = 0; i < v->parts; i++) must(bnc_linear_set_run(v->set, (uint32_t)i, s->rows, x, params, y + i * v->cols, pool));
  return (double)(bnc_clock_ns() - start) * 1e-9;
}

static void bench(const shape *s, bnc_pool *pool, size_t repeats) {
  static const char *const kinds[] = {"f32", "qc8w", "qb4w32"};
  size_t bytes = s->n * s->k * (s->kind == BNC_LINEAR_F32 ? 4 : 1), scale_bytes = s->kind == BNC_LINEAR_QD8_QB4 ? s->k / 32 * 2 : 4;
  uint8_t *weights = need(bytes), *scales = need(s->n * scale_bytes), *x = need(s->rows * s->k * 4 + 64);
  bnc_qd8_params *params = need((s->rows + BNC_QD8_EXTRA) * sizeof *params);
  float *y = need(s->rows * s->n * 4);
  double *seconds[SIZES], *ratio = need(repeats * sizeof *ratio);
  variant *v = need(SIZES * sizeof *v);
  for (size_t i = 0; i < bytes && s->kind != BNC_LINEAR_F32; i++) weights[i] = (uint8_t)(i * 2654435761u >> 13);
  for (size_t i = 0; i < s->n * scale_bytes / (s->kind == BNC_LINEAR_QD8_QB4 ? 2 : 4); i++) {
    const float one = 1.0f;
    const uint16_t bf16_one = 0x3f80;
    if (s->kind == BNC_LINEAR_QD8_QB4)
      memcpy(scales + 2 * i, &bf16_one, 2);
    else
      memcpy(scales + 4 * i, &one, 4);
  }
  for (size_t i = 0; i < s->rows + BNC_QD8_EXTRA; i++) params[i] = (bnc_qd8_params){3, 0.01f};
  for (size_t i = 0; i < SIZES; i++) {
    seconds[i] = need(repeats * sizeof **seconds);
    build(&v[i], s, slab_kib[i], weights, scales, scale_bytes);
    run(&v[i], s, x, params, y, pool);
  }
  for (size_t r = 0; r < repeats; r++)
    for (size_t i = 0; i < SIZES; i++) seconds[i][r] = run(&v[i], s, x, params, y, pool);
  for (size_t i = 0; i < SIZES; i++) {
    for (size_t r = 0; r < repeats; r++) ratio[r] = seconds[0][r] / seconds[i][r];
    double typical = median(ratio, repeats);
    printf("%s,%zu,%zu,%zu,%zu,%zu,%.1f,%.3f\n", kinds[s->kind], s->rows, s->k, s->n, slab_kib[i], v[i].parts, 2e-9 * (double)s->rows * (double)s->k * (double)s->n / median(seconds[i], repeats), typical);
    fflush(stdout);
  }
  for (size_t i = 0; i < SIZES; i++) {
    bnc_linear_set_destroy(v[i].set);
    bnc_packed_destroy(v[i].store);
    bnc_mem_free(seconds[i]);
  }
  bnc_mem_free(v);
  bnc_mem_free(ratio);
  bnc_mem_free(weights);
  bnc_mem_free(scales);
  bnc_mem_free(x);
  bnc_mem_free(params);
  bnc_mem_free(y);
}

int main(int argc, char **argv) {
  static const shape shapes[] = {
      {BNC_LINEAR_QD8_QC8, 577, 1024, 3072}, {BNC_LINEAR_QD8_QC8, 577, 1024, 4096}, {BNC_LINEAR_QD8_QC8, 577, 4096, 1024}, {BNC_LINEAR_QD8_QC8, 640, 4096, 6144},
      {BNC_LINEAR_QD8_QC8, 640, 4096, 14336}, {BNC_LINEAR_QD8_QC8, 640, 14336, 4096}, {BNC_LINEAR_QD8_QB4, 640, 4096, 14336}, {BNC_LINEAR_QD8_QB4, 640, 14336, 4096},
      {BNC_LINEAR_F32, 577, 1024, 4096},
  };
  size_t threads = argc > 1 ? (size_t)atoi(argv[1]) : 0, repeats = argc > 2 ? (size_t)atoi(argv[2]) : 5;
  bnc_pool *pool;
  must(bnc_pool_create(&pool, threads, &err));
  printf("kind,rows,k,n,slab_kib,slabs,gops,ratio_to_whole\n");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) bench(&shapes[i], pool, repeats ? repeats : 1);
  bnc_pool_destroy(pool);
  return 0;
}
