/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file v16_neon.h  v16_avx2.h's operations (which says what they are) on four NEON registers. ARMv7 NEON lacks division, rounding and
 * NaN-aware minima, which are spelled out, and flushes subnormal numbers to zero: there alone results differ from scalar.
 */
#ifndef BINOCLE_OPS_SIMD_V16_NEON_H
#define BINOCLE_OPS_SIMD_V16_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ops/inline.h"

#define V16_UNROLL BNC_UNROLL(16)
#ifdef __aarch64__
#define V16_TILE_ROWS 6 /* 6 x 4 sums, 4 loads and a broadcast of 32 registers */
#else
#define V16_TILE_ROWS 2 /* of 16 registers */
#endif
#define V16_TILE_VECTORS 1

typedef struct v16 {
  float32x4_t a, b, c, d;
} v16;

BNC_INLINE v16 v16_set1(float x) { return (v16){vdupq_n_f32(x), vdupq_n_f32(x), vdupq_n_f32(x), vdupq_n_f32(x)}; }
BNC_INLINE v16 v16_load(const float *p) { return (v16){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}; }
BNC_INLINE void v16_store(float *p, v16 x) {
  vst1q_f32(p, x.a);
  vst1q_f32(p + 4, x.b);
  vst1q_f32(p + 8, x.c);
  vst1q_f32(p + 12, x.d);
}
BNC_INLINE v16 v16_load_n(const float *p, size_t n) {
  float t[16] = {0};
  memcpy(t, p, n * sizeof *t);
  return v16_load(t);
}
BNC_INLINE void v16_store_n(float *p, v16 x, size_t n) {
  float t[16];
  v16_store(t, x);
  memcpy(p, t, n * sizeof *t);
}

#define V16_BINARY(name, f)                                                                                                                \
  BNC_INLINE v16 name(v16 x, v16 y) { return (v16){f(x.a, y.a), f(x.b, y.b), f(x.c, y.c), f(x.d, y.d)}; }

V16_BINARY(v16_add, vaddq_f32)
V16_BINARY(v16_sub, vsubq_f32)
V16_BINARY(v16_mul, vmulq_f32)
#ifdef __aarch64__
V16_BINARY(v16_div, vdivq_f32)
V16_BINARY(v16_min, vminnmq_f32)
V16_BINARY(v16_max, vmaxnmq_f32)
#else
BNC_INLINE float32x4_t v16_div4(float32x4_t x, float32x4_t y) {
  float p[4], q[4];
  vst1q_f32(p, x);
  vst1q_f32(q, y);
  for (int i = 0; i < 4; ++i) p[i] /= q[i];
  return vld1q_f32(p);
}
BNC_INLINE float32x4_t v16_min4(float32x4_t x, float32x4_t y) { return vbslq_f32(vcltq_f32(x, y), x, y); }
BNC_INLINE float32x4_t v16_max4(float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }
V16_BINARY(v16_div, v16_div4)
V16_BINARY(v16_min, v16_min4)
V16_BINARY(v16_max, v16_max4)
#endif
BNC_INLINE v16 v16_fma(v16 x, v16 y, v16 z) {
  return (v16){vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c), vfmaq_f32(z.d, x.d, y.d)};
}
BNC_INLINE v16 v16_abs(v16 x) { return (v16){vabsq_f32(x.a), vabsq_f32(x.b), vabsq_f32(x.c), vabsq_f32(x.d)}; }
BNC_INLINE v16 v16_if_positive(v16 x, v16 y, v16 z) {
  const float32x4_t zero = vdupq_n_f32(0.0f);
  return (v16){vbslq_f32(vcgtq_f32(x.a, zero), y.a, z.a), vbslq_f32(vcgtq_f32(x.b, zero), y.b, z.b),
               vbslq_f32(vcgtq_f32(x.c, zero), y.c, z.c), vbslq_f32(vcgtq_f32(x.d, zero), y.d, z.d)};
}
BNC_INLINE v16 v16_first_or(v16 x, v16 y, size_t n) {
  static const uint32_t index[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint32x4_t limit = vdupq_n_u32((uint32_t)n);
  return (v16){vbslq_f32(vcltq_u32(vld1q_u32(index), limit), x.a, y.a), vbslq_f32(vcltq_u32(vld1q_u32(index + 4), limit), x.b, y.b),
               vbslq_f32(vcltq_u32(vld1q_u32(index + 8), limit), x.c, y.c), vbslq_f32(vcltq_u32(vld1q_u32(index + 12), limit), x.d, y.d)};
}
BNC_INLINE float32x4_t v16_power4(float32x4_t t) {
  return vreinterpretq_f32_u32(vaddq_u32(vshlq_n_u32(vreinterpretq_u32_f32(t), 23), vdupq_n_u32(0x3f800000u)));
}
BNC_INLINE v16 v16_power(v16 t) { return (v16){v16_power4(t.a), v16_power4(t.b), v16_power4(t.c), v16_power4(t.d)}; }

BNC_INLINE float v16_sum(v16 x) {
  const float32x4_t q = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
  const float32x2_t p = vadd_f32(vget_low_f32(q), vget_high_f32(q));
  return vget_lane_f32(p, 0) + vget_lane_f32(p, 1);
}
BNC_INLINE float v16_least(v16 x) {
  const float32x4_t q = vminq_f32(vminq_f32(x.a, x.c), vminq_f32(x.b, x.d));
  const float32x2_t p = vpmin_f32(vget_low_f32(q), vget_high_f32(q));
  return vget_lane_f32(vpmin_f32(p, p), 0);
}
BNC_INLINE float v16_greatest(v16 x) {
  const float32x4_t q = vmaxq_f32(vmaxq_f32(x.a, x.c), vmaxq_f32(x.b, x.d));
  const float32x2_t p = vpmax_f32(vget_low_f32(q), vget_high_f32(q));
  return vget_lane_f32(vpmax_f32(p, p), 0);
}

enum { V16_TRANSPOSE = 4 };
BNC_INLINE void v16_transpose(const float *src, size_t stride, float *dst) {
  for (size_t j = 0; j < 16; j += 4) {
    const float32x4x2_t even = vtrnq_f32(vld1q_f32(src + j * stride), vld1q_f32(src + (j + 1) * stride));
    const float32x4x2_t odd = vtrnq_f32(vld1q_f32(src + (j + 2) * stride), vld1q_f32(src + (j + 3) * stride));
    vst1q_f32(dst + j, vcombine_f32(vget_low_f32(even.val[0]), vget_low_f32(odd.val[0])));
    vst1q_f32(dst + 16 + j, vcombine_f32(vget_low_f32(even.val[1]), vget_low_f32(odd.val[1])));
    vst1q_f32(dst + 32 + j, vcombine_f32(vget_high_f32(even.val[0]), vget_high_f32(odd.val[0])));
    vst1q_f32(dst + 48 + j, vcombine_f32(vget_high_f32(even.val[1]), vget_high_f32(odd.val[1])));
  }
}

#include "ops/simd/v16_convert_neon.h"

#endif
