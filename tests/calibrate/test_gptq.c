/* SPDX-License-Identifier: Apache-2.0 */
/* The factor multiplies back to the damped moments; rounding with it beats rounding to nearest where inputs hang together, keeps values
   that need no rounding, and gives the same bytes for any number of threads. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/half.h"
#include "platforms/base/mem.h"
#include "quant/calibrate/gptq.h"
#include "quant/calibrate/rounded_files.h"
#include "quant/compile/quantize_weights.h"
#include "tests/unit.h"

enum { K = 96, SAMPLES = 256, ROWS = 13, GROUP = 32 };

static float next(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (float)(int32_t)*seed * 0x1p-31f;
}

/* Inputs that follow a few common causes, as activations do. */
static void make_inputs(float *x, uint32_t seed) {
  float cause[6], mix[6][K];
  for (size_t c = 0; c < 6; c++)
    for (size_t i = 0; i < K; i++) mix[c][i] = next(&seed);
  for (size_t n = 0; n < SAMPLES; n++) {
    for (size_t c = 0; c < 6; c++) cause[c] = next(&seed);
    for (size_t i = 0; i < K; i++) {
      x[n * K + i] = 0.1f * next(&seed);
      for (size_t c = 0; c < 6; c++) x[n * K + i] += cause[c] * mix[c][i];
    }
  }
}

static void make_factor(const float *x, float *h, size_t threads) {
  bnc_pool *pool;
  assert_int_equal(bnc_pool_create(&pool, threads, NULL), BNC_OK);
  memset(h, 0, K * K * sizeof *h);
  bnc_gptq_add_moments(h, K, x, SAMPLES / 2, pool);
  bnc_gptq_add_moments(h, K, x + SAMPLES / 2 * K, SAMPLES / 2, pool);
  bnc_gptq_factor(h, K, pool);
  bnc_pool_destroy(pool);
}

static void test_factor(void **state) {
  static float x[SAMPLES * K], h[K * K], again[K * K];
  double trace = 0;
  (void)state;
  make_inputs(x, 1);
  make_factor(x, h, 1);
  make_factor(x, again, 3);
  for (size_t c = 0; c < K; c++) assert_memory_equal(h + c * K, again + c * K, (c + 1) * sizeof *h);
  for (size_t i = 0; i < SAMPLES * K; i++) trace += (double)x[i] * (double)x[i];
  for (size_t i = 0; i < K; i++)
    for (size_t j = i; j < K; j++) {
      double product = 0, moment = i == j ? 0.01 * trace / K : 0;
      for (size_t c = j; c < K; c++) product += (double)h[c * K + i] * (double)h[c * K + j];
      for (size_t n = 0; n < SAMPLES; n++) moment += (double)x[n * K + i] * (double)x[n * K + j];
      assert_true(fabs(product - moment) < 1e-5 * trace / K);
    }
}

static double error_of(const float *x, const float *w, const float *q) {
  double sum = 0;
  for (size_t n = 0; n < SAMPLES; n++) {
    double e = 0;
    for (size_t i = 0; i < K; i++) e += (double)(w[i] - q[i]) * (double)x[n * K + i];
    sum += e * e;
  }
  return sum;
}

static void unpack(const uint8_t *q, const uint16_t *scales, float *w) {
  for (size_t i = 0; i < K; i++) w[i] = (float)((q[i / 2] >> (i % 2 ? 4 : 0) & 15) - 8) * bnc_f32_from_bf16(scales[i / GROUP]);
}

static void test_round(void **state) {
  static float x[SAMPLES * K], h[K * K], w[ROWS * K], rounded[ROWS * K], nearest[K], scratch[2 * K * BNC_GPTQ_ROWS], value[K];
  uint8_t q[ROWS * K / 2], plain[K / 2];
  uint16_t scales[ROWS * K / GROUP], plain_scales[K / GROUP];
  uint32_t seed = 7;
  (void)state;
  make_inputs(x, 2);
  make_factor(x, h, 1);
  for (size_t i = 0; i < ROWS * K; i++) w[i] = next(&seed);
  memset(w, 0, K * sizeof *w); /* a row of zeros */
  memcpy(rounded, w, sizeof w);
  bnc_gptq_round(rounded, ROWS, K, GROUP, h, q, scales, NULL, scratch);
  for (size_t r = 0; r < ROWS; r++) {
    unpack(q + r * K / 2, scales + r * (K / GROUP), value);
    for (size_t i = 0; i < K; i++) assert_true(value[i] == rounded[r * K + i]);
    for (size_t g = 0; g < K / GROUP; g++) assert_true(bnc_f32_from_bf16(scales[r * (K / GROUP) + g]) >= FLT_MIN);
    bnc_quantize_row_qg4(w + r * K, K, GROUP, plain, plain_scales);
    unpack(plain, plain_scales, nearest);
    const double before = error_of(x, w + r * K, nearest), after = error_of(x, w + r * K, value);
    assert_true(r == 0 ? after == 0 : after < 0.5 * before);
  }
}

