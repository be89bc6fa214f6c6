/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file math_f32.h  exp, sigmoid and the normal distribution in float32, written so that every instruction-set level gives the same bits:
 * only additions, products, divisions and explicit fmaf. The vector forms (ops/simd) repeat these steps with the same constants.
 */
#ifndef BINOCLE_OPS_MATH_F32_H
#define BINOCLE_OPS_MATH_F32_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* exp(x) = 2^n * (1 + r + r^2 P(r)), n = rint(x / ln 2), |r| <= ln(2)/2. P is a minimax fit of degree 4, relative error 3.1e-9. */
#define BNC_EXP_HIGH 88.8f /* above 88.38: 2^128, that is Inf */
#define BNC_EXP_LOW -88.2f /* below -87.68: 2^-127, which this form makes 0 */
#define BNC_EXP_LOG2E 0x1.715476p+0f
#define BNC_EXP_LN2_HIGH 0x1.62e43p-1f
#define BNC_EXP_LN2_LOW -0x1.05c61p-29f
#define BNC_EXP_MAGIC 0x1.8p+23f /* adding it rounds to an integer, which then stands in the low bits */
#define BNC_EXP_C2 0x1.fffffcp-2f
#define BNC_EXP_C3 0x1.555492p-3f
#define BNC_EXP_C4 0x1.5558f2p-5f
#define BNC_EXP_C5 0x1.123a2p-7f
#define BNC_EXP_C6 0x1.6a23dp-10f

/* Phi(-a) = exp(-a^2/2) * u Q(u), u = 1 / (1 + 0.35 a), a >= 0: a fit of degree 8 on [0, 14], relative error 3.2e-8. */
#define BNC_PHI_P 0.35f
#define BNC_PHI_C0 0x1.1df1d4p-3f
#define BNC_PHI_C1 0x1.1e6fe4p-3f
#define BNC_PHI_C2 0x1.ead60ep-4f
#define BNC_PHI_C3 0x1.b02876p-4f
#define BNC_PHI_C4 -0x1.7a9b4ap-6f
#define BNC_PHI_C5 0x1.45fbfap-3f
#define BNC_PHI_C6 -0x1.05d97ap-2f
#define BNC_PHI_C7 0x1.26da2ep-3f
#define BNC_PHI_C8 -0x1.dd862ap-6f

#define BNC_QUICK_GELU_SLOPE 1.702f

/** e^x; 0 below -87.68, Inf above 88.38, Inf for NaN (callers multiply by the NaN itself). */
static inline float bnc_exp_f32(float x) {
  x = x < BNC_EXP_HIGH ? x : BNC_EXP_HIGH;
  x = x > BNC_EXP_LOW ? x : BNC_EXP_LOW;
  const float t = fmaf(x, BNC_EXP_LOG2E, BNC_EXP_MAGIC), n = t - BNC_EXP_MAGIC;
  const float r = fmaf(n, -BNC_EXP_LN2_LOW, fmaf(n, -BNC_EXP_LN2_HIGH, x));
  float p = fmaf(r, BNC_EXP_C6, BNC_EXP_C5);
  p = fmaf(p, r, BNC_EXP_C4);
  p = fmaf(p, r, BNC_EXP_C3);
  p = fmaf(p, r, BNC_EXP_C2);
  p = fmaf(p, r, 1.0f);
  p = fmaf(p, r, 1.0f);
  uint32_t bits;
  memcpy(&bits, &t, sizeof bits);
  bits = (bits << 23) + 0x3f800000u; /* the float 2^n */
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/** x * sigmoid(slope * x): slope 1 is SiLU, 1.702 quick_gelu. */
static inline float bnc_swish_f32(float x, float slope) { return x / (1.0f + bnc_exp_f32(x * -slope)); }

/** x * Phi(x): GELU with erf. */
static inline float bnc_gelu_f32(float x) {
  const float a = fabsf(x), u = 1.0f / fmaf(a, BNC_PHI_P, 1.0f);
  float q = fmaf(u, BNC_PHI_C8, BNC_PHI_C7);
  q = fmaf(q, u, BNC_PHI_C6);
  q = fmaf(q, u, BNC_PHI_C5);
  q = fmaf(q, u, BNC_PHI_C4);
  q = fmaf(q, u, BNC_PHI_C3);
  q = fmaf(q, u, BNC_PHI_C2);
  q = fmaf(q, u, BNC_PHI_C1);
  q = fmaf(q, u, BNC_PHI_C0);
  const float tail = bnc_exp_f32(x * x * -0.5f) * (u * q);
  return x * (x > 0.0f ? 1.0f - tail : tail);
}

#endif
