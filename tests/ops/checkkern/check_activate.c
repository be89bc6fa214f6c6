/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tests/ops/checkkern/check.h"

typedef bnc_gelu_f32_fn activate_fn; /* the six kernels have one type */

enum { GELU, QUICK_GELU, SILU_MUL };

typedef struct activate_job {
  bnc_activate_args args;
  size_t rows;
  int slot;
} activate_job;

static activate_fn *slot_of(const bnc_kernels *k, int slot) {
  activate_fn *const slots[] = {k->activate.gelu_f32,       k->activate.gelu_qd8,     k->activate.quick_gelu_f32,
                                k->activate.quick_gelu_qd8, k->activate.silu_mul_f32, k->activate.silu_mul_qd8};
  return slots[slot];
}

static double oracle(int kind, double x, double up) {
  if (kind == GELU) return x > 0 ? x * (1 - 0.5 * erfc(x * M_SQRT1_2)) : x * 0.5 * erfc(-x * M_SQRT1_2);
  if (kind == QUICK_GELU) return x / (1 + exp(-(double)1.702f * x));
  return x / (1 + exp(-x)) * up;
}

#ifdef __arm__ /* NEON of ARMv7 flushes subnormal numbers to zero: a row of nothing greater may have another range there */
static void forget_flushed_rows(const check *c, const tensor *x, const tensor *q, const tensor *p) {
  for (size_t row = 0; row < x->rows && c->test.level >= BNC_CPU_NEON; ++row) {
    const float *values = (const float *)x->data + row * x->stride;
    float most = 0.0f;
    for (size_t i = 0; i < x->cols; ++i) most = fmaxf(most, fabsf(values[i]));
    if (most >= 0x1p-100f) continue;
    for (int i = 0; i < 2; ++i) {
      memset((int8_t *)q[i].data + row * q[i].stride, 0, x->cols);
      memset((bnc_qd8_params *)p[i].data + row, 0, sizeof(bnc_qd8_params));
    }
  }
}
#endif

static void run_case(check *c, int slot, size_t rows, size_t cols, float scale, unsigned edges) {
  const bool qd8 = slot % 2;
  const int kind = slot / 2;
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  tensor x[2], y[2], q[2], p[2], up = tensor_make(rows, cols, cols + check_below(c, 9), 4, side);
  x[0] = tensor_make(rows, cols, cols + check_below(c, 9), 4, side);
  check_fill(c, &x[0], scale, edges);
  check_fill(c, &up, 1.0f, edges & EDGE_FINITE);
  tensor_protect(&up);
  x[1] = tensor_copy(&x[0]);
  const tensor input = tensor_copy(&x[0]);
  if (!qd8) tensor_protect(&x[0]);
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, cols, cols + 2, 4, side);
    q[i] = tensor_make(rows, cols, cols + 7, 1, side);
    p[i] = tensor_make(rows, 2, 2, 4, side);
    const bnc_activate_args a = {cols, x[i].data, up.data, y[i].data, q[i].data, p[i].data, x[i].stride, up.stride, cols + 2, cols + 7};
    if (i) {
      slot_of(&c->scalar, slot)(&a, 0, rows);
    } else {
      const size_t cut = check_below(c, rows + 1);
      slot_of(&c->test, slot)(&a, cut, rows);
      slot_of(&c->test, slot)(&a, 0, cut);
    }
  }
#ifdef __arm__
  if (qd8) forget_flushed_rows(c, &x[1], q, p);
