/* SPDX-License-Identifier: Apache-2.0 */
/** @file v16_avx512vnni.h  v16_avx2.h's operations (which says what they are) on one AVX-512 register, tails by masks. */
#ifndef BINOCLE_OPS_SIMD_V16_AVX512VNNI_H
#define BINOCLE_OPS_SIMD_V16_AVX512VNNI_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/inline.h"
#include "ops/simd/transpose_avx512vnni.h"

#define V16_UNROLL BNC_UNROLL(16)
#define V16_TILE_ROWS 12 /* 12 x 2 sums, two loads and a broadcast of 32 registers: 14 loads for 24 multiply-adds */
#define V16_TILE_VECTORS 2

typedef struct v16 {
  __m512 a;
} v16;

BNC_INLINE __mmask16 v16_first(size_t n) { return (__mmask16)((1u << n) - 1); }

BNC_INLINE v16 v16_set1(float x) { return (v16){_mm512_set1_ps(x)}; }
BNC_INLINE v16 v16_load(const float *p) { return (v16){_mm512_loadu_ps(p)}; }
BNC_INLINE void v16_store(float *p, v16 x) { _mm512_storeu_ps(p, x.a); }
BNC_INLINE v16 v16_load_n(const float *p, size_t n) { return (v16){_mm512_maskz_loadu_ps(v16_first(n), p)}; }
BNC_INLINE void v16_store_n(float *p, v16 x, size_t n) { _mm512_mask_storeu_ps(p, v16_first(n), x.a); }

BNC_INLINE v16 v16_add(v16 x, v16 y) { return (v16){_mm512_add_ps(x.a, y.a)}; }
BNC_INLINE v16 v16_sub(v16 x, v16 y) { return (v16){_mm512_sub_ps(x.a, y.a)}; }
BNC_INLINE v16 v16_mul(v16 x, v16 y) { return (v16){_mm512_mul_ps(x.a, y.a)}; }
BNC_INLINE v16 v16_div(v16 x, v16 y) { return (v16){_mm512_div_ps(x.a, y.a)}; }
BNC_INLINE v16 v16_fma(v16 x, v16 y, v16 z) { return (v16){_mm512_fmadd_ps(x.a, y.a, z.a)}; }
BNC_INLINE v16 v16_min(v16 x, v16 y) { return (v16){_mm512_min_ps(x.a, y.a)}; }
BNC_INLINE v16 v16_max(v16 x, v16 y) { return (v16){_mm512_max_ps(x.a, y.a)}; }
BNC_INLINE v16 v16_abs(v16 x) { return (v16){_mm512_abs_ps(x.a)}; }
BNC_INLINE v16 v16_if_positive(v16 x, v16 y, v16 z) {
  return (v16){_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.a, _mm512_setzero_ps(), _CMP_GT_OQ), z.a, y.a)};
}
BNC_INLINE v16 v16_first_or(v16 x, v16 y, size_t n) { return (v16){_mm512_mask_blend_ps(v16_first(n), y.a, x.a)}; }
BNC_INLINE v16 v16_power(v16 t) {
  return (v16){_mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(t.a), 23), _mm512_set1_epi32(0x3f800000)))};
}

BNC_INLINE float v16_sum(v16 x) {
  const __m256 e = _mm256_add_ps(_mm512_castps512_ps256(x.a), _mm512_extractf32x8_ps(x.a, 1));
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
BNC_INLINE float v16_least(v16 x) { return _mm512_reduce_min_ps(x.a); }
BNC_INLINE float v16_greatest(v16 x) { return _mm512_reduce_max_ps(x.a); }

BNC_INLINE __m128i v16_round_i8(v16 x, int32_t zero_point) {
  const __m256i w = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x.a));
  return _mm256_cvtsepi16_epi8(_mm256_adds_epi16(w, _mm256_set1_epi16((int16_t)zero_point)));
}
BNC_INLINE void v16_store_i8(int8_t *p, v16 x, int32_t zero_point) { _mm_storeu_si128((__m128i *)p, v16_round_i8(x, zero_point)); }
BNC_INLINE void v16_store_i8_n(int8_t *p, v16 x, int32_t zero_point, size_t n) {
  _mm_mask_storeu_epi8(p, v16_first(n), v16_round_i8(x, zero_point));
}

BNC_INLINE v16 v16_from_i8(const int8_t *p) { return (v16){_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)))}; }
BNC_INLINE v16 v16_from_f16(const uint16_t *p) { return (v16){_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p))}; }
BNC_INLINE void v16_store_f16(uint16_t *p, v16 x) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT)); }
BNC_INLINE void v16_store_f16_n(uint16_t *p, v16 x, size_t n) {
  _mm256_mask_storeu_epi16(p, v16_first(n), _mm512_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
}
BNC_INLINE v16 v16_bf16_even(const uint16_t *p) { return (v16){_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16))}; }
BNC_INLINE v16 v16_bf16_odd(const uint16_t *p) {
  return (v16){_mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32((int32_t)0xffff0000)))};
}

enum { V16_TRANSPOSE = 16 };
BNC_INLINE void v16_transpose(const float *src, size_t stride, float *dst) {
  __m512i x[16];
  V16_UNROLL for (size_t i = 0; i < 16; ++i) x[i] = _mm512_loadu_si512((const void *)(src + i * stride));
  bnc_transpose_16x16(x);
  V16_UNROLL for (size_t i = 0; i < 16; ++i) _mm512_storeu_si512((void *)(dst + i * 16), x[i]);
}

#endif
