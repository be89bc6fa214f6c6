/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "ops/matmul/matmul_f32.h"
#include "tests/ops/checkkern/check.h"

typedef struct f32_fixture {
  tensor w, bias, x;
  bnc_matmul_f32_args args;
} f32_fixture;

static f32_fixture make(check *c, size_t rows, size_t k, size_t n, unsigned edges, tensor_side side) {
  f32_fixture f;
  f.w = tensor_make(n, k, k, 4, side);
  f.bias = tensor_make(1, n, n, 4, side);
  f.x = tensor_make(rows, k, k + check_below(c, 20), 4, side);
  check_fill(c, &f.w, 0.1f, edges);
  check_fill(c, &f.bias, 1.0f, 0);
  check_fill(c, &f.x, 1.0f, edges);
  tensor_protect(&f.w);
  tensor_protect(&f.x);
  f.args = (bnc_matmul_f32_args){
      .rows = rows, .k = k, .n = n, .w = f.w.data, .bias = check_below(c, 2) ? f.bias.data : NULL, .x = f.x.data, .x_stride = f.x.stride};
  return f;
}

static void release(f32_fixture *f) {
  tensor_free(&f->w);
  tensor_free(&f->bias);
  tensor_free(&f->x);
}

/* A product and its sum are rounded once per step of a lane, then four halvings and the bias. */
static void check_oracle(check *c, const f32_fixture *f, const tensor *y) {
  const bnc_matmul_f32_args *a = &f->args;
  double *expected = malloc(a->rows * a->n * sizeof *expected), bound = 0;
  for (size_t row = 0; row < a->rows; ++row)
    for (size_t n = 0; n < a->n; ++n) {
      double sum = a->bias ? (double)a->bias[n] : 0, size = fabs(sum);
      for (size_t k = 0; k < a->k; ++k) {
        const double product = (double)a->x[row * a->x_stride + k] * (double)a->w[n * a->k + k];
        sum += product;
        size += fabs(product);
      }
      expected[row * a->n + n] = sum;
      bound = fmax(bound, size * 0x1p-24 * ((double)(a->k / BNC_F32_LANES) + 6));
    }
  check_near(c, y, expected, bound, 0, "y");
  free(expected);
}

static void run_case(check *c, size_t rows, size_t k, size_t n, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  f32_fixture f = make(c, rows, k, n, edges, side);
  const size_t items = bnc_matmul_f32_items(n);
  tensor y[2];
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, n, n + 3, 4, side);
    f.args.y = y[i].data;
    f.args.y_stride = n + 3;
    if (i) {
      c->scalar.matmul.f32(&f.args, 0, items);
    } else {
      const size_t cut = check_below(c, items + 1);
      c->test.matmul.f32(&f.args, cut, items);
      c->test.matmul.f32(&f.args, 0, cut);
    }
  }
  check_equal(c, &y[0], &y[1], true, "y");
  if (check_is_scalar(c) && !edges) check_oracle(c, &f, &y[0]);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  release(&f);
}

static void run_job(const void *job, const bnc_kernels *kernels) {
  const bnc_matmul_f32_args *args = job;
  kernels->matmul.f32(args, 0, bnc_matmul_f32_items(args->n));
}

static void bench_shape(check *c, size_t rows, size_t k, size_t n, const char *shape) {
  f32_fixture f = make(c, rows, k, n, 0, SIDE_START);
  tensor y = tensor_make(rows, n, n, 4, SIDE_START);
  f.args.y = y.data;
  f.args.y_stride = n;
  const bench_job b = {.shape = shape,
                       .run = run_job,
                       .job = &f.args,
                       .bytes = 4.0 * ((double)n * (double)k + (double)(rows * (k + n))),
                       .flops = 2.0 * (double)rows * (double)k * (double)n,
                       .slots = BENCH_SLOTS(c, matmul, f32)};
  bench_run(c, &b);
  tensor_free(&y);
  release(&f);
}

void check_matmul_f32(check *c) {
  if (!CHECK_BEGIN(c, matmul, f32)) return;
  if (c->bench) {
    bench_shape(c, 577, 1024, 1024, "577x1024x1024");
    bench_shape(c, 64, 4096, 1024, "64x4096x1024");
    bench_shape(c, 1, 4096, 4096, "1x4096x4096");
  }
  for (size_t rows = 1; rows <= 9; ++rows) run_case(c, rows, 1 + check_below(c, 130), 1 + check_below(c, 40), 0);
  for (size_t k = 1; k <= 34; ++k) run_case(c, 1 + check_below(c, 9), k, 1 + check_below(c, 19), 0);
  for (size_t n = 1; n <= (c->quick ? 18u : 70u); ++n) run_case(c, 1 + check_below(c, 9), 1 + check_below(c, 70), n, 0);
  for (size_t i = 0; i < 8; ++i) run_case(c, 5, 37, 9, EDGE_FINITE | EDGE_INFINITE | EDGE_NAN);
  run_case(c, 6, 1025, 131, 0);
  check_end(c);
}
