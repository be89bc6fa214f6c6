/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of taps against values written down by hand and against the interpolation formulas in double. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "quant/graph/tap_table.h"
#include "tests/unit.h"

static void check_row(const bnc_taps *t, size_t row, size_t count, const uint32_t *index, const double *weight, double bound) {
  assert_int_equal(t->start[row + 1] - t->start[row], count);
  for (size_t k = 0; k < count; k++) {
    assert_int_equal(t->index[t->start[row] + k], index[k]);
    double found = (double)t->weight[t->start[row] + k];
    if (fabs(found - weight[k]) > bound) fail_msg("row %zu, tap %zu is %.9g, expected %.9g", row, k, found, weight[k]);
  }
}

/* What torch.nn.functional.interpolate of a unit impulse gives: 8 -> 4 samples between two pixels, 4 -> 8 at a quarter and three quarters.
 */
static void test_bicubic_values(void **state) {
  (void)state;
  bnc_taps t;
  bnc_error err;
  assert_int_equal(bnc_taps_bicubic(&t, 4, 8, &err), BNC_OK);
  check_row(&t, 1, 4, (const uint32_t[]){1, 2, 3, 4}, (const double[]){-0.09375, 0.59375, 0.59375, -0.09375}, 0);
  check_row(&t, 0, 4, (const uint32_t[]){0, 0, 1, 2}, (const double[]){-0.09375, 0.59375, 0.59375, -0.09375}, 0);
  bnc_taps_free(&t);
  assert_int_equal(bnc_taps_bicubic(&t, 8, 4, &err), BNC_OK);
  check_row(&t, 3, 4, (const uint32_t[]){0, 1, 2, 3}, (const double[]){-0.10546875, 0.87890625, 0.26171875, -0.03515625}, 0);
  check_row(&t, 4, 4, (const uint32_t[]){0, 1, 2, 3}, (const double[]){-0.03515625, 0.26171875, 0.87890625, -0.10546875}, 0);
  check_row(&t, 7, 4, (const uint32_t[]){2, 3, 3, 3}, (const double[]){-0.10546875, 0.87890625, 0.26171875, -0.03515625}, 0);
  bnc_taps_free(&t);
}