static void unpack_steps(const uint8_t *q, const uint8_t *steps, float scale, float *w) {
  for (size_t i = 0; i < K; i++) w[i] = (float)((q[i / 2] >> (i % 2 ? 4 : 0) & 15) - 8) * ((float)steps[i / BNC_QC4_GROUP] * scale);
}

/* Steps of 1 to 16 under a row's scale, never -128 of it; rounded for the inputs, better than nearest. */
static void test_round_steps(void **state) {
  static float x[SAMPLES * K], h[K * K], w[ROWS * K], rounded[ROWS * K], nearest[K], scratch[2 * K * BNC_GPTQ_ROWS], value[K];
  uint8_t q[ROWS * K / 2], plain[K / 2], steps[ROWS * K / BNC_QC4_GROUP], plain_steps[K / BNC_QC4_GROUP];
  float scales[ROWS], plain_scale;
  uint32_t seed = 7;
  (void)state;
  make_inputs(x, 2);
  make_factor(x, h, 1);
  for (size_t i = 0; i < ROWS * K; i++) w[i] = next(&seed) * (i % 5 == 0 ? 8.0f : 1.0f);
  memset(w, 0, K * sizeof *w); /* a row of zeros */
  memcpy(rounded, w, sizeof w);
  bnc_gptq_round(rounded, ROWS, K, BNC_QC4_GROUP, h, q, steps, scales, scratch);
  for (size_t r = 0; r < ROWS; r++) {
    const uint8_t *step = steps + r * (K / BNC_QC4_GROUP);
    unpack_steps(q + r * K / 2, step, scales[r], value);
    assert_true(scales[r] >= FLT_MIN);
    for (size_t i = 0; i < K; i++) {
      assert_true(value[i] == rounded[r * K + i]);
      assert_in_range(step[i / BNC_QC4_GROUP], 1, 16);
      assert_true(value[i] >= -127.0f * scales[r]);
    }
    bnc_quantize_row_qc4(w + r * K, K, plain, plain_steps, &plain_scale);
    unpack_steps(plain, plain_steps, plain_scale, nearest);
    const double before = error_of(x, w + r * K, nearest), after = error_of(x, w + r * K, value);
    assert_true(r == 0 ? after == 0 : after < 0.5 * before);
  }
}

static void test_files_of_steps(void **state) {
  const bnc_rounded_shape shape = {4, 32, 16};
  union {
    uint8_t bytes[64 + 16 + 8];
    float scales[22];
  } data;
  uint8_t nibbles[32], steps[4];
  float scales[2];
  const int8_t exponent[4] = {0, 1, 0, 0};
  bnc_error err;
  (void)state;
  assert_int_equal(bnc_rounded_bytes(&shape), sizeof data.bytes);
  for (size_t i = 0; i < 64; i++) data.bytes[i] = (uint8_t)i;
  for (size_t i = 0; i < 4; i++) data.scales[16 + i] = (float)(i + 1);
  for (size_t i = 0; i < 8; i++) data.bytes[80 + i] = (uint8_t)(2 * i + 1);
  assert_int_equal(bnc_rounded_folder("rounded", &err), BNC_OK);
  assert_int_equal(bnc_rounded_save("rounded", "s", &shape, data.bytes, &err), BNC_OK);
  assert_int_equal(bnc_rounded_scale_rows("rounded", "s", &shape, exponent, &err), BNC_OK);
  assert_int_equal(bnc_rounded_read("rounded", "s", &shape, 1, 2, 4.0f, nibbles, steps, scales, &err), BNC_OK);
  assert_memory_equal(nibbles, data.bytes + 16, 32);
  assert_memory_equal(steps, data.bytes + 82, 4);
  assert_true(scales[0] == 4.0f && scales[1] == 12.0f);
  static const uint8_t wrong[] = {0, 17};
  for (size_t i = 0; i < 2; i++) {
    data.bytes[87] = wrong[i];
    assert_int_equal(bnc_rounded_save("rounded", "s", &shape, data.bytes, &err), BNC_OK);
    assert_int_equal(bnc_rounded_read("rounded", "s", &shape, 1, 2, 1.0f, nibbles, steps, scales, &err), BNC_ERROR_FORMAT);
  }
  bnc_rounded_remove("rounded");
}

