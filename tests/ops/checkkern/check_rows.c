/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ops/half.h"
#include "tests/ops/checkkern/check.h"

/* Runs both tables' kernels of one family over [0, rows), the tested one in two cuts, and compares. */
typedef void row_kernel(const bnc_kernels *k, const void *args, size_t from, size_t to);

static void run_taps(const bnc_kernels *k, const void *a, size_t from, size_t to) { k->gather.gather_taps_f32(a, from, to); }
static void run_gather(const bnc_kernels *k, const void *a, size_t from, size_t to) { k->gather.gather_f32(a, from, to); }
static void run_embed_f32(const bnc_kernels *k, const void *a, size_t from, size_t to) { k->embed.f32(a, from, to); }
static void run_embed_i8(const bnc_kernels *k, const void *a, size_t from, size_t to) { k->embed.i8(a, from, to); }
static void run_embed_bf16(const bnc_kernels *k, const void *a, size_t from, size_t to) { k->embed.bf16(a, from, to); }

static void compare(check *c, row_kernel *run, const void *args, float **out, size_t rows, size_t cols, size_t stride,
                    const double *expected, double absolute, double relative) {
  tensor y[2];
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, cols, stride, 4, check_below(c, 2) ? SIDE_END : SIDE_START);
    *out = y[i].data;
    if (i) {
      run(&c->scalar, args, 0, rows);
    } else {
      const size_t cut = check_below(c, rows + 1);
      run(&c->test, args, cut, rows);
      run(&c->test, args, 0, cut);
    }
  }
  check_equal(c, &y[0], &y[1], true, "out");
  if (check_is_scalar(c)) check_near(c, &y[0], expected, absolute, relative, "out");
  tensor_free(&y[0]);
  tensor_free(&y[1]);
}

static void case_taps(check *c, bool gather, size_t rows, size_t cols) {
  enum { SOURCE = 9, MOST = 5 };
  tensor x = tensor_make(SOURCE, cols, cols + check_below(c, 4), 4, SIDE_END);
  check_fill(c, &x, 1.0f, 0);
  tensor_protect(&x);
  uint32_t *start = malloc((rows + 1) * sizeof *start), *index = malloc(rows * MOST * sizeof *index), taps = 0;
  float *weight = malloc(rows * MOST * sizeof *weight);
  double *expected = calloc(rows * cols, sizeof *expected);
  for (size_t row = 0; row < rows; ++row) {
    start[row] = taps;
    for (size_t k = gather ? 1 : check_below(c, MOST + 1); k; --k, ++taps) {
      index[taps] = (uint32_t)check_below(c, SOURCE);
      weight[taps] = gather ? 1.0f : check_normal(c);
      for (size_t i = 0; i < cols; ++i)
        expected[row * cols + i] += (double)weight[taps] * (double)((float *)x.data)[index[taps] * x.stride + i];
    }
  }
  start[rows] = taps;
  bnc_gather_args a = {cols, x.data, start, index, weight, NULL, x.stride, cols + 2};
  compare(c, gather ? run_gather : run_taps, &a, &a.out, rows, cols, cols + 2, expected, gather ? 0 : 4e-6, 0);
  free(start);
  free(index);
  free(weight);
  free(expected);
  tensor_free(&x);
}

static void case_embed(check *c, int type, size_t rows, size_t cols) {
  enum { WORDS = 7 };
  static const size_t sizes[] = {4, 1, 2};
  const size_t values = type == 2 ? bnc_bf16_panel(cols) : WORDS * cols; /* of bf16 one panel has more words */
  tensor table = tensor_make(1, values, values, sizes[type], SIDE_END);
  float scale[WORDS];
  int32_t *ids = malloc(rows * sizeof *ids);
  double *expected = malloc(rows * cols * sizeof *expected);
  for (size_t i = 0; i < values * sizes[type]; ++i) ((uint8_t *)table.data)[i] = (uint8_t)check_below(c, 127);
  for (size_t i = 0; i < WORDS; ++i) scale[i] = check_normal(c);
  tensor_protect(&table);
  for (size_t row = 0; row < rows; ++row) {
    ids[row] = (int32_t)check_below(c, WORDS);
    for (size_t i = 0; i < cols; ++i) {
      const size_t at = (size_t)ids[row] * cols + i;
      expected[row * cols + i] =
          (double)(type == 0   ? ((float *)table.data)[at]
                   : type == 1 ? (float)((int8_t *)table.data)[at] * scale[ids[row]]
                               : bnc_f32_from_bits((uint32_t)((uint16_t *)table.data)[i / 2 * 32 + (size_t)ids[row] * 2 + i % 2] << 16));
    }
  }
  bnc_embed_args a = {cols, table.data, scale, ids, NULL, cols + 3};
  compare(c, type == 0 ? run_embed_f32 : type == 1 ? run_embed_i8 : run_embed_bf16, &a, &a.out, rows, cols, cols + 3, expected, 0, 0);
  free(expected);
  free(ids);
  tensor_free(&table);
}

