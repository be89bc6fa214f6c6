/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/limits/limits.h"

float bnc_limits_read_scalar(const float *x, size_t count) {
  float s[8] = {0};
  for (size_t i = 0; i < count; i += 8) {
    for (size_t k = 0; k < 8; ++k) s[k] += x[i + k];
  }
  return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

int32_t bnc_limits_int8_scalar(double *macs) {
  volatile int8_t three = 3;
  const int32_t x = three;
  uint32_t s[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    for (int i = 0; i < 8; ++i) s[i] = s[i] * (uint32_t)x + 1;
  }
  *macs = 8.0 * BNC_LIMIT_ROUNDS;
  return (int32_t)(s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[7]);
}

/* One product and one sum at a time, as the scalar kernels without vector registers; the count is that of the other levels. */
float bnc_limits_flops_scalar(void) {
  volatile float half = 0.5f, quarter = 0.25f;
  const float x = half, y = quarter;
  float s[8] = {y, 1, 2, 3, 4, 5, 6, 7};
  for (int i = 0; i < BNC_LIMIT_ROUNDS * (BNC_LIMIT_SUMS * 2); ++i) {
    for (int j = 0; j < 8; ++j) s[j] = s[j] * x + y;
  }
  return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

float bnc_limits_bf16_scalar(double *macs) {
  *macs = BNC_LIMIT_FLOPS / 2;
  return bnc_limits_flops_scalar();
}
