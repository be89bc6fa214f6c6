/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/ops/checkkern/check.h"

typedef bnc_layer_norm_f32_fn norm_fn; /* the four kernels have one type */

typedef struct norm_case {
  size_t rows, cols;
  float scale;
  unsigned edges;
  bool add, beta;
} norm_case;

typedef struct norm_job {
  bnc_norm_args args;
  size_t rows;
  int slot;
} norm_job;

static norm_fn *slot_of(const bnc_kernels *k, int slot) {
  return slot == 0 ? k->norm.layer_f32 : slot == 1 ? k->norm.layer_qd8 : slot == 2 ? k->norm.rms_f32 : k->norm.rms_qd8;
}

/* f64, with the bound that follows from the f32 sums: eps times the terms of a lane times the row's largest term over its deviation. */
static void oracle(const norm_case *n, bool layer, const bnc_norm_args *a, double *y, double *bound) {
  *bound = 0;
  for (size_t row = 0; row < n->rows; ++row) {
    double mean = 0, var = 0, most = 0, gamma = 0;
    double *s = y + row * n->cols;
    for (size_t i = 0; i < n->cols; ++i) {
      s[i] = a->x[row * a->x_stride + i];
      if (a->add) s[i] = (double)((float)s[i] + a->add[row * a->add_stride + i]);
      mean += s[i];
      most = fmax(most, fabs(s[i]));
      gamma = fmax(gamma, fabs((double)a->gamma[i]));
    }
    mean = layer ? mean / (double)n->cols : 0;
    for (size_t i = 0; i < n->cols; ++i) var += (s[i] - mean) * (s[i] - mean);
    const double inverse = 1 / sqrt(var / (double)n->cols + (double)a->eps);
    for (size_t i = 0; i < n->cols; ++i) {
      s[i] = (s[i] - mean) * inverse * (double)a->gamma[i] + (layer && a->beta ? (double)a->beta[i] : 0);
    }
    *bound = fmax(*bound, 0x1p-24 * (8.0 + (double)n->cols / 32) * most * inverse * gamma);
  }
}

