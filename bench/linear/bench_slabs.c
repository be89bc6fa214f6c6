/* SPDX-License-Identifier: Apache-2.0 */
/* Column slabs of XNNPACK's linear layers: which division is the fastest, and which one the compiler's cost model picks
   (quant/schedule/slab_cost.h), for matrices of ViT-L and LLaMA-3-8B. usage: bench_slabs [THREADS [REPEATS]] prints CSV:
   cpu,level,threads,kind,rows,k,n,columns,slab_kib,gops,predicted_ratio_to_whole,ratio_to_whole,picked,lost_percent Types that a kernel of
   our own multiplies at this level are left out. One row per division tried; the picked one says what it loses against the fastest of them.
   Divisions are interleaved within each repeat, so that a noisy neighbour disturbs all alike; ratios are medians of ratios within a repeat.
   With one thread, times are of CPU time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/timing.h"
#include "ops/qd8.h"
#include "ops/xnn/linear.h"
#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "quant/schedule/slab_cost.h"

#define SIZES 12

typedef struct shape {
  bnc_linear_kind kind;
  size_t rows, k, n;
} shape;

typedef struct bench {
  bnc_target target;
  bnc_pool *pool;
  size_t threads, repeats;
} bench;

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

/* As if of text: vision's f32 is not XNNPACK's everywhere. */
static bnc_slab_layer layer_of(const shape *s) {
  return (bnc_slab_layer){s->kind == BNC_LINEAR_F32 ? BNC_WEIGHT_F32 : BNC_WEIGHT_QC8, s->rows, s->k, s->n, true};
}

/* The whole, then about each third of an octave down to 64 columns, and the model's pick among them. Returns how many. */
static size_t divisions(const bench *b, const shape *s, size_t cols[SIZES]) {
  bnc_slab_layer layer = layer_of(s);
  size_t pick = bnc_slab_choose(&b->target, &layer), count = 0, last = 2 * s->n;
  for (size_t i = 0, c; (c = bnc_slab_candidate(&layer, i)) != 0; i++) {
    if (count == SIZES) break;
    if (c == pick || (c * 3 <= last * 2 && count < SIZES - 1)) last = cols[count++] = c;
  }
  return count;
}

