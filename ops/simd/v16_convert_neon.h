/* SPDX-License-Identifier: Apache-2.0 */
/** @file v16_convert_neon.h  v16_convert_avx2.h's operations on four NEON registers. Part of v16_neon.h, which includes it. */
#ifndef BINOCLE_OPS_SIMD_V16_CONVERT_NEON_H
#define BINOCLE_OPS_SIMD_V16_CONVERT_NEON_H

#ifdef __aarch64__
BNC_INLINE int32x4_t v16_rint4(float32x4_t x) { return vcvtnq_s32_f32(x); }
#else
/* Adding 1.5 * 2^23 rounds to nearest even, like everywhere; the clamp keeps that exact. */
BNC_INLINE int32x4_t v16_rint4(float32x4_t x) {
  const float32x4_t magic = vdupq_n_f32(0x1.8p+23f);
  x = v16_max4(x, vdupq_n_f32(-1024.0f));
  return vsubq_s32(vreinterpretq_s32_f32(vaddq_f32(x, magic)), vreinterpretq_s32_f32(magic));
}
#endif
BNC_INLINE int8x16_t v16_round_i8(v16 x, int32_t zero_point) {
  const int16x8_t zero = vdupq_n_s16((int16_t)zero_point);
  const int16x8_t low = vqaddq_s16(vcombine_s16(vqmovn_s32(v16_rint4(x.a)), vqmovn_s32(v16_rint4(x.b))), zero);
  const int16x8_t high = vqaddq_s16(vcombine_s16(vqmovn_s32(v16_rint4(x.c)), vqmovn_s32(v16_rint4(x.d))), zero);
  return vcombine_s8(vqmovn_s16(low), vqmovn_s16(high));
}
BNC_INLINE void v16_store_i8(int8_t *p, v16 x, int32_t zero_point) { vst1q_s8(p, v16_round_i8(x, zero_point)); }
BNC_INLINE void v16_store_i8_n(int8_t *p, v16 x, int32_t zero_point, size_t n) {
  int8_t q[16];
  vst1q_s8(q, v16_round_i8(x, zero_point));
  memcpy(p, q, n);
}

BNC_INLINE v16 v16_from_i8(const int8_t *p) {
  const int8x16_t q = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(q)), high = vmovl_s8(vget_high_s8(q));
  return (v16){vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
               vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))};
}
BNC_INLINE v16 v16_from_f16(const uint16_t *p) {
  return (v16){vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))), vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4))),
               vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 8))), vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 12)))};
}
BNC_INLINE void v16_store_f16(uint16_t *p, v16 x) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x.a)));
  vst1_u16(p + 4, vreinterpret_u16_f16(vcvt_f16_f32(x.b)));
  vst1_u16(p + 8, vreinterpret_u16_f16(vcvt_f16_f32(x.c)));
  vst1_u16(p + 12, vreinterpret_u16_f16(vcvt_f16_f32(x.d)));
}
BNC_INLINE void v16_store_f16_n(uint16_t *p, v16 x, size_t n) {
  uint16_t h[16];
  v16_store_f16(h, x);
  memcpy(p, h, n * sizeof *h);
}
BNC_INLINE float32x4_t v16_bf16_even4(const uint16_t *p) {
  return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_u16(vld1q_u16(p)), 16));
}
BNC_INLINE float32x4_t v16_bf16_odd4(const uint16_t *p) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_u16(vld1q_u16(p)), vdupq_n_u32(0xffff0000u)));
}
BNC_INLINE v16 v16_bf16_even(const uint16_t *p) {
  return (v16){v16_bf16_even4(p), v16_bf16_even4(p + 8), v16_bf16_even4(p + 16), v16_bf16_even4(p + 24)};
}
BNC_INLINE v16 v16_bf16_odd(const uint16_t *p) {
  return (v16){v16_bf16_odd4(p), v16_bf16_odd4(p + 8), v16_bf16_odd4(p + 16), v16_bf16_odd4(p + 24)};
}

#endif
