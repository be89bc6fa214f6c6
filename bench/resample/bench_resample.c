/* SPDX-License-Identifier: Apache-2.0 */
/* From a decoded picture to the rows that the patch embedding reads, in f32 or quantised, for the geometry of INF-LLaVA: 1008 x 1008,
   patches of 14, nine crops and the middle strided view of three. usage: bench_resample WIDTH HEIGHT [THREADS]      prints a line per way:
   its name and its least milliseconds of 5 One thread: its own CPU time; more: wall time. resample.py runs this and Pillow in turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/kernels.h"
#include "platforms/base/mem.h"
#include "runtime/image/image.h"

enum {
  SIDE = 1008,
  VIEWS = 3,
  TILE = SIDE / VIEWS,
  TILES = VIEWS * VIEWS + 1,
  PATCH = 14,
  GRID = TILE / PATCH,
  ROWS = GRID * GRID,
  COLS = 3 * PATCH * PATCH,
  GRAIN = 32,
  REPEATS = 5
};

typedef struct bench {
  bnc_image image;
  bnc_kernels scalar, best;
  bnc_pool *pool;
  float levels[3][256];
  uint32_t at[2][TILES][TILE]; /* the rows and columns of each tile */
  uint8_t *pixels;             /* [SIDE, SIDE, 3] */
  float *plane, *tile;         /* [SIDE, SIDE, 3], [TILE, TILE, 3]: what only the unfused way needs */
  float *rows;                 /* [ROWS, COLS], one tile's at a time, as the vision program uses them: f32 or ... */
  int8_t *q;                   /* ... quantised */
  bnc_qd8_params params[ROWS];
} bench;

static const uint8_t pad[3] = {122, 116, 104};

static void *need(size_t bytes) {
  void *p = bnc_mem_zalloc(bytes);
  if (p) return p;
  fprintf(stderr, "bench_resample: no memory\n");
  exit(1);
}

static void fit(bench *b, const bnc_kernels *kernels, bnc_pool *pool) {
  bnc_error err;
  if (bnc_image_fit(&b->image, pad, SIDE, &kernels->resample, pool, b->pixels, &err) == BNC_OK) return;
  fprintf(stderr, "bench_resample: %s\n", err.text);
  exit(1);
}

static void fit_scalar(bench *b) { fit(b, &b->scalar, NULL); }
static void fit_best(bench *b) { fit(b, &b->best, b->pool); }

typedef struct patches_job {
  bnc_patches_u8_fn *kernel;
  bnc_patches_args args;
} patches_job;

static void run_patches(void *context, size_t from, size_t to) {
  const patches_job *j = context;
  j->kernel(&j->args, from, to);
}

static void unfold(bench *b, bnc_patches_u8_fn *kernel) {
  for (size_t t = 0; t < TILES; ++t) {
    patches_job job = {kernel,
                       {.side = TILE,
                        .patch = PATCH,
                        .y = b->at[0][t],
                        .x = b->at[1][t],
                        .u8 = b->pixels,
                        .lut = (const float(*)[256])b->levels,
                        .y_stride = SIDE * 3,
                        .x_stride = 3,
                        .c_stride = 1,
                        .out = b->rows,
                        .out_stride = COLS,
                        .q = b->q,
                        .params = b->params,
                        .q_stride = COLS}};
    bnc_pool_run(b->pool, run_patches, &job, ROWS, GRAIN);
  }
}

static void whole_best(bench *b) {
  fit_best(b);
  unfold(b, b->best.patches.u8);
}

static void whole_quantised(bench *b) {
  fit_best(b);
  unfold(b, b->best.patches.qd8);
}

