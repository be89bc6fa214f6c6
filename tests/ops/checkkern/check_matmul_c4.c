/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ops/matmul/matmul_c4.h"
#include "tests/ops/checkkern/int_matmul.h"

/* Random nibbles and steps, by rows and packed, with the activations of `rows` rows. */
typedef struct c4_fixture {
  tensor source, steps; /* [n, k / 2], [n, k / 16] */
  tensor panels, totals, scale, bias, q, params, scratch;
  bnc_matmul_c4_args args;
} c4_fixture;

static int value_of(const void *fixture, size_t n, size_t k) {
  const c4_fixture *f = fixture;
  const size_t depth = f->args.to.k;
  const int u = ((uint8_t *)f->source.data)[n * depth / 2 + k / 2] >> (k % 2 ? 4 : 0) & 15;
  return (u - 8) * ((uint8_t *)f->steps.data)[n * depth / BNC_C4_GROUP + k / BNC_C4_GROUP];
}

/* What was packed is there again, and its sums are right. */
static void check_pack(check *c, const c4_fixture *f) {
  const size_t k = f->args.to.k, n = f->args.to.n;
  int8_t *values = malloc(n * k);
  bnc_matmul_c4_expand(n, k, f->args.panels, values);
  for (size_t i = 0; i < n; ++i) {
    int32_t total = 0;
    for (size_t j = 0; j < k; ++j) {
      total += value_of(f, i, j);
      if (values[i * k + j] != value_of(f, i, j)) check_failed(c, "%zu x %zu: value %zu of column %zu is another once packed", n, k, j, i);
    }
    if (f->args.totals[i] != total)
      check_failed(c, "%zu x %zu: the total of column %zu is %d, expected %d", n, k, i, f->args.totals[i], total);
  }
  free(values);
}

/* extreme: factors at the ends of their ranges, so that every sum is as large as it can be. */
static c4_fixture make(check *c, size_t rows, size_t k, size_t n, bool extreme, tensor_side side) {
  const size_t panels = bnc_c4_panels(n);
  c4_fixture f;
  f.source = tensor_make(n, k / 2, k / 2, 1, side);
  f.steps = tensor_make(n, k / BNC_C4_GROUP, k / BNC_C4_GROUP, 1, side);
  f.panels = tensor_make(panels, bnc_c4_panel_bytes(k), bnc_c4_panel_bytes(k), 1, side);
  f.totals = tensor_make(1, panels * 8, panels * 8, 4, side);
  f.scale = tensor_make(1, n, n, 4, side);
  f.bias = tensor_make(1, n, n, 4, side);
  f.q = tensor_make(rows, k, k + check_below(c, 40), 1, side);
  f.params = tensor_make(rows, 2, 2, 4, side);
  f.scratch = tensor_make(1, BNC_MATMUL_SCRATCH, BNC_MATMUL_SCRATCH, 1, SIDE_START);
  for (size_t i = 0; i < n * k / 2; ++i) ((uint8_t *)f.source.data)[i] = extreme ? (i / k % 2 ? 0xff : 0) : (uint8_t)check_random(c);
  for (size_t i = 0; i < n * k / BNC_C4_GROUP; ++i) ((uint8_t *)f.steps.data)[i] = extreme ? 16 : (uint8_t)(1 + check_below(c, 16));
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < k; ++i) ((int8_t *)f.q.data)[row * f.q.stride + i] = extreme ? (row % 2 ? 127 : -128) : (int8_t)check_random(c);
    const int32_t zero = extreme ? (row % 2 ? -128 : 127) : (int32_t)check_below(c, 256) - 128;
    ((bnc_qd8_params *)f.params.data)[row] = (bnc_qd8_params){zero, 0.001f + 0.0001f * (float)check_below(c, 500)};
  }
  check_fill(c, &f.scale, 0.01f, 0);
  check_fill(c, &f.bias, 1.0f, 0);
  bnc_matmul_c4_pack(n, k, f.source.data, f.steps.data, f.panels.data, f.totals.data, 0, panels);
  tensor_protect(&f.panels);
  tensor_protect(&f.q);
  const bnc_matmul_i8_args to = {.rows = rows,
                                 .k = k,
                                 .n = n,
                                 .scale = f.scale.data,
                                 .bias = check_below(c, 2) ? f.bias.data : NULL,
                                 .q = f.q.data,
                                 .params = f.params.data,
                                 .q_stride = f.q.stride};
  f.args = (bnc_matmul_c4_args){to, f.panels.data, f.totals.data};
  check_pack(c, &f);
  return f;
}