static double cubic(double x) {
  const double a = -0.75;
  x = fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static void test_interpolation_formulas(void **state) {
  (void)state;
  for (size_t in = 1; in <= 40; in += 3)
    for (size_t rows = 1; rows <= 40; rows += 2) {
      bnc_taps t;
      bnc_error err;
      assert_int_equal(bnc_taps_bicubic(&t, rows, in, &err), BNC_OK);
      for (size_t r = 0; r < rows; r++) {
        double at = (double)in / (double)rows * ((double)r + 0.5) - 0.5, total = 0, found = 0, wanted = 0;
        for (uint32_t k = t.start[r]; k < t.start[r + 1]; k++) {
          total += (double)t.weight[k];
          found += (double)t.weight[k] * (double)t.index[k] * (double)t.index[k];
        }
        for (long long k = (long long)floor(at + 1e-6) - 1; k <= (long long)floor(at + 1e-6) + 2; k++) {
          double row = k < 0 ? 0 : k >= (long long)in ? (double)in - 1 : (double)k;
          wanted += cubic(at - (double)k) * row * row;
        }
        assert_true(fabs(total - 1) < 3e-6);
        assert_true(fabs(found - wanted) < 1e-3);
      }
      bnc_taps_free(&t);
      assert_int_equal(bnc_taps_bilinear(&t, rows, in, &err), BNC_OK);
      for (size_t r = 0; r < rows; r++) {
        double at = fmin(fmax((double)in / (double)rows * ((double)r + 0.5) - 0.5, 0), (double)in - 1), found = 0;
        for (uint32_t k = t.start[r]; k < t.start[r + 1]; k++) found += (double)t.weight[k] * (double)t.index[k];
        assert_true(fabs(found - at) < 1e-4);
      }
      bnc_taps_free(&t);
    }
}

/* The facts that pruning lives on: for odd n the bilinear by n samples exactly one row, and so does the bicubic, the same one. */
static void test_odd_factors_sample(void **state) {
  (void)state;
  static const size_t grids[] = {3, 5, 8, 24, 336};
  for (size_t n = 3; n <= 7; n += 2)
    for (size_t i = 0; i < 5; i++) {
      bnc_taps bilinear, bicubic, strided;
      bnc_error err;
      assert_int_equal(bnc_taps_bilinear(&bilinear, grids[i], n * grids[i], &err), BNC_OK);
      assert_int_equal(bnc_taps_bicubic(&bicubic, grids[i], n * grids[i], &err), BNC_OK);
      assert_int_equal(bnc_taps_strided(&strided, grids[i], n * grids[i], n / 2, n, &err), BNC_OK);
      assert_false(bnc_taps_is_gather(&bilinear));
      assert_int_equal(bnc_taps_drop_zeros(&bilinear), grids[i]);
      assert_int_equal(bnc_taps_drop_zeros(&bicubic), 3 * grids[i]);
      assert_true(bnc_taps_is_gather(&bilinear) && bnc_taps_equal(&bilinear, &strided) && bnc_taps_equal(&bicubic, &strided));
      bnc_taps_free(&bilinear);
      bnc_taps_free(&bicubic);
      bnc_taps_free(&strided);
    }
  bnc_taps even;
  bnc_error err;
  assert_int_equal(bnc_taps_bilinear(&even, 4, 8, &err), BNC_OK);
  assert_int_equal(bnc_taps_drop_zeros(&even), 0);
  bnc_taps_free(&even);
}

static void test_compose_and_outer(void **state) {
  (void)state;
  bnc_taps inner, outer, both, plane;
  bnc_error err;
  assert_int_equal(bnc_taps_bilinear(&inner, 4, 8, &err), BNC_OK); /* row r: (2r, 2r+1) / 2 */
  assert_int_equal(bnc_taps_gather(&outer, 2, 4, (const uint32_t[]){3, 1}, &err), BNC_OK);
  assert_int_equal(bnc_taps_compose(&both, &outer, &inner, &err), BNC_OK);
  assert_int_equal(both.rows, 2);
  assert_int_equal(both.in_rows, 8);
  check_row(&both, 0, 2, (const uint32_t[]){6, 7}, (const double[]){0.5, 0.5}, 0);
  check_row(&both, 1, 2, (const uint32_t[]){2, 3}, (const double[]){0.5, 0.5}, 0);
  assert_int_equal(bnc_taps_outer(&plane, &outer, &inner, &err), BNC_OK); /* y: 2 of 4, x: 4 of 8 */
  assert_int_equal(plane.rows, 8);
  assert_int_equal(plane.in_rows, 32);
  check_row(&plane, 5, 2, (const uint32_t[]){8 + 2, 8 + 3}, (const double[]){0.5, 0.5}, 0);
  bnc_taps_free(&inner);
  bnc_taps_free(&outer);
  bnc_taps_free(&both);
  bnc_taps_free(&plane);
  assert_int_equal(bnc_taps_strided(&inner, 2, 8, 2, 3, &err), BNC_OK);
  check_row(&inner, 1, 1, (const uint32_t[]){5}, (const double[]){1}, 0);
  bnc_taps_free(&inner);
}

static void test_refusals(void **state) {
  (void)state;
  bnc_taps t;
  bnc_error err;
  assert_int_not_equal(bnc_taps_strided(&t, 4, 8, 2, 2, &err), BNC_OK); /* would end at row 8 */
  assert_int_not_equal(bnc_taps_create(&t, UINT32_MAX, 1, 1, &err), BNC_OK);
  assert_int_equal(bnc_taps_strided(&t, 5, 5, 0, 1, &err), BNC_OK);
  assert_true(bnc_taps_is_identity(&t));
  bnc_taps_free(&t);
  assert_int_equal(bnc_taps_strided(&t, 4, 5, 0, 1, &err), BNC_OK);
  assert_false(bnc_taps_is_identity(&t));
  bnc_taps_free(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bicubic_values), cmocka_unit_test(test_interpolation_formulas),
                                     cmocka_unit_test(test_odd_factors_sample), cmocka_unit_test(test_compose_and_outer),
                                     cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
