/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/ops/checkkern/check.h"

typedef struct quantize_job {
  bnc_quantize_args args;
  size_t rows;
} quantize_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const quantize_job *j = job;
  kernels->quantize.qd8(&j->args, 0, j->rows);
}

/* What a row must satisfy whatever the formula: each finite value within a step of its own (half a step but at the clamped ends), zero
 * exact. */
static void check_row(check *c, const float *x, const int8_t *q, size_t cols, bnc_qd8_params p) {
  float range = 0;
  for (size_t i = 0; i < cols; ++i) range = fmaxf(range, fabsf(x[i]));
  if (range > 0 && range < 0x1p-119f) { /* 255 / range overflows, in XNNPACK's formula too: step 0, so that products are 0 */
    check_passed(c);
    return;
  }
  if (p.zero_point < -128 || p.zero_point > 127 || !(p.scale > 0)) {
    check_failed(c, "zero point %d, scale %g", p.zero_point, (double)p.scale);
    return;
  }
  for (size_t i = 0; i < cols; ++i) {
    const double back = (double)(q[i] - p.zero_point) * (double)p.scale;
    if (fabs(back - (double)x[i]) > 1.0001 * (double)p.scale + 1e-30 || (x[i] == 0.0f && q[i] != p.zero_point)) {
      check_failed(c, "%.9g became %d: %.9g with step %.9g", (double)x[i], q[i], back, (double)p.scale);
      return;
    }
  }
  check_passed(c);
}

static void run_case(check *c, size_t rows, size_t cols, float scale, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  tensor x = tensor_make(rows, cols, cols + check_below(c, 9), 4, side), q[2], p[2];
  check_fill(c, &x, scale, edges);
  if (check_below(c, 4) == 0) { /* rows of one sign */
    for (size_t i = 0; i < cols; ++i) ((float *)x.data)[i] = fabsf(((float *)x.data)[i]);
  }
  tensor_protect(&x);
  for (int i = 0; i < 2; ++i) {
    q[i] = tensor_make(rows, cols, cols + 7, 1, side);
    p[i] = tensor_make(rows, 2, 2, 4, side);
    const bnc_quantize_args a = {cols, x.data, q[i].data, p[i].data, x.stride, cols + 7};
    if (i) {
      c->scalar.quantize.qd8(&a, 0, rows);
    } else {
      const size_t cut = check_below(c, rows + 1);
      c->test.quantize.qd8(&a, cut, rows);
      c->test.quantize.qd8(&a, 0, cut);
    }
  }
  check_equal(c, &q[0], &q[1], false, "int8");
  check_equal(c, &p[0], &p[1], false, "params");
  if (check_is_scalar(c) && !(edges & ~(unsigned)EDGE_FINITE)) {
    for (size_t row = 0; row < rows; ++row) {
      check_row(c, (float *)x.data + row * x.stride, (int8_t *)q[0].data + row * q[0].stride, cols, ((bnc_qd8_params *)p[0].data)[row]);
    }
  }
  tensor *all[] = {&x, &q[0], &q[1], &p[0], &p[1]};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

/* The cases that facts/xnnpack.md records of XNNPACK itself. */
static void check_known(check *c) {
  float x[3] = {0, 0, 0};
  int8_t q[3];
  bnc_qd8_params p;
  const bnc_quantize_args a = {3, x, q, &p, 3, 3};
  c->test.quantize.qd8(&a, 0, 1);
  if (p.zero_point != 127 || p.scale != 1.0f || q[0] != 127)
    check_failed(c, "a zero row: zero point %d, scale %g", p.zero_point, (double)p.scale);
  else
    check_passed(c);
  x[1] = NAN;
  x[2] = 3.0f;
  c->test.quantize.qd8(&a, 0, 1);
  if (q[1] != 127)
    check_failed(c, "NaN became %d", q[1]);
  else
    check_passed(c);
  x[1] = INFINITY;
  c->test.quantize.qd8(&a, 0, 1);
  if (!isinf(p.scale))
    check_failed(c, "an infinite row has scale %g", (double)p.scale);
  else
    check_passed(c);
}

void check_quantize(check *c) {
  if (!CHECK_BEGIN(c, quantize, qd8)) return;
  if (c->bench) {
    tensor x = tensor_make(577, 4096, 4096, 4, SIDE_START), q = tensor_make(577, 4096, 4096, 1, SIDE_START),
           p = tensor_make(577, 2, 2, 4, SIDE_START);
    check_fill(c, &x, 1, 0);
    const quantize_job jobs[] = {{{4096, x.data, q.data, p.data, 4096, 4096}, 577},
                                 {{1024, x.data, q.data, p.data, 1024, 1024}, 64},
                                 {{4096, x.data, q.data, p.data, 4096, 4096}, 1}};
    static const char *const shapes[] = {"577x4096", "64x1024", "1x4096"};
    for (int i = 0; i < 3; ++i) {
      const double n = (double)(jobs[i].rows * jobs[i].args.cols);
      const bench_job b = {shapes[i], run_job, &jobs[i], n * 5, n * 3, BENCH_SLOTS(c, quantize, qd8)};
      bench_run(c, &b);
    }
    tensor_free(&x);
    tensor_free(&q);
    tensor_free(&p);
  }
  for (size_t cols = 1; cols <= 67; ++cols) {
    run_case(c, 1 + check_below(c, 5), cols, 1.0f, 0);
    run_case(c, 2, cols, 1e-3f, EDGE_ZERO | EDGE_TINY);
    run_case(c, 2, cols, 1.0f, EDGE_FINITE);
    run_case(c, 2, cols, 1.0f, EDGE_INFINITE | EDGE_NAN);
#ifndef __arm__ /* NEON of ARMv7 flushes subnormal numbers to zero */
    run_case(c, 1, cols, 1e-42f, 0);
#endif
    run_case(c, 1, cols, 0.0f, 0);
  }
  for (size_t i = 0; i < 50; ++i) run_case(c, 3, 1 + check_below(c, 300), expf(8 * check_normal(c)), 0);
  run_case(c, 3, 4096, 1.0f, 0);
  check_known(c);
  check_end(c);
}
