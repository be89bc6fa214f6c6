/* SPDX-License-Identifier: Apache-2.0 */
/** @file math_v16.h  ops/math_f32.h step by step over sixteen lanes, and the two passes of ops/qd8.h. Include a v16_*.h first. */
#ifndef BINOCLE_OPS_SIMD_MATH_V16_H
#define BINOCLE_OPS_SIMD_MATH_V16_H

#include "ops/math_f32.h"
#include "ops/qd8.h"

/* e^x for x <= 0 (below -87.68 as there) of `count` (a constant) vectors without its power of two, whose exponent lies in *exponent above
   BNC_EXP_MAGIC. Step by step over all of them: a CPU looks ahead less far than one vector's steps take. */
BNC_INLINE void v16_exp_fractions(v16 *x /* [count], in and out */, v16 *exponent /* [count] */, const size_t count) {
  static const float factors[] = {BNC_EXP_C5, BNC_EXP_C4, BNC_EXP_C3, BNC_EXP_C2, 1.0f, 1.0f};
  const v16 magic = v16_set1(BNC_EXP_MAGIC);
  v16 n[4], r[4];
  BNC_UNROLL(4) for (size_t i = 0; i < count; ++i) x[i] = v16_max(x[i], v16_set1(BNC_EXP_LOW));
  BNC_UNROLL(4) for (size_t i = 0; i < count; ++i) exponent[i] = v16_fma(x[i], v16_set1(BNC_EXP_LOG2E), magic);
  BNC_UNROLL(4) for (size_t i = 0; i < count; ++i) n[i] = v16_sub(exponent[i], magic);
  BNC_UNROLL(4) for (size_t i = 0; i < count; ++i) r[i] = v16_fma(n[i], v16_set1(-BNC_EXP_LN2_HIGH), x[i]);
  BNC_UNROLL(4) for (size_t i = 0; i < count; ++i) r[i] = v16_fma(n[i], v16_set1(-BNC_EXP_LN2_LOW), r[i]);
  BNC_UNROLL(4) for (size_t i = 0; i < count; ++i) x[i] = v16_set1(BNC_EXP_C6);
  BNC_UNROLL(6) for (size_t k = 0; k < 6; ++k) {
    BNC_UNROLL(4) for (size_t i = 0; i < count; ++i) x[i] = v16_fma(x[i], r[i], v16_set1(factors[k]));
  }
}

BNC_INLINE v16 v16_exp_fraction(v16 x, v16 *exponent) {
  v16_exp_fractions(&x, exponent, 1);
  return x;
}

/* e^x for x <= 0 (above -87.68; else 0). */
BNC_INLINE v16 v16_exp_nonpositive(v16 x) {
  v16 exponent;
  const v16 p = v16_exp_fraction(x, &exponent);
  return v16_mul(p, v16_power(exponent));
}

BNC_INLINE v16 v16_exp(v16 x) { return v16_exp_nonpositive(v16_min(x, v16_set1(BNC_EXP_HIGH))); }

BNC_INLINE v16 v16_swish(v16 x, float slope) { return v16_div(x, v16_add(v16_set1(1.0f), v16_exp(v16_mul(x, v16_set1(-slope))))); }

BNC_INLINE v16 v16_gelu(v16 x) {
  const v16 one = v16_set1(1.0f), u = v16_div(one, v16_fma(v16_abs(x), v16_set1(BNC_PHI_P), one));
  v16 q = v16_fma(u, v16_set1(BNC_PHI_C8), v16_set1(BNC_PHI_C7));
  q = v16_fma(q, u, v16_set1(BNC_PHI_C6));
  q = v16_fma(q, u, v16_set1(BNC_PHI_C5));
  q = v16_fma(q, u, v16_set1(BNC_PHI_C4));
  q = v16_fma(q, u, v16_set1(BNC_PHI_C3));
  q = v16_fma(q, u, v16_set1(BNC_PHI_C2));
  q = v16_fma(q, u, v16_set1(BNC_PHI_C1));
  q = v16_fma(q, u, v16_set1(BNC_PHI_C0));
  const v16 tail = v16_mul(v16_exp(v16_mul(v16_mul(x, x), v16_set1(-0.5f))), v16_mul(u, q));
  return v16_mul(x, v16_if_positive(x, v16_sub(one, tail), tail));
}

/* The range of a row, lane by lane; NaNs are left out. Starts at 0 because the quantised range holds 0. */
typedef struct v16_range {
  v16 min, max;
} v16_range;

BNC_INLINE v16_range v16_range_start(void) { return (v16_range){v16_set1(0.0f), v16_set1(0.0f)}; }
BNC_INLINE void v16_range_add(v16_range *range, v16 x) {
  range->min = v16_min(x, range->min);
  range->max = v16_max(x, range->max);
}
BNC_INLINE bnc_qd8_params v16_range_choose(const v16_range *range, float *multiplier) {
  return bnc_qd8_choose(v16_least(range->min), v16_greatest(range->max), multiplier);
}

/* What v16_store_i8 takes: the end below saturates there. */
BNC_INLINE v16 v16_scaled(v16 x, float multiplier, int32_t zero_point) {
  return v16_min(v16_mul(x, v16_set1(multiplier)), v16_set1((float)(127 - zero_point)));
}

BNC_INLINE void v16_quantize_row(const float *x /* [cols] */, int8_t *q /* [cols] */, size_t cols, float multiplier, int32_t zero_point) {
  size_t i = 0;
  for (; i + 16 <= cols; i += 16) v16_store_i8(q + i, v16_scaled(v16_load(x + i), multiplier, zero_point), zero_point);
  if (i < cols) v16_store_i8_n(q + i, v16_scaled(v16_load_n(x + i, cols - i), multiplier, zero_point), zero_point, cols - i);
}

#endif