/* One thing after another, as the reference does it: normalise the picture, cut out a tile, unfold it, and quantise. */
static void unfused(bench *b, bool quantised) {
  fit_scalar(b);
  for (size_t i = 0; i < SIDE * SIDE * 3; ++i) b->plane[i] = b->levels[i % 3][b->pixels[i]];
  for (size_t t = 0; t < TILES; ++t) {
    for (size_t y = 0; y < TILE; ++y) {
      for (size_t x = 0; x < TILE; ++x)
        memcpy(b->tile + (y * TILE + x) * 3, b->plane + (b->at[0][t][y] * (size_t)SIDE + b->at[1][t][x]) * 3, 3 * sizeof(float));
    }
    float *out = b->rows;
    for (size_t g = 0; g < ROWS; ++g) {
      for (size_t k = 0; k < COLS; ++k) {
        const size_t c = k / (PATCH * PATCH), y = g / GRID * PATCH + k / PATCH % PATCH, x = g % GRID * PATCH + k % PATCH;
        *out++ = b->tile[(y * TILE + x) * 3 + c];
      }
    }
    if (!quantised) continue;
    const bnc_quantize_args rows = {COLS, b->rows, b->q, b->params, COLS, COLS};
    b->scalar.quantize.qd8(&rows, 0, ROWS);
  }
}

static void whole_unfused(bench *b) { unfused(b, false); }
static void whole_unfused_quantised(bench *b) { unfused(b, true); }

static double now(bool alone) {
  struct timespec t;
  clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void report(bench *b, const char *name, void (*run)(bench *b), bool alone) {
  double least = 1e30;
  for (int i = 0; i < REPEATS; ++i) {
    const double start = now(alone);
    run(b);
    const double took = now(alone) - start;
    least = took < least ? took : least;
  }
  printf("%s %.3f\n", name, least);
}

int main(int argc, char **argv) {
  static bench b;
  bnc_cpu cpu;
  bnc_error err;
  const size_t threads = argc > 3 ? (size_t)atoi(argv[3]) : 1;
  if (argc < 3 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1) {
    fprintf(stderr, "usage: bench_resample WIDTH HEIGHT [THREADS]\n");
    return 2;
  }
  if (bnc_cpu_detect(&cpu, &err) != BNC_OK || bnc_pool_create(&b.pool, threads, &err) != BNC_OK) {
    fprintf(stderr, "bench_resample: %s\n", err.text);
    return 1;
  }
  bnc_kernels_init(&b.scalar, BNC_CPU_SCALAR);
  bnc_kernels_init(&b.best, cpu.level);
  bnc_patches_levels((const float[3]){0.48145466f, 0.4578275f, 0.40821073f}, (const float[3]){0.26862954f, 0.26130258f, 0.27577711f},
                     b.levels);
  for (size_t t = 0; t < TILES; ++t) {
    for (size_t i = 0; i < TILE; ++i) {
      b.at[0][t][i] = (uint32_t)(t < VIEWS * VIEWS ? t / VIEWS * TILE + i : VIEWS * i + 1);
      b.at[1][t][i] = (uint32_t)(t < VIEWS * VIEWS ? t % VIEWS * TILE + i : VIEWS * i + 1);
    }
  }
  const size_t bytes = (size_t)atoi(argv[1]) * (size_t)atoi(argv[2]) * 3;
  b.image = (bnc_image){.width = (size_t)atoi(argv[1]), .height = (size_t)atoi(argv[2]), .rgb = need(bytes)};
  for (size_t i = 0; i < bytes; ++i) b.image.rgb[i] = (uint8_t)(i * 2654435761u >> 13);
  b.pixels = need((size_t)SIDE * SIDE * 3);
  b.plane = need(sizeof(float) * SIDE * SIDE * 3);
  b.tile = need(sizeof(float) * TILE * TILE * 3);
  b.rows = need(sizeof(float) * ROWS * COLS);
  b.q = need(ROWS * COLS);
  report(&b, "fit", fit_best, threads == 1);
  report(&b, "fit_and_patches", whole_best, threads == 1);
  report(&b, "fit_and_patches_qd8", whole_quantised, threads == 1);
  if (threads == 1) {
    report(&b, "fit_scalar", fit_scalar, true);
    report(&b, "unfused_scalar", whole_unfused, true);
    report(&b, "unfused_scalar_qd8", whole_unfused_quantised, true);
  }
  void *all[] = {b.image.rgb, b.pixels, b.plane, b.tile, b.rows, b.q};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) bnc_mem_free(all[i]);
  bnc_pool_destroy(b.pool);
  return 0;
}
