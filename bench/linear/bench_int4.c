/* SPDX-License-Identifier: Apache-2.0 */
/* int4 layers of LLaMA-3-8B: our kernel on the file's own panels beside XNNPACK's qb4w on weights that it packed, and beside our kernel for
   groups of 16 with steps (matmul_c4.h), taking turns in one run.
     usage: bench_int4 [THREADS [REPEATS [ROWS]]]     default: one thread, 5 repeats, 640 rows and 1 row
   prints CSV: level,threads,rows,k,n,group,ours_gops,ours_gbytes_per_s,xnnpack_gops,ratio,equal,steps_gops,steps_ratio
   Best of all repeats; ratio: the median of the ratios within a repeat, of XNNPACK's
   seconds to ours; steps_ratio: of ours to those of groups of 16. GB/s are of our weights. One thread is timed by its own CPU time,
   several by the wall clock. The machine's limits to hold them against: checkkern --bench. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/need.h"
#include "bench/timing.h"
#include "ops/kernels.h"
#include "ops/xnn/linear.h"
#include "platforms/base/mem.h"
#include "platforms/threads/threads.h"

enum { MAX_REPEATS = 64, PIECE = 8 };

typedef struct layer {
  size_t rows, k, n, group;
} layer;

typedef struct job {
  const bnc_matmul_ops *ops;
  bnc_matmul_args args;
  uint8_t *scratch; /* [threads] */
} job;

static bnc_error err;

static void must(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "bench_int4: %s fails %s\n", what, err.text);
  exit(1);
}

static double seconds(size_t threads) {
  struct timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint32_t random_bits(void) {
  static uint32_t state = 1;
  return (state = state * 1664525u + 1013904223u) >> 8;
}

static void run_sums(void *context, size_t from, size_t to) {
  const job *j = context;
  j->ops->sums(&j->args, from, to);
}

static void run_panels(void *context, size_t thread, size_t from, size_t to) {
  const job *j = context;
  j->ops->i4(&j->args, from, to, j->scratch + thread * BNC_MATMUL_SCRATCH);
}

/* The same layer in groups of 16 with steps. */
typedef struct steps_job {
  const bnc_matmul_ops *ops;
  bnc_matmul_c4_args args;
  uint8_t *scratch; /* [threads] */
} steps_job;

static void run_tiles(void *context, size_t from, size_t to) {
  const steps_job *j = context;
  j->ops->tiles(&j->args.to, from, to);
}

static void run_steps(void *context, size_t thread, size_t from, size_t to) {
  const steps_job *j = context;
  j->ops->c4(&j->args, from, to, j->scratch + thread * BNC_MATMUL_SCRATCH);
}

/* Of random weights; inputs and result are the other job's. */
static steps_job make_steps(const job *other, bnc_cpu_level level, const uint8_t *weights) {
  const bnc_i4_matrix *w = &other->args.w;
  const size_t panels = bnc_c4_panels(w->n);
  uint8_t *steps = bench_need(w->n * w->k / BNC_C4_GROUP), *all = bench_need(panels * bnc_c4_panel_bytes(w->k));
  int32_t *totals = bench_need(panels * BNC_C4_PANEL * sizeof *totals);
  float *scale = bench_need(w->n * sizeof *scale);
  for (size_t i = 0; i < w->n * w->k / BNC_C4_GROUP; i++) steps[i] = (uint8_t)(1 + random_bits() % BNC_C4_STEPS);
  for (size_t i = 0; i < w->n; i++) scale[i] = 0.001f;
  bnc_matmul_c4_pack(w->n, w->k, weights, steps, all, totals, 0, panels);
  bnc_mem_free(steps);
  const size_t tiles = bnc_matmul_tiles_bytes(level, other->args.rows, w->k);
  const bnc_matmul_i8_args to = {.rows = other->args.rows,
                                 .k = w->k,
                                 .n = w->n,
                                 .scale = scale,
                                 .q = other->args.q,
                                 .params = other->args.params,
                                 .y = bench_need(other->args.rows * w->n * sizeof(float)),
                                 .q_stride = w->k,
                                 .y_stride = w->n,
                                 .tiles = tiles ? bench_need(tiles) : NULL};
  return (steps_job){other->ops, {to, all, totals}, other->scratch};
}

static void drop_steps(const steps_job *s) {
  void *all[] = {(void *)(uintptr_t)s->args.panels, (void *)(uintptr_t)s->args.totals, (void *)(uintptr_t)s->args.to.scale, s->args.to.y,
                 s->args.to.tiles};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) bnc_mem_free(all[i]);
}

