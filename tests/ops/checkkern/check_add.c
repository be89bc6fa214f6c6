/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ops/checkkern/check.h"

typedef struct add_job {
  bnc_add_args args;
  size_t rows;
  bool mean;
} add_job;

static bnc_add_f32_fn *slot_of(const bnc_kernels *k, bool mean) { return mean ? k->add.mean2_f32 : k->add.add_f32; }

static void run_job(const void *job, const bnc_kernels *kernels) {
  const add_job *j = job;
  slot_of(kernels, j->mean)(&j->args, 0, j->rows);
}

static void run_case(check *c, bool mean, size_t rows, size_t cols, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  const bool repeat = check_below(c, 3) == 0; /* b is one row for all */
  tensor a = tensor_make(rows, cols, cols + check_below(c, 9), 4, side),
         b = tensor_make(repeat ? 1 : rows, cols, cols + check_below(c, 9), 4, side), y[2];
  check_fill(c, &a, 1.0f, edges);
  check_fill(c, &b, 1.0f, edges);
  tensor_protect(&a);
  tensor_protect(&b);
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, cols, cols + 3, 4, side);
    const bnc_add_args args = {cols, a.data, b.data, y[i].data, a.stride, repeat ? 0 : b.stride, cols + 3};
    if (i) {
      slot_of(&c->scalar, mean)(&args, 0, rows);
    } else {
      const size_t cut = check_below(c, rows + 1);
      slot_of(&c->test, mean)(&args, cut, rows);
      slot_of(&c->test, mean)(&args, 0, cut);
    }
  }
  check_equal(c, &y[0], &y[1], true, "y");
  if (check_is_scalar(c)) {
    bool right = true;
    for (size_t row = 0; row < rows; ++row) {
      for (size_t i = 0; i < cols; ++i) {
        const double sum = (double)((float *)a.data)[row * a.stride + i] + (double)((float *)b.data)[(repeat ? 0 : row * b.stride) + i];
        const float expected = mean ? (float)sum / 2 : (float)sum, found = ((float *)y[0].data)[row * (cols + 3) + i];
        right = right && (expected == found || (isnan(expected) && isnan(found)));
      }
    }
    if (right)
      check_passed(c);
    else
      check_failed(c, "a sum is not the rounded one");
  }
  tensor_free(&a);
  tensor_free(&b);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
}

void check_add(check *c) {
  for (int mean = 0; mean < 2; ++mean) {
    if (!(mean ? CHECK_BEGIN(c, add, mean2_f32) : CHECK_BEGIN(c, add, add_f32))) continue;
    if (c->bench) {
      tensor a = tensor_make(577, 1024, 1024, 4, SIDE_START), y = tensor_make(577, 1024, 1024, 4, SIDE_START);
      check_fill(c, &a, 1, 0);
      const add_job job = {{1024, a.data, a.data, y.data, 1024, 1024, 1024}, 577, mean};
      const bench_job b = {
          "577x1024",   run_job,
          &job,         577.0 * 1024 * 12,
          577.0 * 1024, {(check_fn *)slot_of(&c->scalar, mean), (check_fn *)slot_of(&c->lower, mean), (check_fn *)slot_of(&c->test, mean)}};
      bench_run(c, &b);
      tensor_free(&a);
      tensor_free(&y);
    }
    for (size_t cols = 1; cols <= 67; ++cols) {
      run_case(c, mean, 1 + check_below(c, 4), cols, 0);
      run_case(c, mean, 2, cols, EDGE_FINITE | EDGE_INFINITE | EDGE_NAN);
    }
    run_case(c, mean, 2, 4096, 0);
    check_end(c);
  }
}