static double median(double *v, size_t n) {
  qsort(v, n, sizeof *v, bench_ascending);
  return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

typedef struct variant {
  bnc_linear_set *set;
  size_t parts, cols; /* part i is layer i of the set */
  bnc_packed_store *store;
} variant;

static void build(variant *v, const shape *s, size_t cols, const uint8_t *weights, const float *scales) {
  size_t row = s->kind == BNC_LINEAR_F32 ? s->k * 4 : s->k;
  v->cols = cols;
  must(bnc_packed_create(&v->store, &err));
  must(bnc_linear_set_create(&v->set, v->store, &err));
  for (size_t from = 0; from < s->n; from += v->cols, v->parts++) {
    bnc_linear_spec spec = {.kind = s->kind,
                            .n = s->n - from < v->cols ? s->n - from : v->cols,
                            .k = s->k,
                            .in_stride = s->k,
                            .out_stride = s->n,
                            .weights = weights + from * row,
                            .scales = scales + from};
    uint32_t part;
    must(bnc_linear_set_add(v->set, &spec, 0, (uint32_t)from, &part, &err));
  }
}

static double seconds_now(const bench *b) {
  struct timespec t;
  if (b->threads != 1) return (double)bnc_clock_ns() * 1e-9;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double run(const bench *b, const variant *v, const shape *s, const void *x, const bnc_qd8_params *params, float *y) {
  double start = seconds_now(b);
  for (size_t i = 0; i < v->parts; i++) must(bnc_linear_set_run(v->set, (uint32_t)i, s->rows, x, params, y + i * v->cols, b->pool));
  return seconds_now(b) - start;
}

static void print(const bench *b, const shape *s, const variant *v, size_t count, double seconds[SIZES][64]) {
  bnc_slab_layer layer = layer_of(s);
  double ratio[SIZES], each[64], best = 0, whole = bnc_slab_cycles(&b->target, &layer, s->n);
  size_t pick = bnc_slab_choose(&b->target, &layer);
  for (size_t i = 0; i < count; i++) {
    for (size_t r = 0; r < b->repeats; r++) each[r] = seconds[0][r] / seconds[i][r];
    ratio[i] = median(each, b->repeats);
    if (ratio[i] > best) best = ratio[i];
  }
  for (size_t i = 0; i < count; i++) {
    size_t bytes = v[i].cols * s->k * (s->kind == BNC_LINEAR_F32 ? 4 : 1);
    printf("%s,%s,%zu,%s,%zu,%zu,%zu,%zu,%zu,%.1f,%.3f,%.3f,", b->target.name, bnc_cpu_level_name(b->target.level), b->threads,
           s->kind == BNC_LINEAR_F32 ? "f32" : "qc8w", s->rows, s->k, s->n, v[i].cols, bytes >> 10,
           2e-9 * (double)s->rows * (double)s->k * (double)s->n / median(seconds[i], b->repeats),
           whole / bnc_slab_cycles(&b->target, &layer, v[i].cols), ratio[i]);
    if (v[i].cols == pick)
      printf("yes,%.1f\n", 100 * (1 - ratio[i] / best));
    else
      printf(",\n");
  }
  fflush(stdout);
}

static void bench_shape(const bench *b, const shape *s) {
  size_t bytes = s->n * s->k * (s->kind == BNC_LINEAR_F32 ? 4 : 1), cols[SIZES];
  uint8_t *weights = need(bytes), *x = need(s->rows * s->k * 4 + 64);
  float *scales = need(s->n * sizeof *scales);
  bnc_qd8_params *params = need((s->rows + BNC_QD8_EXTRA) * sizeof *params);
  float *y = need(s->rows * s->n * 4);
  static double seconds[SIZES][64];
  variant v[SIZES] = {{0}};
  for (size_t i = 0; i < bytes && s->kind != BNC_LINEAR_F32; i++) weights[i] = (uint8_t)(i * 2654435761u >> 13);
  for (size_t i = 0; i < s->n; i++) scales[i] = 1.0f;
  for (size_t i = 0; i < s->rows + BNC_QD8_EXTRA; i++) params[i] = (bnc_qd8_params){3, 0.01f};
  size_t count = divisions(b, s, cols);
  for (size_t i = 0; i < count; i++) {
    build(&v[i], s, cols[i], weights, scales);
    run(b, &v[i], s, x, params, y);
  }
  for (size_t r = 0; r < b->repeats; r++)
    for (size_t i = 0; i < count; i++) seconds[i][r] = run(b, &v[i], s, x, params, y);
  print(b, s, v, count, seconds);
  for (size_t i = 0; i < count; i++) {
    bnc_linear_set_destroy(v[i].set);
    bnc_packed_destroy(v[i].store);
  }
  bnc_mem_free(weights);
  bnc_mem_free(scales);
  bnc_mem_free(x);
  bnc_mem_free(params);
  bnc_mem_free(y);
}

int main(int argc, char **argv) {
  static const shape shapes[] = {
      {BNC_LINEAR_QD8_QC8, 577, 1024, 3072},  {BNC_LINEAR_QD8_QC8, 577, 1024, 4096}, {BNC_LINEAR_QD8_QC8, 577, 4096, 1024},
      {BNC_LINEAR_QD8_QC8, 640, 2048, 8192},  {BNC_LINEAR_QD8_QC8, 640, 4096, 6144}, {BNC_LINEAR_QD8_QC8, 640, 4096, 14336},
      {BNC_LINEAR_QD8_QC8, 640, 14336, 4096}, {BNC_LINEAR_F32, 577, 1024, 3072},     {BNC_LINEAR_F32, 577, 1024, 4096},
      {BNC_LINEAR_F32, 577, 4096, 1024},      {BNC_LINEAR_F32, 640, 2048, 8192},
  };
  bench b = {.threads = argc > 1 ? (size_t)atoi(argv[1]) : 0, .repeats = argc > 2 ? (size_t)atoi(argv[2]) : 5};
  if (b.repeats < 1 || b.repeats > 64) b.repeats = 5;
  must(bnc_target_detect(&b.target, &err));
  must(bnc_pool_create(&b.pool, b.threads, &err));
  must(bnc_pool_start_native(b.pool, &err));
  b.threads = b.target.cores = (unsigned)bnc_pool_threads(b.pool);
  printf("cpu,level,threads,kind,rows,k,n,columns,slab_kib,gops,predicted_ratio_to_whole,ratio_to_whole,picked,lost_percent\n");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const bnc_slab_layer layer = layer_of(&shapes[i]);
    if (bnc_slab_helps(&b.target, &layer)) bench_shape(&b, &shapes[i]);
  }
  bnc_pool_destroy(b.pool);
  return 0;
}