typedef struct row_job {
  row_kernel *run;
  const void *args;
  size_t rows;
} row_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const row_job *j = job;
  j->run(kernels, j->args, 0, j->rows);
}

static void bench_taps(check *c, bool gather) {
  enum { ROWS = 576, COLS = 1024 };
  tensor x = tensor_make(ROWS, COLS, COLS, 4, SIDE_START), y = tensor_make(ROWS, COLS, COLS, 4, SIDE_START);
  static uint32_t start[ROWS + 1], index[ROWS * 4];
  static float weight[ROWS * 4];
  check_fill(c, &x, 1, 0);
  for (uint32_t i = 0; i <= ROWS; ++i) start[i] = i * 4;
  for (uint32_t i = 0; i < ROWS * 4; ++i) {
    index[i] = i / 4 + i % 4 < ROWS ? i / 4 + i % 4 : ROWS - 1;
    weight[i] = 0.25f;
  }
  const bnc_gather_args args = {COLS, x.data, start, index, weight, y.data, COLS, COLS};
  const row_job job = {gather ? run_gather : run_taps, &args, ROWS};
  const bench_job taps = {"576x1024 4 taps", run_job, &job, ROWS * COLS * 20.0, ROWS * COLS * 8.0, BENCH_SLOTS(c, gather, gather_taps_f32)};
  const bench_job copies = {"576x1024", run_job, &job, ROWS * COLS * 8.0, ROWS * COLS, BENCH_SLOTS(c, gather, gather_f32)};
  bench_run(c, gather ? &copies : &taps);
  tensor_free(&x);
  tensor_free(&y);
}

static void bench_embed(check *c, int type, size_t rows, const char *shape) {
  enum { WORDS = 256, COLS = 4096 };
  static const size_t sizes[] = {4, 1, 2};
  tensor table = tensor_make(WORDS, COLS, COLS, sizes[type], SIDE_START), y = tensor_make(rows, COLS, COLS, 4, SIDE_START);
  static float scale[WORDS];
  static int32_t ids[WORDS];
  memset(table.data, 1, WORDS * COLS * sizes[type]);
  for (size_t i = 0; i < WORDS; ++i) ids[i] = (int32_t)check_below(c, WORDS);
  const bnc_embed_args args = {COLS, table.data, scale, ids, y.data, COLS};
  const row_job job = {type == 0 ? run_embed_f32 : type == 1 ? run_embed_i8 : run_embed_bf16, &args, rows};
  bench_job b = {shape, run_job, &job, (double)(rows * COLS * (4 + sizes[type])), (double)(rows * COLS), BENCH_SLOTS(c, embed, f32)};
  const bench_job i8 = {.slots = BENCH_SLOTS(c, embed, i8)}, bf16 = {.slots = BENCH_SLOTS(c, embed, bf16)};
  if (type) memcpy(b.slots, type == 1 ? i8.slots : bf16.slots, sizeof b.slots);
  bench_run(c, &b);
  tensor_free(&table);
  tensor_free(&y);
}

void check_rows(check *c) {
  for (int gather = 0; gather < 2; ++gather) {
    if (!(gather ? CHECK_BEGIN(c, gather, gather_f32) : CHECK_BEGIN(c, gather, gather_taps_f32))) continue;
    if (c->bench) bench_taps(c, gather);
    for (size_t cols = 1; cols <= 150; cols += 1 + cols / 50) case_taps(c, gather, 1 + check_below(c, 20), cols);
    check_end(c);
  }
  for (int type = 0; type < 3; ++type) {
    if (!(type == 0 ? CHECK_BEGIN(c, embed, f32) : type == 1 ? CHECK_BEGIN(c, embed, i8) : CHECK_BEGIN(c, embed, bf16))) continue;
    if (c->bench) {
      bench_embed(c, type, 64, "64x4096");
      bench_embed(c, type, 1, "1x4096");
    }
    for (size_t cols = 1; cols <= 50; ++cols) case_embed(c, type, 1 + check_below(c, 5), cols);
    check_end(c);
  }
}