static void run_case(check *c, const norm_case *n, int slot) {
  const bool layer = slot < 2, qd8 = slot % 2;
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  tensor x = tensor_make(n->rows, n->cols, n->cols + check_below(c, 9), 4, side),
         add = tensor_make(n->rows, n->cols, n->cols + check_below(c, 9), 4, side);
  tensor gamma = tensor_make(1, n->cols, n->cols, 4, side), beta = tensor_make(1, n->cols, n->cols, 4, side);
  tensor sum[2], y[2], q[2], params[2];
  check_fill(c, &x, n->scale, n->edges);
  check_fill(c, &add, n->scale, 0);
  check_fill(c, &gamma, 1.0f, 0);
  check_fill(c, &beta, 1.0f, 0);
  for (int i = 0; i < 2; ++i) {
    sum[i] = tensor_make(n->rows, n->cols, n->cols + 3, 4, side);
    y[i] = tensor_make(n->rows, n->cols, n->cols + 1, 4, side);
    q[i] = tensor_make(n->rows, n->cols, n->cols + 5, 1, side);
    params[i] = tensor_make(n->rows, 2, 2, 4, side);
  }
  tensor_protect(&x);
  tensor_protect(&add);
  bnc_norm_args a = {.cols = n->cols,
                     .eps = 1e-5f,
                     .x = x.data,
                     .add = n->add ? add.data : NULL,
                     .gamma = gamma.data,
                     .beta = n->beta ? beta.data : NULL,
                     .x_stride = x.stride,
                     .add_stride = add.stride,
                     .sum_stride = n->cols + 3,
                     .y_stride = n->cols + 1,
                     .q_stride = n->cols + 5};
  const size_t cut = check_below(c, n->rows + 1);
  for (int i = 0; i < 2; ++i) {
    a.sum = sum[i].data;
    a.y = y[i].data;
    a.q = q[i].data;
    a.params = params[i].data;
    if (i) {
      slot_of(&c->scalar, slot)(&a, 0, n->rows);
    } else {
      slot_of(&c->test, slot)(&a, cut, n->rows);
      slot_of(&c->test, slot)(&a, 0, cut);
    }
  }
  if (n->add) check_equal(c, &sum[0], &sum[1], true, "sum");
  if (qd8) {
    check_equal(c, &q[0], &q[1], false, "int8");
    check_equal(c, &params[0], &params[1], false, "params");
  } else {
    check_equal(c, &y[0], &y[1], true, "y");
  }
  if (check_is_scalar(c) && qd8) { /* fused equals norm, then quantise */
    a.y = y[0].data;
    a.sum = sum[1].data;
    slot_of(&c->scalar, slot - 1)(&a, 0, n->rows);
    const bnc_quantize_args z = {n->cols, y[0].data, q[1].data, params[1].data, n->cols + 1, n->cols + 5};
    c->scalar.quantize.qd8(&z, 0, n->rows);
    check_equal(c, &q[0], &q[1], false, "int8 against two steps");
    check_equal(c, &params[0], &params[1], false, "params against two steps");
  } else if (check_is_scalar(c) && !(n->edges & ~(unsigned)EDGE_FINITE)) {
    double *expected = malloc(n->rows * n->cols * sizeof *expected), bound;
    oracle(n, layer, &a, expected, &bound);
    check_near(c, &y[0], expected, bound, 1e-6, "y");
    free(expected);
  }
  tensor *all[] = {&x, &add, &gamma, &beta, &sum[0], &sum[1], &y[0], &y[1], &q[0], &q[1], &params[0], &params[1]};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

static void run_job(const void *job, const bnc_kernels *kernels) {
  const norm_job *j = job;
  slot_of(kernels, j->slot)(&j->args, 0, j->rows);
}

static void bench_shape(check *c, int slot, size_t rows, size_t cols, const char *shape, bool with_add) {
  tensor x = tensor_make(rows, cols, cols, 4, SIDE_START), g = tensor_make(1, cols, cols, 4, SIDE_START),
         y = tensor_make(rows, cols, cols, 4, SIDE_START);
  tensor q = tensor_make(rows, cols, cols, 1, SIDE_START), p = tensor_make(rows, 2, 2, 4, SIDE_START),
         s = tensor_make(rows, cols, cols, 4, SIDE_START);
  check_fill(c, &x, 1, 0);
  check_fill(c, &g, 1, 0);
  const norm_job job = {
      {cols, 1e-5f, x.data, with_add ? x.data : NULL, s.data, g.data, g.data, y.data, q.data, p.data, cols, cols, cols, cols, cols},
      rows,
      slot};
  const double n = (double)(rows * cols);
  const bench_job b = {
      shape, run_job,
      &job,  n * ((slot % 2 ? 5 : 8) + (with_add ? 8 : 0)),
      n * 8, {(check_fn *)slot_of(&c->scalar, slot), (check_fn *)slot_of(&c->lower, slot), (check_fn *)slot_of(&c->test, slot)}};
  bench_run(c, &b);
  tensor *all[] = {&x, &g, &y, &q, &p, &s};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

void check_norm(check *c) {
  static const char *const names[] = {"norm.layer_f32", "norm.layer_qd8", "norm.rms_f32", "norm.rms_qd8"};
  for (int slot = 0; slot < 4; ++slot) {
    if (!check_begin(c, names[slot], (check_fn *)slot_of(&c->test, slot), (check_fn *)slot_of(&c->lower, slot))) continue;
    if (c->bench) {
      bench_shape(c, slot, 577, 1024, "577x1024", false);
      bench_shape(c, slot, 577, 1024, "577x1024+residual", true);
      bench_shape(c, slot, 1, 4096, "1x4096+residual", true);
    }
    for (size_t cols = 1; cols <= 67; ++cols) {
      for (unsigned k = 0; k < 4; ++k) {
        run_case(c, &(norm_case){1 + check_below(c, 4), cols, k == 3 ? 100.0f : 1.0f, k == 1 ? EDGE_ZERO | EDGE_TINY : 0, k % 2, k / 2},
                 slot);
      }
      run_case(c, &(norm_case){2, cols, 1.0f, EDGE_FINITE, true, true}, slot);
      run_case(c, &(norm_case){2, cols, 1.0f, EDGE_INFINITE | EDGE_NAN, false, true}, slot);
      run_case(c, &(norm_case){2, cols, 0.0f, 0, true, true}, slot);
    }
    run_case(c, &(norm_case){5, 1024, 1.0f, 0, true, true}, slot);
    if (!c->quick) run_case(c, &(norm_case){3, 4096, 3.0f, 0, false, true}, slot);
    run_case(c, &(norm_case){2, 4099, 1e-3f, 0, true, false}, slot);
    check_end(c);
  }
}
