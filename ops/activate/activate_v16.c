/* SPDX-License-Identifier: Apache-2.0 */
/* The activation kernels over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/activate/activate.h"
#include "ops/simd/math_v16.h"

/* One kind of activation of sixteen values; up is unused by all but silu_mul. */
typedef v16 activation_v16(v16 x, v16 up);

BNC_INLINE v16 activate_gelu(v16 x, v16 up) {
  (void)up;
  return v16_gelu(x);
}
BNC_INLINE v16 activate_quick_gelu(v16 x, v16 up) {
  (void)up;
  return v16_swish(x, BNC_QUICK_GELU_SLOPE);
}
BNC_INLINE v16 activate_silu_mul(v16 x, v16 up) { return v16_mul(v16_swish(x, 1.0f), up); }

/* up = x where there is none: the load is dropped, the value unused. next: a row to fetch meanwhile, which other threads may have written.
 */
BNC_INLINE void activate_row(const float *x, const float *up, const float *next, float *y, size_t cols, activation_v16 *f,
                             v16_range *range) {
  size_t i = 0;
  for (; i + 16 <= cols; i += 16) {
    __builtin_prefetch(next + i, 1);
    const v16 value = f(v16_load(x + i), v16_load(up + i));
    v16_store(y + i, value);
    if (range) v16_range_add(range, value);
  }
  if (i < cols) {
    const size_t n = cols - i;
    const v16 value = f(v16_load_n(x + i, n), v16_load_n(up + i, n)); /* 0 stays 0 in the lanes behind the row */
    v16_store_n(y + i, value, n);
    if (range) v16_range_add(range, value);
  }
}

BNC_INLINE void activate_f32(const bnc_activate_args *a, size_t from, size_t to, activation_v16 *f, int gated) {
  for (size_t row = from; row < to; ++row) {
    const float *x = a->x + row * a->x_stride;
    activate_row(x, gated ? a->up + row * a->up_stride : x, row + 1 < to ? x + a->x_stride : x, a->y + row * a->y_stride, a->cols, f, NULL);
  }
}

BNC_INLINE void activate_qd8(const bnc_activate_args *a, size_t from, size_t to, activation_v16 *f, int gated) {
  for (size_t row = from; row < to; ++row) {
    float *x = a->x + row * a->x_stride, multiplier;
    v16_range range = v16_range_start();
    activate_row(x, gated ? a->up + row * a->up_stride : x, row + 1 < to ? x + a->x_stride : x, x, a->cols, f, &range);
    a->params[row] = v16_range_choose(&range, &multiplier);
    v16_quantize_row(x, a->q + row * a->q_stride, a->cols, multiplier, a->params[row].zero_point);
  }
}

void BNC_AT_LEVEL(gelu_f32)(const bnc_activate_args *args, size_t from, size_t to) { activate_f32(args, from, to, activate_gelu, 0); }

void BNC_AT_LEVEL(gelu_qd8)(const bnc_activate_args *args, size_t from, size_t to) { activate_qd8(args, from, to, activate_gelu, 0); }

void BNC_AT_LEVEL(quick_gelu_f32)(const bnc_activate_args *args, size_t from, size_t to) {
  activate_f32(args, from, to, activate_quick_gelu, 0);
}

void BNC_AT_LEVEL(quick_gelu_qd8)(const bnc_activate_args *args, size_t from, size_t to) {
  activate_qd8(args, from, to, activate_quick_gelu, 0);
}

void BNC_AT_LEVEL(silu_mul_f32)(const bnc_activate_args *args, size_t from, size_t to) {
  activate_f32(args, from, to, activate_silu_mul, 1);
}

void BNC_AT_LEVEL(silu_mul_qd8)(const bnc_activate_args *args, size_t from, size_t to) {
  activate_qd8(args, from, to, activate_silu_mul, 1);
}
