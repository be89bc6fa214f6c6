/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/ops/checkkern/check.h"

typedef struct hadamard_job {
  bnc_hadamard_args args;
  size_t rows;
} hadamard_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const hadamard_job *j = job;
  kernels->hadamard.f32(&j->args, 0, j->rows);
}

/* Entry (i, j) of the whole matrix, from its definition. */
static double entry(size_t i, size_t j, size_t block, size_t mixed) {
  const double sign = __builtin_popcountll((unsigned long long)(i % block & j % block)) % 2 ? -1 : 1;
  const double angle = 2 * M_PI * (double)((i / block) * (j / block)) / (double)mixed;
  if (mixed == 1) return i / block == j / block ? sign / sqrt((double)block) : 0;
  return sign * (cos(angle) + sin(angle)) / sqrt((double)(block * mixed));
}

static void check_oracle(check *c, const tensor *x, const tensor *y, size_t mixed) {
  const size_t cols = y->cols, block = bnc_hadamard_block(cols);
  double *expected = calloc(y->rows * cols, sizeof *expected), largest = 0;
  for (size_t r = 0; r < y->rows; ++r)
    for (size_t j = 0; j < cols; ++j) {
      const double v = (double)((float *)x->data)[r * x->stride + j];
      largest = fabs(v) > largest ? fabs(v) : largest;
      for (size_t i = 0; i < cols; ++i) expected[r * cols + i] += entry(i, j, block, mixed) * v;
    }
  /* log2 of the columns roundings, and as many as there are blocks, each half a unit of a sum below sqrt(2 cols) times the largest. */
  const double steps = log2((double)block) + (double)mixed + 2;
  check_near(c, y, expected, steps * ldexp(1, -24) * sqrt(2 * (double)cols) * largest, 0, "y");
  free(expected);
}

/* mixed: 1, or as many as there are blocks; in_place: y is x. */
static void run_case(check *c, size_t rows, size_t cols, size_t mixed, bool in_place, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  tensor x = tensor_make(rows, cols, cols + check_below(c, 9), 4, side), mix = tensor_make(mixed, mixed, mixed, 4, side), y[2];
  check_fill(c, &x, 1.0f, edges);
  bnc_hadamard_mix(cols, mixed, mix.data);
  tensor_protect(&x);
  tensor_protect(&mix);
  for (int i = 0; i < 2; ++i) {
    y[i] = in_place ? tensor_copy(&x) : tensor_make(rows, cols, cols + 3, 4, side);
    const float *in = in_place ? y[i].data : x.data;
    const bnc_hadamard_args a = {cols, mixed, mix.data, in, y[i].data, x.stride, y[i].stride};
    if (i) {
      c->scalar.hadamard.f32(&a, 0, rows);
    } else {
      const size_t cut = check_below(c, rows + 1);
      c->test.hadamard.f32(&a, cut, rows);
      c->test.hadamard.f32(&a, 0, cut);
    }
  }
  check_equal(c, &y[0], &y[1], true, "y");
  if (check_is_scalar(c) && !edges) check_oracle(c, &x, &y[0], mixed);
  tensor_free(&x);
  tensor_free(&mix);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
}

static void bench_shape(check *c, size_t rows, size_t cols, const char *shape) {
  const size_t mixed = bnc_hadamard_mixed(cols);
  tensor x = tensor_make(rows, cols, cols, 4, SIDE_START), mix = tensor_make(mixed, mixed, mixed, 4, SIDE_START);
  check_fill(c, &x, 1, 0);
  bnc_hadamard_mix(cols, mixed, mix.data);
  const hadamard_job job = {{cols, mixed, mix.data, x.data, x.data, cols, cols}, rows};
  const double n = (double)(rows * cols);
  const bench_job b = {
      shape, run_job, &job, n * 8, n * (log2((double)bnc_hadamard_block(cols)) + 12 + 2 * (double)mixed), BENCH_SLOTS(c, hadamard, f32)};
  bench_run(c, &b);
  tensor_free(&x);
  tensor_free(&mix);
}

void check_hadamard(check *c) {
  static const size_t sizes[] = {16, 32, 48, 64, 80, 96, 128, 176, 256, 448, 512, 576, 688, 1008, 1536};
  if (!CHECK_BEGIN(c, hadamard, f32)) return;
  if (c->bench) {
    bench_shape(c, 640, 14336, "640x14336");
    bench_shape(c, 1, 14336, "1x14336");
    bench_shape(c, 1, 1536, "1x1536");
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    const size_t cols = sizes[i], mixed = cols / bnc_hadamard_block(cols);
    run_case(c, 1 + check_below(c, 3), cols, mixed, false, 0);
    run_case(c, 2, cols, 1, true, 0);
    run_case(c, 2, cols, mixed, true, EDGE_FINITE | EDGE_INFINITE | EDGE_NAN);
  }
  if (!c->quick) run_case(c, 2, 4096, 1, false, EDGE_FINITE);
  if (!c->quick) run_case(c, 2, 14336, 7, true, EDGE_FINITE);
  check_end(c);
}