static void test_files(void **state) {
  const bnc_rounded_shape shape = {4, 64, 32};
  uint8_t data[4 * 32 + 4 * 2 * 2], nibbles[2 * 32];
  uint16_t scales[4], one = bnc_bf16_from_f32(1.0f), two = bnc_bf16_from_f32(2.0f);
  bnc_error err;
  (void)state;
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)i;
  for (size_t i = 0; i < 8; i++) memcpy(data + 128 + 2 * i, &one, 2);
  assert_int_equal(bnc_rounded_folder("rounded", &err), BNC_OK);
  assert_int_equal(bnc_rounded_folder("rounded", &err), BNC_OK);
  assert_int_equal(bnc_rounded_save("rounded", "a", &shape, data, &err), BNC_OK);
  assert_int_equal(bnc_rounded_read("rounded", "a", &shape, 1, 2, 2.0f, nibbles, scales, NULL, &err), BNC_OK);
  assert_memory_equal(nibbles, data + 32, 64);
  for (size_t i = 0; i < 4; i++) assert_int_equal(scales[i], two);
  memset(data + 128, 0xff, 2); /* NaN */
  assert_int_equal(bnc_rounded_save("rounded", "a", &shape, data, &err), BNC_OK);
  assert_int_equal(bnc_rounded_read("rounded", "a", &shape, 0, 1, 1.0f, nibbles, scales, NULL, &err), BNC_ERROR_FORMAT);
  const bnc_rounded_shape other = {4, 32, 32};
  assert_int_equal(bnc_rounded_save("rounded", "a", &other, data, &err), BNC_OK);
  assert_int_equal(bnc_rounded_read("rounded", "a", &shape, 1, 2, 1.0f, nibbles, scales, NULL, &err), BNC_ERROR_FORMAT);
  bnc_rounded_remove("rounded");
  assert_int_equal(bnc_rounded_read("rounded", "a", &shape, 1, 2, 1.0f, nibbles, scales, NULL, &err), BNC_ERROR_IO);
}

/* int8: columns beyond the matrix's count for nothing; a row on its scale's grid, and zeros, stay what they are. */
static void test_round_int8(void **state) {
  enum { COLUMNS = K - 5 };
  static float x[SAMPLES * K], h[K * K], w[ROWS * COLUMNS], scratch[2 * K * BNC_GPTQ_ROWS];
  static int8_t q[ROWS * COLUMNS], plain[COLUMNS];
  float scales[ROWS], scale;
  uint32_t seed = 9;
  (void)state;
  make_inputs(x, 2);
  for (size_t n = 0; n < SAMPLES; n++) memset(x + n * K + COLUMNS, 0, (K - COLUMNS) * sizeof *x);
  make_factor(x, h, 1);
  for (size_t i = 0; i < ROWS * COLUMNS; i++) w[i] = next(&seed);
  memset(w, 0, COLUMNS * sizeof *w);
  for (size_t i = 0; i < COLUMNS; i++) w[COLUMNS + i] = 0.25f * (float)((int)(i * 37 % 255) - 127);
  bnc_gptq_round_qc8(w, ROWS, COLUMNS, K, h, q, scales, scratch);
  for (size_t r = 0; r < ROWS; r++) {
    float nearest[K] = {0}, value[K] = {0}, right[K] = {0};
    bnc_quantize_row_qc8(w + r * COLUMNS, COLUMNS, plain, &scale);
    assert_true(scale == scales[r]);
    for (size_t i = 0; i < COLUMNS; i++) {
      assert_true(q[r * COLUMNS + i] >= -127);
      nearest[i] = (float)plain[i] * scale;
      value[i] = (float)q[r * COLUMNS + i] * scales[r];
      right[i] = w[r * COLUMNS + i];
    }
    const double before = error_of(x, right, nearest), after = error_of(x, right, value);
    assert_true(r < 2 ? after == 0 : after < 0.5 * before);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_factor),     cmocka_unit_test(test_round),
                                     cmocka_unit_test(test_files),      cmocka_unit_test(test_round_steps),
                                     cmocka_unit_test(test_round_int8), cmocka_unit_test(test_files_of_steps)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
