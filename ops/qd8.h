/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file qd8.h  The dynamic int8 format of activations ("qd8"): each row has its own scale and zero point, x ~= (q - zero_point) * scale.
 *
 * The formula is XNNPACK's, operation by operation, so that our fused kernels and its convert operator give the same bits (facts: with
 * x the row, rmin = min(0, min x), rmax = max(0, max x), s = 255 / (rmax - rmin), q = clamp(rint(x * s) + zero_point)).
 */
#ifndef BINOCLE_OPS_QD8_H
#define BINOCLE_OPS_QD8_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/** Layout of XNNPACK's struct xnn_quantization_params. scale is that of the stored value: 1 / s. */
typedef struct bnc_qd8_params {
  int32_t zero_point;
  float scale;
} bnc_qd8_params;

/** XNNPACK reads this many entries behind those of the rows, and bytes behind the last int8 row. */
#define BNC_QD8_EXTRA 16

/** The parameters of a row whose values lie in [min, max], and *multiplier = s. NaNs must have been left out of min and max; both are 0 for
 * an empty row. */
static inline bnc_qd8_params bnc_qd8_choose(float min, float max, float *multiplier) {
  const float rmin = min < 0.0f ? min : 0.0f, rmax = max > 0.0f ? max : 0.0f;
  const float s = rmin == rmax ? 1.0f : 255.0f / (rmax - rmin);
  const float low = rmin * s, high = rmax * s;
  /* The end whose rounding error is the smaller one stays exact. */
  float zero = (-128.0f + low) + (127.0f + high) > 0.0f ? -128.0f - low : 127.0f - high;
  zero = zero > -128.0f ? zero : -128.0f; /* NaN, from an infinite row, becomes -128 */
  zero = zero < 127.0f ? zero : 127.0f;
  *multiplier = s;
  return (bnc_qd8_params){(int32_t)rintf(zero), 1.0f / s};
}

/** One value. NaN gives 127. */
static inline int8_t bnc_qd8_value(float x, float multiplier, int32_t zero_point) {
  const float high = (float)(127 - zero_point), low = (float)(-128 - zero_point);
  float v = x * multiplier;
  v = v < high ? v : high;
  v = v > low ? v : low;
  return (int8_t)((int32_t)rintf(v) + zero_point);
}

/** Writes BNC_QD8_EXTRA copies of the last row's parameters behind those of `rows` rows, as XNNPACK's qd8 operators need them. */
static inline void bnc_qd8_pad(bnc_qd8_params *params, size_t rows) {
  for (size_t i = 0; i < BNC_QD8_EXTRA; ++i) params[rows + i] = params[rows - 1];
}

#endif
