/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>

#include "ops/norm/norm.h"

enum { BNC_NORM_LANES = 32 };

static float bnc_norm_reduce(float lanes[BNC_NORM_LANES]) {
  for (size_t half = BNC_NORM_LANES / 2; half; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

/* The row that is normalised: x + add, written to sum, or x itself. */
static const float *bnc_norm_row(const bnc_norm_args *a, size_t row) {
  const float *x = a->x + row * a->x_stride; /* [cols] */
  if (!a->add) return x;
  const float *add = a->add + row * a->add_stride; /* [cols] */
  float *sum = a->sum + row * a->sum_stride;       /* [cols] */
  for (size_t i = 0; i < a->cols; ++i) sum[i] = x[i] + add[i];
  return sum;
}

static float bnc_norm_mean(const float *s /* [cols] */, size_t cols) {
  float lanes[BNC_NORM_LANES] = {0};
  for (size_t i = 0; i < cols; ++i) lanes[i % BNC_NORM_LANES] += s[i];
  return bnc_norm_reduce(lanes) / (float)cols;
}

/* 1 / sqrt(mean((s - mean)^2) + eps) */
static float bnc_norm_inverse(const float *s /* [cols] */, size_t cols, float mean, float eps) {
  float lanes[BNC_NORM_LANES] = {0};
  for (size_t i = 0; i < cols; ++i) {
    const float d = s[i] - mean;
    lanes[i % BNC_NORM_LANES] = fmaf(d, d, lanes[i % BNC_NORM_LANES]);
  }
  return 1.0f / sqrtf(bnc_norm_reduce(lanes) / (float)cols + eps);
}

static float bnc_layer_norm_value(const bnc_norm_args *a, float s, float mean, float inverse, size_t i) {
  const float unit = (s - mean) * inverse;
  return a->beta ? fmaf(unit, a->gamma[i], a->beta[i]) : unit * a->gamma[i];
}

void bnc_layer_norm_f32_scalar(const bnc_norm_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *s = bnc_norm_row(args, row);  /* [cols] */
    float *y = args->y + row * args->y_stride; /* [cols] */
    const float mean = bnc_norm_mean(s, args->cols), inverse = bnc_norm_inverse(s, args->cols, mean, args->eps);
    for (size_t i = 0; i < args->cols; ++i) y[i] = bnc_layer_norm_value(args, s[i], mean, inverse, i);
  }
}

void bnc_layer_norm_qd8_scalar(const bnc_norm_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *s = bnc_norm_row(args, row);   /* [cols] */
    int8_t *q = args->q + row * args->q_stride; /* [cols] */
    const float mean = bnc_norm_mean(s, args->cols), inverse = bnc_norm_inverse(s, args->cols, mean, args->eps);
    float min = 0.0f, max = 0.0f, multiplier;
    for (size_t i = 0; i < args->cols; ++i) {
      const float y = bnc_layer_norm_value(args, s[i], mean, inverse, i);
      min = y < min ? y : min;
      max = y > max ? y : max;
    }
    const bnc_qd8_params params = bnc_qd8_choose(min, max, &multiplier);
    for (size_t i = 0; i < args->cols; ++i) {
      q[i] = bnc_qd8_value(bnc_layer_norm_value(args, s[i], mean, inverse, i), multiplier, params.zero_point);
    }
    args->params[row] = params;
  }
}

void bnc_rms_norm_f32_scalar(const bnc_norm_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *s = bnc_norm_row(args, row);  /* [cols] */
    float *y = args->y + row * args->y_stride; /* [cols] */
    const float inverse = bnc_norm_inverse(s, args->cols, 0.0f, args->eps);
    for (size_t i = 0; i < args->cols; ++i) y[i] = s[i] * inverse * args->gamma[i];
  }
}

void bnc_rms_norm_qd8_scalar(const bnc_norm_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *s = bnc_norm_row(args, row);   /* [cols] */
    int8_t *q = args->q + row * args->q_stride; /* [cols] */
    const float inverse = bnc_norm_inverse(s, args->cols, 0.0f, args->eps);
    float min = 0.0f, max = 0.0f, multiplier;
    for (size_t i = 0; i < args->cols; ++i) {
      const float y = s[i] * inverse * args->gamma[i];
      min = y < min ? y : min;
      max = y > max ? y : max;
    }
    const bnc_qd8_params params = bnc_qd8_choose(min, max, &multiplier);
    for (size_t i = 0; i < args->cols; ++i) {
      q[i] = bnc_qd8_value(s[i] * inverse * args->gamma[i], multiplier, params.zero_point);
    }
    args->params[row] = params;
  }
}
