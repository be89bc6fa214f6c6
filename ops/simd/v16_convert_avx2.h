/* SPDX-License-Identifier: Apache-2.0 */
/** @file v16_convert_avx2.h  Sixteen floats from and to int8, half and bfloat16 in memory, on AVX2. Part of v16_avx2.h, which includes it.
 */
#ifndef BINOCLE_OPS_SIMD_V16_CONVERT_AVX2_H
#define BINOCLE_OPS_SIMD_V16_CONVERT_AVX2_H

/* rint(x) + zero_point, saturated to int8; x is at most 255 and no NaN */
BNC_INLINE __m128i v16_round_i8(v16 x, int32_t zero_point) {
  __m256i w = _mm256_packs_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b));
  w = _mm256_adds_epi16(_mm256_permute4x64_epi64(w, 0xd8), _mm256_set1_epi16((int16_t)zero_point));
  return _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
}
BNC_INLINE void v16_store_i8(int8_t *p, v16 x, int32_t zero_point) { _mm_storeu_si128((__m128i *)p, v16_round_i8(x, zero_point)); }
BNC_INLINE void v16_store_i8_n(int8_t *p, v16 x, int32_t zero_point, size_t n) {
  int8_t q[16];
  _mm_storeu_si128((__m128i *)q, v16_round_i8(x, zero_point));
  memcpy(p, q, n);
}

BNC_INLINE v16 v16_from_i8(const int8_t *p) {
  const __m128i q = _mm_loadu_si128((const __m128i *)p);
  return (v16){_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(q, 8)))};
}
BNC_INLINE v16 v16_from_f16(const uint16_t *p) {
  return (v16){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
/* rounded to nearest even, as ops/half.h says */
BNC_INLINE void v16_store_f16(uint16_t *p, v16 x) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
BNC_INLINE void v16_store_f16_n(uint16_t *p, v16 x, size_t n) {
  uint16_t h[16];
  v16_store_f16(h, x);
  memcpy(p, h, n * sizeof *h);
}
/* The first of each of 16 pairs, and the second. */
BNC_INLINE v16 v16_bf16_even(const uint16_t *p) {
  const __m256i *q = (const __m256i *)p;
  return (v16){_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256(q), 16)),
               _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256(q + 1), 16))};
}
BNC_INLINE v16 v16_bf16_odd(const uint16_t *p) {
  const __m256i *q = (const __m256i *)p, high = _mm256_set1_epi32((int32_t)0xffff0000);
  return (v16){_mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256(q), high)),
               _mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256(q + 1), high))};
}

#endif
