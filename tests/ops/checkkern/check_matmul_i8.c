/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ops/matmul/matmul_i8.h"
#include "tests/ops/checkkern/int_matmul.h"

typedef struct i8_fixture {
  tensor w, scale, bias, q, params, scratch;
  bnc_matmul_i8_args args;
} i8_fixture;

typedef enum values { RANDOM, LARGEST } values;

/* LARGEST: factors at the ends of their ranges, so that every sum is as large as it can be. */
static i8_fixture make(check *c, size_t rows, size_t k, size_t n, values kind, tensor_side side) {
  i8_fixture f;
  f.w = tensor_make(n, k, k, 1, side);
  f.scale = tensor_make(1, n, n, 4, side);
  f.bias = tensor_make(1, n, n, 4, side);
  f.q = tensor_make(rows, k, k + check_below(c, 40), 1, side);
  f.params = tensor_make(rows, 2, 2, 4, side);
  f.scratch = tensor_make(1, BNC_MATMUL_SCRATCH, BNC_MATMUL_SCRATCH, 1, SIDE_START);
  for (size_t i = 0; i < n * k; ++i) ((int8_t *)f.w.data)[i] = kind == LARGEST ? (int8_t)(i / k % 3 ? -128 : 127) : (int8_t)check_random(c);
  for (size_t row = 0; row < rows; ++row) {
    const int32_t zero = kind == LARGEST     ? (row % 2 ? 127 : -128)
                         : check_below(c, 4) ? (int32_t)check_below(c, 256) - 128
                         : check_below(c, 2) ? 127
                                             : -128;
    ((bnc_qd8_params *)f.params.data)[row] = (bnc_qd8_params){zero, 0.001f + 0.0001f * (float)check_below(c, 500)};
    for (size_t i = 0; i < k; ++i)
      ((int8_t *)f.q.data)[row * f.q.stride + i] = kind == LARGEST ? (row % 2 ? -128 : 127) : (int8_t)check_random(c);
  }
  check_fill(c, &f.scale, 0.01f, 0);
  check_fill(c, &f.bias, 1.0f, 0);
  tensor_protect(&f.w);
  tensor_protect(&f.q);
  f.args = (bnc_matmul_i8_args){.rows = rows,
                                .k = k,
                                .n = n,
                                .w = f.w.data,
                                .scale = f.scale.data,
                                .bias = check_below(c, 2) ? f.bias.data : NULL,
                                .q = f.q.data,
                                .params = f.params.data,
                                .q_stride = f.q.stride};
  return f;
}

static void release(i8_fixture *f) {
  tensor *all[] = {&f->w, &f->scale, &f->bias, &f->q, &f->params, &f->scratch};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

static int value_of(const void *fixture, size_t n, size_t k) {
  const bnc_matmul_i8_args *a = &((const i8_fixture *)fixture)->args;
  return a->w[n * a->k + k];
}

static void run_items(const bnc_kernels *kernels, const void *args, size_t from, size_t until, void *scratch) {
  kernels->matmul.i8(args, from, until, scratch);
}

static void run_case(check *c, size_t rows, size_t k, size_t n, values kind) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  i8_fixture f = make(c, rows, k, n, kind, side);
  const int_matmul m = {&f.args, &f.args, run_items, &f.scratch, value_of, &f};
  check_int_matmul(c, &m, side);
  release(&f);
}