#endif
  if (qd8) {
    check_equal(c, &q[0], &q[1], false, "int8");
    check_equal(c, &p[0], &p[1], false, "params");
  } else {
    check_equal(c, &y[0], &y[1], true, "y");
  }
  if (check_is_scalar(c) && qd8) { /* fused equals activation, then quantise */
    const bnc_activate_args a = {cols, input.data, up.data, y[0].data, NULL, NULL, input.stride, up.stride, cols + 2, 0};
    slot_of(&c->scalar, slot - 1)(&a, 0, rows);
    const bnc_quantize_args z = {cols, y[0].data, q[1].data, p[1].data, cols + 2, cols + 7};
    c->scalar.quantize.qd8(&z, 0, rows);
    check_equal(c, &q[0], &q[1], false, "int8 against two steps");
    check_equal(c, &p[0], &p[1], false, "params against two steps");
  } else if (check_is_scalar(c)) {
    double *expected = malloc(rows * cols * sizeof *expected);
    for (size_t i = 0; i < rows * cols; ++i) {
      expected[i] = oracle(kind, (double)((float *)input.data)[i / cols * input.stride + i % cols],
                           (double)((float *)up.data)[i / cols * up.stride + i % cols]);
    }
    /* exp(-z) has relative error 2^-23 (1 + |z|): where it matters, z e^-z is at most a few units. */
    check_near(c, &y[0], expected, 2e-7, 6e-7, "y");
    free(expected);
  }
  tensor in = input;
  tensor *all[] = {&x[0], &x[1], &y[0], &y[1], &q[0], &q[1], &p[0], &p[1], &up, &in};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

static void run_job(const void *job, const bnc_kernels *kernels) {
  const activate_job *j = job;
  slot_of(kernels, j->slot)(&j->args, 0, j->rows);
}

static void bench_shape(check *c, int slot, size_t rows, size_t cols, const char *shape) {
  tensor x = tensor_make(rows, cols, cols, 4, SIDE_START), y = tensor_make(rows, cols, cols, 4, SIDE_START),
         q = tensor_make(rows, cols, cols, 1, SIDE_START);
  tensor p = tensor_make(rows, 2, 2, 4, SIDE_START);
  check_fill(c, &x, 1, 0);
  check_fill(c, &y, 1, 0);
  const activate_job job = {{cols, x.data, y.data, y.data, q.data, p.data, cols, cols, cols, cols}, rows, slot};
  const double n = (double)(rows * cols);
  const bench_job b = {
      shape,  run_job,
      &job,   n * ((slot % 2 ? 5 : 8) + (slot >= 4 ? 4 : 0)),
      n * 20, {(check_fn *)slot_of(&c->scalar, slot), (check_fn *)slot_of(&c->lower, slot), (check_fn *)slot_of(&c->test, slot)}};
  bench_run(c, &b);
  tensor_free(&x);
  tensor_free(&y);
  tensor_free(&q);
  tensor_free(&p);
}

void check_activate(check *c) {
  static const char *const names[] = {"activate.gelu_f32",       "activate.gelu_qd8",     "activate.quick_gelu_f32",
                                      "activate.quick_gelu_qd8", "activate.silu_mul_f32", "activate.silu_mul_qd8"};
  for (int slot = 0; slot < 6; ++slot) {
    if (!check_begin(c, names[slot], (check_fn *)slot_of(&c->test, slot), (check_fn *)slot_of(&c->lower, slot))) continue;
    if (c->bench) {
      bench_shape(c, slot, 577, 4096, slot / 2 == SILU_MUL ? "577x4096 halves" : "577x4096");
      bench_shape(c, slot, 1, 14336, "1x14336");
    }
    for (size_t cols = 1; cols <= 67; cols += c->quick ? 1 + check_below(c, 3) : 1) {
      run_case(c, slot, 1 + check_below(c, 5), cols, 1.0f, 0);
      run_case(c, slot, 2, cols, 3.0f, EDGE_FINITE);
      run_case(c, slot, 2, cols, 30.0f, EDGE_ZERO | EDGE_TINY);
      run_case(c, slot, 2, cols, 1.0f, EDGE_INFINITE | EDGE_NAN);
    }
    if (!c->quick) run_case(c, slot, 3, 4096, 2.0f, 0);
    if (!c->quick) run_case(c, slot, 2, 14336, 5.0f, 0);
    check_end(c);
  }
}
