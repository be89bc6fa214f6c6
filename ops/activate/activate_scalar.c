/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "ops/activate/activate.h"
#include "ops/math_f32.h"

/* One kind of activation of a value; up is unused by all but silu_mul. */
typedef float activation(float x, float up);

static float gelu(float x, float up) {
  (void)up;
  return bnc_gelu_f32(x);
}
static float quick_gelu(float x, float up) {
  (void)up;
  return bnc_swish_f32(x, BNC_QUICK_GELU_SLOPE);
}
static float silu_mul(float x, float up) { return bnc_swish_f32(x, 1.0f) * up; }

/* up = x where there is none. */
static void activate_row(const float *x, const float *up, float *y, size_t cols, activation *f) {
  for (size_t i = 0; i < cols; ++i) y[i] = f(x[i], up[i]);
}

static void activate_f32(const bnc_activate_args *a, size_t from, size_t to, activation *f, bool gated) {
  for (size_t row = from; row < to; ++row) {
    const float *x = a->x + row * a->x_stride; /* [cols] */
    activate_row(x, gated ? a->up + row * a->up_stride : x, a->y + row * a->y_stride, a->cols, f);
  }
}

static void activate_qd8(const bnc_activate_args *a, size_t from, size_t to, activation *f, bool gated) {
  for (size_t row = from; row < to; ++row) {
    float *x = a->x + row * a->x_stride, min = 0.0f, max = 0.0f, multiplier; /* x: [cols] */
    int8_t *q = a->q + row * a->q_stride;                                    /* [cols] */
    activate_row(x, gated ? a->up + row * a->up_stride : x, x, a->cols, f);
    for (size_t i = 0; i < a->cols; ++i) {
      min = x[i] < min ? x[i] : min;
      max = x[i] > max ? x[i] : max;
    }
    a->params[row] = bnc_qd8_choose(min, max, &multiplier);
    for (size_t i = 0; i < a->cols; ++i) q[i] = bnc_qd8_value(x[i], multiplier, a->params[row].zero_point);
  }
}

void bnc_gelu_f32_scalar(const bnc_activate_args *args, size_t from, size_t to) { activate_f32(args, from, to, gelu, false); }
void bnc_gelu_qd8_scalar(const bnc_activate_args *args, size_t from, size_t to) { activate_qd8(args, from, to, gelu, false); }
void bnc_quick_gelu_f32_scalar(const bnc_activate_args *args, size_t from, size_t to) { activate_f32(args, from, to, quick_gelu, false); }
void bnc_quick_gelu_qd8_scalar(const bnc_activate_args *args, size_t from, size_t to) { activate_qd8(args, from, to, quick_gelu, false); }
void bnc_silu_mul_f32_scalar(const bnc_activate_args *args, size_t from, size_t to) { activate_f32(args, from, to, silu_mul, true); }
void bnc_silu_mul_qd8_scalar(const bnc_activate_args *args, size_t from, size_t to) { activate_qd8(args, from, to, silu_mul, true); }
