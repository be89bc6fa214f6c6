/* SPDX-License-Identifier: Apache-2.0 */
/** @file norm_scalar.h  The statistics that the four scalar norms share. */
#ifndef BINOCLE_OPS_NORM_NORM_SCALAR_H
#define BINOCLE_OPS_NORM_NORM_SCALAR_H

#include <assert.h>
#include <math.h>

#include "ops/norm/norm.h"

enum { BNC_NORM_LANES = 32 };

static inline float bnc_norm_reduce(float lanes[BNC_NORM_LANES]) {
  for (size_t half = BNC_NORM_LANES / 2; half; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

/* The row that is normalised: x + add, written to sum, or x itself. */
static inline const float *bnc_norm_row(const bnc_norm_args *a, size_t row) {
  const float *x = a->x + row * a->x_stride; /* [cols] */
  if (!a->add) return x;
  const float *add = a->add + row * a->add_stride; /* [cols] */
  float *sum = a->sum + row * a->sum_stride;       /* [cols] */
  for (size_t i = 0; i < a->cols; ++i) sum[i] = x[i] + add[i];
  return sum;
}

static inline float bnc_norm_mean(const float *s /* [cols] */, size_t cols) {
  float lanes[BNC_NORM_LANES] = {0};
  for (size_t i = 0; i < cols; ++i) lanes[i % BNC_NORM_LANES] += s[i];
  return bnc_norm_reduce(lanes) / (float)cols;
}

/* 1 / sqrt(mean((s - mean)^2) + eps) */
static inline float bnc_norm_inverse(const float *s /* [cols] */, size_t cols, float mean, float eps) {
  float lanes[BNC_NORM_LANES] = {0};
  for (size_t i = 0; i < cols; ++i) {
    const float d = s[i] - mean;
    lanes[i % BNC_NORM_LANES] = fmaf(d, d, lanes[i % BNC_NORM_LANES]);
  }
  return 1.0f / sqrtf(bnc_norm_reduce(lanes) / (float)cols + eps);
}

static inline float bnc_layer_norm_value(const bnc_norm_args *a, float s, float mean, float inverse, size_t i) {
  const float unit = (s - mean) * inverse;
  return a->beta ? fmaf(unit, a->gamma[i], a->beta[i]) : unit * a->gamma[i];
}

#endif
