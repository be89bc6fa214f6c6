/* SPDX-License-Identifier: Apache-2.0 */
/* What it would bring to run the nine crops of a picture through each layer of ViT-L/14-336 together, so that weights come out of memory
 * once and are regrouped once: the int8 linear layers of 23 layers with weights of their own (290 MB), for nine crops one by one, by threes
 * and all at once, by turns.
 *
 *   bench_crops [REPEATS]   CSV: crops together, ms a crop (median of one thread's CPU time), gain (median of ratios of neighbours) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/need.h"
#include "bench/timing.h"
#include "ops/kernels.h"
#include "platforms/base/mem.h"

enum { MOST = 64, LAYERS = 23, CROPS = 9, ROWS = 577, WIDTH = 1024, SHAPES = 4, WAYS = 3 };
static const size_t shapes[SHAPES][2] = {{WIDTH, 3 * WIDTH}, {WIDTH, WIDTH}, {WIDTH, 4 * WIDTH}, {4 * WIDTH, WIDTH}}; /* k, n */
static const size_t ways[WAYS] = {1, 3, 9};

typedef struct tower {
  bnc_kernels kernels;
  int8_t *w; /* [LAYERS][the shapes' k * n] */
  int8_t *q; /* [CROPS * ROWS, 4 * WIDTH] */
  float *y, *scale;
  bnc_qd8_params *params;
  void *scratch;
  int8_t *tiles; /* of all crops' rows, 4096 wide; NULL: the level wants none */
} tower;

/* Seconds a crop. */
static double encode(const tower *t, size_t together) {
  const double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
  for (size_t crop = 0; crop < CROPS; crop += together) {
    const int8_t *w = t->w;
    for (size_t i = 0; i < LAYERS * SHAPES; i++) {
      const size_t k = shapes[i % SHAPES][0], n = shapes[i % SHAPES][1];
      const bnc_matmul_i8_args args = {.rows = together * ROWS,
                                       .k = k,
                                       .n = n,
                                       .w = w,
                                       .scale = t->scale,
                                       .q = t->q,
                                       .params = t->params,
                                       .y = t->y,
                                       .q_stride = k,
                                       .y_stride = n,
                                       .tiles = bnc_matmul_tiles_bytes(t->kernels.level, together * ROWS, k) ? t->tiles : NULL};
      if (args.tiles) t->kernels.matmul.tiles(&args, 0, bnc_matmul_tiles_blocks(args.rows));
      t->kernels.matmul.i8(&args, 0, bnc_matmul_i8_items(n), t->scratch);
      w += k * n;
    }
  }
  return (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start) / (double)CROPS;
}

int main(int argc, char **argv) {
  static bnc_cpu cpu;
  static tower t;
  bnc_error err;
  const int wanted = argc > 1 ? atoi(argv[1]) : 5, repeats = wanted < 1 ? 1 : wanted > MOST ? MOST : wanted;
  size_t macs = 0;
  for (size_t i = 0; i < SHAPES; i++) macs += shapes[i][0] * shapes[i][1];
  if (bnc_cpu_detect(&cpu, &err) != BNC_OK) {
    fprintf(stderr, "bench_crops: %s\n", err.text);
    return 1;
  }
  bnc_kernels_init(&t.kernels, cpu.level);
  t.w = bench_need(LAYERS * macs);
  t.q = bench_need((size_t)CROPS * ROWS * 4 * WIDTH + BNC_QD8_EXTRA);
  t.y = bench_need((size_t)CROPS * ROWS * 4 * WIDTH * sizeof *t.y);
  t.scale = bench_need(4 * WIDTH * sizeof *t.scale);
  t.params = bench_need((CROPS * ROWS + BNC_QD8_EXTRA) * sizeof *t.params);
  t.scratch = bench_need(BNC_MATMUL_SCRATCH);
  const size_t tiles = bnc_matmul_tiles_bytes(t.kernels.level, CROPS * ROWS, 4096);
  t.tiles = tiles ? bench_need(tiles) : NULL;
  for (size_t i = 0; i < LAYERS * macs; i++) t.w[i] = (int8_t)(i * 2654435761u >> 11);
  for (size_t i = 0; i < (size_t)CROPS * ROWS * 4 * WIDTH; i++) t.q[i] = (int8_t)(i * 2654435761u >> 9);
  for (size_t i = 0; i < CROPS * ROWS; i++) t.params[i] = (bnc_qd8_params){3, 0.01f};
  double seconds[WAYS][MOST], gain[WAYS][MOST];
  for (int r = 0; r < repeats; r++)
    for (size_t i = 0; i < WAYS; i++) {
      seconds[i][r] = encode(&t, ways[i]);
      gain[i][r] = seconds[0][r] / seconds[i][r];
    }
  printf("level,crops_together,ms_a_crop,gain\n");
  for (size_t i = 0; i < WAYS; i++)
    printf("%s,%zu,%.1f,%.3f\n", bnc_cpu_level_name(cpu.level), ways[i], 1e3 * bench_median(seconds[i], (size_t)repeats),
           bench_median(gain[i], (size_t)repeats));
  void *all[] = {t.w, t.q, t.y, t.scale, t.params, t.scratch};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) bnc_mem_free(all[i]);
  return 0;
}