static void bench(const layer *l, bnc_pool *pool, size_t threads, size_t repeats, const bnc_kernels *kernels) {
  const size_t panels = bnc_i4_panels(l->n), groups = l->k / l->group;
  uint8_t *weights = bench_need(l->n * l->k / 2), *nibbles = bench_need(panels * bnc_i4_panel_nibbles(l->k));
  uint16_t *scales = bench_need(l->n * groups * 2), *panel_scales = bench_need(panels * bnc_i4_panel_scales(l->k, l->group));
  float *offset = bench_need(panels * BNC_I4_PANEL * 4), *y = bench_need(l->rows * l->n * 4), *other = bench_need(l->rows * l->n * 4);
  int8_t *q = bench_need(l->rows * l->k + BNC_QD8_EXTRA);
  bnc_qd8_params *params = bench_need((l->rows + BNC_QD8_EXTRA) * sizeof *params);
  for (size_t i = 0; i < l->n * l->k / 2; i++) weights[i] = (uint8_t)random_bits();
  for (size_t i = 0; i < l->n * groups; i++) scales[i] = (uint16_t)(0x3c00 + random_bits() % 128);
  for (size_t i = 0; i < l->rows * l->k; i++) q[i] = (int8_t)random_bits();
  for (size_t i = 0; i < l->rows; i++) params[i] = (bnc_qd8_params){(int32_t)(random_bits() % 64) - 32, 0.01f};
  bnc_qd8_pad(params, l->rows);
  bnc_matmul_i4_pack(l->n, l->k, l->group, weights, scales, nibbles, panel_scales, offset, 0, panels);
  job j = {&kernels->matmul,
           {.w = {l->n, l->k, l->group, nibbles, panel_scales, offset},
            .rows = l->rows,
            .q = q,
            .params = params,
            .sums = bench_need(l->rows * groups * 4),
            .y = y,
            .q_stride = l->k,
            .y_stride = l->n},
           bench_need(threads * BNC_MATMUL_SCRATCH)};
  const bnc_linear_spec spec = {.kind = BNC_LINEAR_QD8_QG4,
                                .n = l->n,
                                .k = l->k,
                                .in_stride = l->k,
                                .out_stride = l->n,
                                .weights = nibbles,
                                .group = l->group,
                                .group_scales = panel_scales};
  bnc_packed_store *store;
  bnc_linear_set *set;
  uint32_t id;
  must(bnc_packed_create(&store, &err) == BNC_OK && bnc_linear_set_create(&set, store, &err) == BNC_OK &&
           bnc_linear_set_add(set, &spec, 0, 0, &id, &err) == BNC_OK,
       "making XNNPACK's layer");
  steps_job steps = make_steps(&j, kernels->level, weights);
  double ratio[MAX_REPEATS], steps_ratio[MAX_REPEATS], best_steps = 1e9, best = 1e9, best_other = 1e9, worst = 0, size = 0;
  for (size_t r = 0; r < repeats; r++) {
    const double start = seconds(threads);
    bnc_pool_run(pool, run_sums, &j, l->rows, 16);
    bnc_pool_run_threads(pool, run_panels, &j, panels, PIECE);
    const double middle = seconds(threads);
    must(bnc_linear_set_run(set, id, l->rows, q, params, other, pool) == BNC_OK, "running XNNPACK's layer");
    const double end = seconds(threads);
    if (steps.args.to.tiles) bnc_pool_run(pool, run_tiles, &steps, bnc_matmul_tiles_blocks(l->rows), 1);
    bnc_pool_run_threads(pool, run_steps, &steps, bnc_matmul_i8_items(l->n), 2);
    const double ours = middle - start, theirs = end - middle, with_steps = seconds(threads) - end;
    ratio[r] = theirs / ours;
    steps_ratio[r] = ours / with_steps;
    best_steps = with_steps < best_steps ? with_steps : best_steps;
    best = ours < best ? ours : best;
    best_other = theirs < best_other ? theirs : best_other;
  }
  for (size_t i = 0; i < l->rows * l->n; i++) {
    worst = fmax(worst, fabs((double)(y[i] - other[i])));
    size = fmax(size, fabs((double)y[i]));
  }
  qsort(ratio, repeats, sizeof *ratio, bench_ascending);
  qsort(steps_ratio, repeats, sizeof *steps_ratio, bench_ascending);
  const double operations = 2e-9 * (double)l->rows * (double)l->k * (double)l->n;
  printf("%s,%zu,%zu,%zu,%zu,%zu,%.1f,%.2f,%.1f,%.2f,%s,%.1f,%.2f\n", bnc_cpu_level_name(kernels->level), threads, l->rows, l->k, l->n,
         l->group, operations / best, 1e-9 * (double)(panels * (bnc_i4_panel_nibbles(l->k) + bnc_i4_panel_scales(l->k, l->group))) / best,
         operations / best_other, ratio[repeats / 2], worst < 1e-4 * size ? "yes" : "no", operations / best_steps,
         steps_ratio[repeats / 2]);
  fflush(stdout);
  drop_steps(&steps);
  bnc_linear_set_destroy(set);
  bnc_packed_destroy(store);
  void *all[] = {weights, nibbles, scales, panel_scales, offset, y, other, q, params, j.args.sums};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) bnc_mem_free(all[i]);
}

int main(int argc, char **argv) {
  static const size_t shapes[][2] = {{4096, 14336}, {4096, 4096}, {14336, 4096}, {4096, 1024}}, groups[] = {32, 128};
  const size_t threads = argc > 1 ? (size_t)atoi(argv[1]) : 1, wanted = argc > 2 ? (size_t)atoi(argv[2]) : 5,
               only = argc > 3 ? (size_t)atoi(argv[3]) : 0;
  const size_t repeats = wanted < 1 ? 1 : wanted > MAX_REPEATS ? MAX_REPEATS : wanted, rows[] = {640, 1};
  static bnc_cpu cpu;
  static bnc_kernels kernels;
  bnc_pool *pool;
  must(bnc_cpu_detect(&cpu, &err) == BNC_OK, "looking at the CPU");
  must(bnc_pool_create(&pool, threads, &err) == BNC_OK && bnc_pool_start_native(pool, &err) == BNC_OK, "starting threads");
  bnc_kernels_init(&kernels, cpu.level);
  printf("level,threads,rows,k,n,group,ours_gops,ours_gbytes_per_s,xnnpack_gops,ratio,equal,steps_gops,steps_ratio\n");
  for (size_t r = 0; r < (only ? 1 : 2); r++)
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
      for (size_t g = 0; g < 2; g++) {
        const layer l = {only ? only : rows[r], shapes[s][0], shapes[s][1], groups[g]};
        bench(&l, pool, bnc_pool_threads(pool), l.rows == 1 ? MAX_REPEATS : repeats, &kernels);
      }
  bnc_pool_destroy(pool);
  return 0;
}