static void release(c4_fixture *f) {
  tensor *all[] = {&f->source, &f->steps, &f->panels, &f->totals, &f->scale, &f->bias, &f->q, &f->params, &f->scratch};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

static void run_items(const bnc_kernels *kernels, const void *args, size_t from, size_t until, void *scratch) {
  kernels->matmul.c4(args, from, until, scratch);
}

static void run_case(check *c, size_t rows, size_t k, size_t n, bool extreme) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  c4_fixture f = make(c, rows, k, n, extreme, side);
  const int_matmul m = {&f.args.to, &f.args, run_items, &f.scratch, value_of, &f};
  check_int_matmul(c, &m, side);
  release(&f);
}

typedef struct c4_job {
  bnc_matmul_c4_args args;
  void *scratch;
} c4_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const c4_job *j = job;
  if (bnc_matmul_tiles_bytes(kernels->level, j->args.to.rows, j->args.to.k))
    kernels->matmul.tiles(&j->args.to, 0, bnc_matmul_tiles_blocks(j->args.to.rows));
  kernels->matmul.c4(&j->args, 0, bnc_matmul_i8_items(j->args.to.n), j->scratch);
}

static void bench_shape(check *c, size_t rows, size_t k, size_t n, const char *shape) {
  c4_fixture f = make(c, rows, k, n, false, SIDE_START);
  tensor y = tensor_make(rows, n, n, 4, SIDE_START);
  f.args.to.y = y.data;
  f.args.to.y_stride = n;
  const size_t bytes = bnc_matmul_tiles_bytes(c->test.level, rows, k);
  if (bytes) f.args.to.tiles = malloc(bytes);
  const c4_job job = {f.args, f.scratch.data};
  const bench_job b = {.shape = shape,
                       .run = run_job,
                       .job = &job,
                       .bytes = (double)n * (double)k * 4.25 / 8 + (double)(rows * (k + 4 * n)),
                       .flops = 2.0 * (double)rows * (double)k * (double)n,
                       .slots = BENCH_SLOTS(c, matmul, c4)};
  bench_run(c, &b);
  free(f.args.to.tiles);
  tensor_free(&y);
  release(&f);
}

/* Rows of the same panels, as embeddings. */
static void embed_case(check *c, size_t rows, size_t cols) {
  enum { WORDS = 21 };
  c4_fixture f = make(c, 1, cols, WORDS, false, SIDE_END);
  int32_t *ids = malloc(rows * sizeof *ids);
  double *expected = malloc(rows * cols * sizeof *expected);
  tensor y[2];
  for (size_t row = 0; row < rows; ++row) {
    ids[row] = (int32_t)check_below(c, WORDS);
    for (size_t i = 0; i < cols; ++i)
      expected[row * cols + i] = (double)((float)value_of(&f, (size_t)ids[row], i) * ((float *)f.scale.data)[ids[row]]);
  }
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, cols, cols + 3, 4, SIDE_END);
    const bnc_embed_args a = {cols, f.panels.data, f.scale.data, ids, y[i].data, cols + 3};
    (i ? c->scalar : c->test).embed.c4(&a, 0, rows);
  }
  check_equal(c, &y[0], &y[1], true, "embeddings");
  if (check_is_scalar(c)) check_near(c, &y[0], expected, 0, 0, "embeddings");
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  free(ids);
  free(expected);
  release(&f);
}

void check_matmul_c4(check *c) {
  if (CHECK_BEGIN(c, embed, c4)) {
    for (size_t cols = 32; cols <= 320; cols += 32) embed_case(c, 1 + check_below(c, 5), cols);
    check_end(c);
  }
  if (!CHECK_BEGIN(c, matmul, c4)) return;
  c->int8 = true;
  if (c->bench) {
    bench_shape(c, 1, 4096, 14336, "1x4096x14336");
    bench_shape(c, 4, 4096, 4096, "4x4096x4096");
    bench_shape(c, 16, 4096, 4096, "16x4096x4096");
    bench_shape(c, 640, 4096, 4096, "640x4096x4096");
  }
  for (size_t rows = 1; rows <= 26; ++rows) run_case(c, rows, 32 * (1 + check_below(c, 5)), 1 + check_below(c, 70), rows % 5 == 0);
  for (size_t n = 1; n <= (c->quick ? 18u : 70u); ++n) run_case(c, 1 + check_below(c, 15), 32 * (1 + check_below(c, 3)), n, false);
  run_case(c, 1, 2080, 24, true); /* k: several parts and a rest */
  run_case(c, 3, 1056, 70, true);
  run_case(c, 14, 2080, 129, true);
  run_case(c, 14, 4128, 129, true);
  run_case(c, 13, 1088, 40, false);
  run_case(c, 16 + check_below(c, 60), 32 * (1 + check_below(c, 10)), 33 + check_below(c, 100), false); /* blocks of rows, several slabs */
  run_case(c, 65, 1120, 97, true);
  if (!c->quick) run_case(c, 331, 4128, 200, false);
  run_case(c, 1030, 64, 17, false);                 /* more rows than a call prepares at once */
  if (!c->quick) run_case(c, 122885, 32, 8, false); /* than a scratch has sums of */
  check_end(c);
}
