/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/ops/checkkern/check.h"

typedef struct rope_job {
  bnc_rope_args args;
  size_t rows;
} rope_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const rope_job *j = job;
  kernels->rope.f32(&j->args, 0, j->rows);
}

static void run_case(check *c, size_t rows, size_t heads, size_t d, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  const size_t position = check_below(c, 5), cols = heads * d, half = d / 2;
  tensor cosine = tensor_make(position + rows, half, half, 4, side), sine = tensor_make(position + rows, half, half, 4, side), x[2];
  double *expected = malloc(rows * cols * sizeof *expected);
  for (size_t i = 0; i < (position + rows) * half; ++i) {
    const double angle = (double)(i / half) * pow(500000.0, -2.0 * (double)(i % half) / (double)d);
    ((float *)cosine.data)[i] = (float)cos(angle);
    ((float *)sine.data)[i] = (float)sin(angle);
  }
  tensor_protect(&cosine);
  tensor_protect(&sine);
  x[0] = tensor_make(rows, cols, cols + check_below(c, 9), 4, side);
  check_fill(c, &x[0], 1.0f, edges);
  x[1] = tensor_copy(&x[0]);
  for (size_t i = 0; i < rows * cols; ++i) {
    const size_t row = i / cols, e = i % d, pair = e < half ? e + half : e - half, t = (position + row) * half + e % half;
    const float *in = (float *)x[0].data + row * x[0].stride + i % cols - e;
    expected[i] =
        (double)in[e] * (double)((float *)cosine.data)[t] + (e < half ? -1 : 1) * (double)in[pair] * (double)((float *)sine.data)[t];
  }
  for (int i = 0; i < 2; ++i) {
    const bnc_rope_args a = {heads, d, x[i].data, x[i].stride, cosine.data, sine.data, position};
    if (i) {
      c->scalar.rope.f32(&a, 0, rows);
    } else {
      const size_t cut = check_below(c, rows + 1);
      c->test.rope.f32(&a, cut, rows);
      c->test.rope.f32(&a, 0, cut);
    }
  }
  check_equal(c, &x[0], &x[1], true, "x");
  if (check_is_scalar(c) && !edges) check_near(c, &x[0], expected, 6e-7, 2e-7, "x");
  free(expected);
  tensor_free(&x[0]);
  tensor_free(&x[1]);
  tensor_free(&cosine);
  tensor_free(&sine);
}

void check_rope(check *c) {
  if (!CHECK_BEGIN(c, rope, f32)) return;
  if (c->bench) {
    tensor x = tensor_make(640, 4096, 4096, 4, SIDE_START), t = tensor_make(640, 64, 64, 4, SIDE_START);
    check_fill(c, &x, 1, 0);
    check_fill(c, &t, 0.5f, 0);
    const rope_job jobs[] = {{{32, 128, x.data, 4096, t.data, t.data, 0}, 640}, {{32, 128, x.data, 4096, t.data, t.data, 0}, 1}};
    static const char *const shapes[] = {"640x32x128", "1x32x128"};
    for (int i = 0; i < 2; ++i) {
      const double n = (double)(jobs[i].rows * 4096);
      const bench_job b = {shapes[i], run_job, &jobs[i], n * 8, n * 3, BENCH_SLOTS(c, rope, f32)};
      bench_run(c, &b);
    }
    tensor_free(&x);
    tensor_free(&t);
  }
  for (size_t d = 2; d <= 70; d += 2) {
    run_case(c, 1 + check_below(c, 4), 1 + check_below(c, 3), d, 0);
    run_case(c, 2, 2, d, EDGE_FINITE | EDGE_INFINITE | EDGE_NAN);
  }
  run_case(c, 3, 8, 128, 0);
  check_end(c);
}
