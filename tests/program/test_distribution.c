/* SPDX-License-Identifier: Apache-2.0 */
/* What logits say of the next token, against libm in double and the formulas as they are written in books. */
#include "runtime/program/distribution.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit.h"

static float *random_logits(size_t count, float spread, unsigned seed) {
  float *logits = malloc(count * sizeof *logits);
  assert_non_null(logits);
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    logits[i] = spread * ((float)(seed >> 8) / 16777216.0f - 0.5f) - 3.0f;
  }
  return logits;
}

static double exact_log_sum(const float *logits, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += exp((double)logits[i]);
  return log(sum);
}

static void sums_and_weights(void **state) {
  static const size_t counts[] = {1, 2, 15, 16, 17, 1000, 49152};
  (void)state;
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    const size_t count = counts[c];
    float *logits = random_logits(count, 60.0f, (unsigned)c), *weights = malloc(count * sizeof *weights);
    assert_non_null(weights);
    if (count > 15) logits[13] = logits[14] = 40.0f; /* of equal ones the first */
    const bnc_distribution d = bnc_distribution_of(logits, count, weights);
    assert_true(fabs(d.log_sum - exact_log_sum(logits, count)) < 2e-7);
    if (count > 15) assert_int_equal(d.likeliest, 13);
    for (size_t i = 0; i < count; i++) {
      const double expected = exp((double)logits[i] - (double)logits[d.likeliest]);
      const double apart = (double)logits[d.likeliest] - (double)logits[i];
      assert_true(fabs((double)weights[i] - expected) <= (3e-7 + 6e-8 * apart) * expected);
    }
    free(weights);
    free(logits);
  }
}

/* Far below the likeliest there is nothing, and nothing overflows. */
static void extremes(void **state) {
  const float logits[] = {-3e38f, 200.0f, -1e4f, 113.0f, 112.0f};
  float weights[5];
  (void)state;
  const bnc_distribution d = bnc_distribution_of(logits, 5, weights);
  assert_int_equal(d.likeliest, 1);
  assert_true(d.log_sum == 200.0);
  assert_true(weights[0] >= 0 && weights[0] < 1e-37f && weights[2] < 1e-37f && weights[4] < 1e-37f);
  assert_true(fabs((double)weights[3] / exp(-87.0) - 1) < 1e-6);
}

static void differences(void **state) {
  const size_t count = 999;
  float *a = random_logits(count, 12.0f, 5), *b = random_logits(count, 12.0f, 6), *weights = malloc(count * sizeof *weights);
  double divergence = 0, a_mean = 0, b_mean = 0, aa = 0, bb = 0, ab = 0, apart = 0;
  (void)state;
  assert_non_null(weights);
  for (size_t i = 0; i < count; i++) a[i] = b[i] + 0.1f * a[i];
  const double a_sum = exact_log_sum(a, count), b_sum = exact_log_sum(b, count);
  for (size_t i = 0; i < count; i++) {
    const double p = (double)b[i] - b_sum, q = (double)a[i] - a_sum;
    divergence += exp(p) * (p - q);
    a_mean += (double)a[i] / (double)count;
    b_mean += (double)b[i] / (double)count;
  }
  for (size_t i = 0; i < count; i++) {
    const double x = (double)a[i] - a_mean, y = (double)b[i] - b_mean;
    aa += x * x;
    bb += y * y;
    ab += x * y;
    apart += (x - y) * (x - y);
  }
  const bnc_distribution da = bnc_distribution_of(a, count, NULL), db = bnc_distribution_of(b, count, weights);
  const bnc_apartness d = bnc_distribution_compare(&da, &db, weights), none = bnc_distribution_compare(&db, &db, weights);
  assert_true(divergence > 0.01 && fabs(d.divergence - divergence) < 1e-6);
  assert_true(fabs(d.distance - sqrt(apart / bb)) < 1e-9);
  assert_true(fabs(d.cosine - ab / sqrt(aa * bb)) < 1e-9);
  assert_true(none.divergence == 0 && none.distance == 0 && fabs(none.cosine - 1) < 1e-12);
  free(weights);
  free(b);
  free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums_and_weights), cmocka_unit_test(extremes), cmocka_unit_test(differences)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
