/* SPDX-License-Identifier: Apache-2.0 */
/* Int8 rows lose less than with the largest value over 127, never more, and what they need not round they keep. */
#include <math.h>
#include <string.h>

#include "quant/compile/quantize_weights.h"
#include "tests/unit.h"

enum { K = 139, ROWS = 200 }; /* no multiple of the lanes */

static uint32_t next(uint32_t *state) { return *state = *state * 1664525u + 1013904223u; }

/* Sums of uniform values, nearly normal. */
static void fill(uint32_t *random, float *w) {
  for (size_t i = 0; i < K; i++) {
    w[i] = 0;
    for (int j = 0; j < 8; j++) w[i] += (float)(next(random) >> 8) * 0x1p-24f - 0.5f;
  }
}

static double error_of(const float *w, const int8_t *q, float scale) {
  double error = 0;
  for (size_t i = 0; i < K; i++) error += pow((double)w[i] - (double)q[i] * (double)scale, 2);
  return error;
}

static double plain_error(const float *w, float *scale) {
  float most = 0;
  int8_t q[K];
  for (size_t i = 0; i < K; i++) most = fabsf(w[i]) > most ? fabsf(w[i]) : most;
  *scale = most / 127.0f;
  for (size_t i = 0; i < K; i++) q[i] = (int8_t)rintf(w[i] / *scale);
  return error_of(w, q, *scale);
}

static void least_error(void **state) {
  uint32_t random = 5;
  double ours = 0, plain = 0;
  (void)state;
  for (int row = 0; row < ROWS; row++) {
    float w[K], scale, whole;
    int8_t q[K];
    fill(&random, w);
    bnc_quantize_row_qc8(w, K, q, &scale);
    const double error = error_of(w, q, scale), before = plain_error(w, &whole);
    assert_true(error <= before * (1 + 1e-6));
    assert_true(scale <= whole && scale >= whole * 0.87f);
    for (size_t i = 0; i < K; i++) assert_true(q[i] >= -127);
    ours += error;
    plain += before;
  }
  assert_true(ours < 0.98 * plain);
}

static void grids_and_zeros_stay(void **state) {
  uint32_t random = 6;
  float w[K], scale;
  int8_t q[K], given[K];
  (void)state;
  for (size_t i = 0; i < K; i++) given[i] = (int8_t)((int)(next(&random) >> 8) % 255 - 127);
  given[7] = -127;
  for (size_t i = 0; i < K; i++) w[i] = (float)given[i] * 0.03125f;
  bnc_quantize_row_qc8(w, K, q, &scale);
  assert_true(scale == 0.03125f);
  assert_memory_equal(q, given, K);
  memset(w, 0, sizeof w);
  w[3] = 1e-42f; /* no scale makes anything of it */
  bnc_quantize_row_qc8(w, K, q, &scale);
  assert_true(scale == 1.0f);
  for (size_t i = 0; i < K; i++) assert_int_equal(q[i], 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(least_error), cmocka_unit_test(grids_and_zeros_stay)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