/* w laid out beforehand, as scalar lays it out, gives the same y, and nothing reads w then. */
static void laid_case(check *c, size_t rows, size_t k, size_t n) {
  const size_t bytes = bnc_matmul_laid_bytes(BNC_CPU_AMX, rows, k, n), items = bnc_matmul_i8_items(n), cut = check_below(c, items + 1);
  i8_fixture f = make(c, rows, k, n, RANDOM, SIDE_END);
  tensor laid[2];
  for (int i = 0; i < 2; ++i) {
    laid[i] = tensor_make(1, bytes, bytes, 1, SIDE_START);
    const bnc_matmul_lay_args args = {.k = k, .n = n, .w = f.w.data, .laid = laid[i].data};
    (i ? &c->scalar : &c->test)->matmul.lay(&args, cut, items);
    (i ? &c->scalar : &c->test)->matmul.lay(&args, 0, cut);
    if (tensor_damage(&laid[i])) check_failed(c, "laid out: %s", tensor_damage(&laid[i]));
  }
  if (memcmp(laid[0].data, laid[1].data, bytes) != 0) check_failed(c, "%zu x %zu: not laid out as scalar does", n, k);
  if (bnc_matmul_laid_bytes(c->test.level, rows, k, n)) {
    const size_t room = bnc_matmul_tiles_bytes(c->test.level, rows, k);
    tensor y[2], tiles = tensor_make(1, room, room, 1, SIDE_END);
    f.args.tiles = tiles.data;
    c->test.matmul.tiles(&f.args, 0, bnc_matmul_tiles_blocks(rows));
    for (int i = 0; i < 2; ++i) {
      y[i] = tensor_make(rows, n, n + 3, 4, SIDE_END);
      f.args.y = y[i].data;
      f.args.y_stride = n + 3;
      if (i) f.args.laid = laid[0].data;
      if (i) f.args.w = NULL;
      c->test.matmul.i8(&f.args, cut, items, f.scratch.data);
      c->test.matmul.i8(&f.args, 0, cut, f.scratch.data);
    }
    check_equal(c, &y[1], &y[0], true, "y of w laid out");
    for (int i = 0; i < 2; ++i) tensor_free(&y[i]);
    tensor_free(&tiles);
  }
  check_passed(c);
  for (int i = 0; i < 2; ++i) tensor_free(&laid[i]);
  release(&f);
}

typedef struct i8_job {
  bnc_matmul_i8_args args;
  void *scratch;
} i8_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const i8_job *j = job;
  if (bnc_matmul_tiles_bytes(kernels->level, j->args.rows, j->args.k))
    kernels->matmul.tiles(&j->args, 0, bnc_matmul_tiles_blocks(j->args.rows));
  kernels->matmul.i8(&j->args, 0, bnc_matmul_i8_items(j->args.n), j->scratch);
}

static void bench_shape(check *c, size_t rows, size_t k, size_t n, const char *shape) {
  i8_fixture f = make(c, rows, k, n, RANDOM, SIDE_START);
  tensor y = tensor_make(rows, n, n, 4, SIDE_START);
  f.args.y = y.data;
  f.args.y_stride = n;
  const size_t bytes = bnc_matmul_tiles_bytes(c->test.level, rows, k);
  if (bytes) f.args.tiles = malloc(bytes);
  const i8_job job = {f.args, f.scratch.data};
  const bench_job b = {.shape = shape,
                       .run = run_job,
                       .job = &job,
                       .bytes = (double)n * (double)k + (double)(rows * (k + 4 * n)),
                       .flops = 2.0 * (double)rows * (double)k * (double)n,
                       .slots = BENCH_SLOTS(c, matmul, i8)};
  bench_run(c, &b);
  free(f.args.tiles);
  tensor_free(&y);
  release(&f);
}

/* Against a layout by the header's formula, counted the other way round: from the places to what lies there. */
static void tiles_case(check *c, size_t rows, size_t k) {
  const size_t padded = bnc_matmul_tiles_blocks(rows) * BNC_TILES_ROWS, bytes = bnc_matmul_tiles_room(rows, k);
  tensor q = tensor_make(rows, k, k + check_below(c, 40), 1, SIDE_END), out = tensor_make(1, bytes, bytes, 1, SIDE_END);
  for (size_t i = 0; i < rows * k; ++i) ((int8_t *)q.data)[i / k * q.stride + i % k] = (int8_t)check_random(c);
  tensor_protect(&q);
  const bnc_matmul_i8_args args = {.rows = rows, .k = k, .q = q.data, .q_stride = q.stride, .tiles = out.data};
  const size_t blocks = bnc_matmul_tiles_blocks(rows), cut = check_below(c, blocks);
  bnc_matmul_i8_args behind = args; /* rows from a block on may lie elsewhere */
  behind.first = cut * BNC_TILES_ROWS;
  behind.q += behind.first * q.stride;
  c->test.matmul.tiles(&behind, cut, blocks);
  c->test.matmul.tiles(&args, 0, cut);
  for (size_t i = 0, part = 0; i < bytes; ++i) {
    const size_t depth = k - part < BNC_TILES_DEPTH ? k - part : BNC_TILES_DEPTH, steps = (depth + BNC_TILES_STEP - 1) / BNC_TILES_STEP;
    const size_t at = i - part * padded, line = at / BNC_TILES_STEP, step = line / BNC_TILES_ROWS % steps;
    const size_t row = line / BNC_TILES_ROWS / steps * BNC_TILES_ROWS + line % BNC_TILES_ROWS;
    const size_t column = part + step * BNC_TILES_STEP + at % BNC_TILES_STEP;
    const int8_t expected = row < rows && column < k ? ((const int8_t *)q.data)[row * q.stride + column] : 0;
    if (row < rows && args.tiles[i] != expected)
      check_failed(c, "%zu x %zu: byte %zu: %d, expected %d", rows, k, i, args.tiles[i], expected);
    if (at + 1 == padded * steps * BNC_TILES_STEP) part += BNC_TILES_DEPTH;
  }
  if (tensor_damage(&out)) check_failed(c, "tiles: %s", tensor_damage(&out));
  check_passed(c);
  tensor_free(&q);
  tensor_free(&out);
}

