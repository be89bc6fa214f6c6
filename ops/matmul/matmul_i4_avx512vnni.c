/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/matmul/matmul_i4_ymm.h"

#define I4_ROWS 12 /* 12 sums and as many of floats, the nibbles and an activation, of 32 registers */

typedef __m512i i4_wide;

#include "ops/matmul/matmul_i4_slab.h"

/* VPDPBUSD: four products of unsigned by signed bytes, exactly into int32. */
I4_INLINE __m256i i4_nibbles(const uint8_t *nibbles, const int8_t *q, __m256i wide) {
  const __m256i low = _mm256_set1_epi8(15);
  I4_UNROLL for (size_t c = 0; c < 4; ++c) {
    const __m256i both = _mm256_loadu_si256((const __m256i *)(nibbles + 32 * c));
    const __m256i even = _mm256_and_si256(both, low), odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    wide = _mm256_dpbusd_epi32(_mm256_dpbusd_epi32(wide, even, i4_four(q + 8 * c)), odd, i4_four(q + 8 * c + 4));
  }
  return wide;
}

V16_INLINE i4_wide i4_start(int32_t x) { return _mm512_set1_epi32(x); }

V16_INLINE void i4_block(const uint8_t *bytes, const int8_t *const *q, size_t k, i4_wide *wide, const size_t rows) {
  I4_UNROLL for (size_t c = 0; c < 8; ++c) {
    const __m512i weights = _mm512_load_si512((const void *)(bytes + 64 * c));
    I4_UNROLL for (size_t r = 0; r < rows; ++r) {
      int32_t four;
      memcpy(&four, q[r] + k + 4 * c, sizeof four);
      wide[r] = _mm512_dpbusd_epi32(wide[r], weights, _mm512_set1_epi32(four));
    }
  }
}

V16_INLINE v16 i4_float(i4_wide wide) { return (v16){_mm512_cvtepi32_ps(wide)}; }

V16_INLINE v16 i4_scales(const uint16_t *first, const uint16_t *second) {
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)first)), _mm_loadu_si128((const __m128i *)second), 1);
  return (v16){_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(both), 16))};
}

V16_INLINE void i4_expand(const uint8_t *first, const uint8_t *second, uint8_t *bytes) {
  const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)first)), _mm256_loadu_si256((const __m256i *)second), 1);
  const __m512i low = _mm512_set1_epi8(15);
  _mm512_store_si512((void *)bytes, _mm512_and_si512(both, low));
  _mm512_store_si512((void *)(bytes + 64), _mm512_and_si512(_mm512_srli_epi16(both, 4), low));
}

void bnc_matmul_i4_avx512vnni(const bnc_matmul_args *args, size_t from, size_t to) {
  if (args->rows >= I4_ROWS && args->w.group <= DEPTH) i4_slab_matmul(args, from, to);
  else i4_row_by_row(args, from, to);
}