void check_matmul_i8(check *c) {
  if (CHECK_BEGIN(c, matmul, tiles)) {
    for (size_t k = 1; k < 200; k += 1 + check_below(c, 30)) tiles_case(c, 12 + check_below(c, 60), k);
    tiles_case(c, 33, 1024);
    tiles_case(c, 12, 2048 + check_below(c, 100));
    check_end(c);
  }
  if (CHECK_BEGIN(c, matmul, lay)) {
    laid_case(c, 64, 64, 64);
    for (size_t i = 0; i < 4; ++i) laid_case(c, 65 + check_below(c, 60), 1 + check_below(c, 200), 1 + check_below(c, 200));
    laid_case(c, 80, 2048 + check_below(c, 200), 300);
    if (!c->quick) laid_case(c, 331, 4160, 200);
    if (!c->quick) laid_case(c, 700, 1024, 96); /* more rows than go at once */
    check_end(c);
  }
  if (!CHECK_BEGIN(c, matmul, i8)) return;
  c->int8 = true;
  if (c->bench) {
    bench_shape(c, 577, 1024, 1024, "577x1024x1024");
    bench_shape(c, 577, 1024, 4096, "577x1024x4096");
    bench_shape(c, 577, 4096, 1024, "577x4096x1024");
    bench_shape(c, 64, 4096, 1024, "64x4096x1024");
    bench_shape(c, 1, 4096, 14336, "1x4096x14336");
    bench_shape(c, 4, 4096, 4096, "4x4096x4096");
  }
  for (size_t rows = 1; rows <= 14; ++rows) run_case(c, rows, 1 + check_below(c, 130), 1 + check_below(c, 40), RANDOM);
  for (size_t k = 1; k <= (c->quick ? 34u : 70u); ++k) run_case(c, 1 + check_below(c, 9), k, 1 + check_below(c, 19), RANDOM);
  for (size_t n = 1; n <= (c->quick ? 18u : 70u); ++n) run_case(c, 1 + check_below(c, 9), 1 + check_below(c, 70), n, RANDOM);
  run_case(c, 8, 1024, 17, LARGEST); /* k: one part, several, one and a tail */
  run_case(c, 7, 2048, 65, RANDOM);
  run_case(c, 13, 1025, 3, LARGEST);
  run_case(c, 2, 1055, 5, LARGEST);
  run_case(c, 3, 14336, 9, LARGEST);
  run_case(c, 7, 14336, 9, LARGEST);
  run_case(c, 7, 3100, 129, RANDOM);
  run_case(c, 23, 4099, 70, LARGEST);
  run_case(c, 2, BNC_I8_MAX_DEPTH, 2, LARGEST);
  /* Blocks of rows, whole and not, by one slab and several, of which the last may be narrow. */
  run_case(c, 16 + check_below(c, 60), 64 + check_below(c, 200), 33 + check_below(c, 100), RANDOM);
  run_case(c, 65, 1100 + check_below(c, 90), 97, LARGEST);
  if (!c->quick) {
    for (size_t i = 0; i < 6; ++i) run_case(c, 20 + check_below(c, 90), 1 + check_below(c, 1500), 1 + check_below(c, 150), RANDOM);
    run_case(c, 331, 4160, 200, RANDOM); /* more activations than the second cache */
    run_case(c, 4133, 5, 3, RANDOM);     /* more rows than a kernel may keep sums of */
  }
  check_end(c);
}
