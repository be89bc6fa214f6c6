/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_nibbles_avx512vnni.h  Blocks of 32 columns by 8 rows of 4-bit weights, as few rows multiply with them: both 4-bit formats'.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_NIBBLES_AVX512VNNI_H
#define BINOCLE_OPS_MATMUL_MATMUL_NIBBLES_AVX512VNNI_H

#include "ops/matmul/matmul_dots_avx512vnni.h"

/* 32 columns of a row, each four of them eight times, as the nibbles of a block lie: those of the low ones of its halves, then of the high
 * ones. */
BNC_INLINE void nibbles_spread(const int8_t *q /* [32] */, __m512i *out /* [4] */) {
  const __m512i all = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)q)),
                high = _mm512_mask_set1_epi32(_mm512_setzero_si512(), 0xff00, 2);
  DOTS_UNROLL for (int i = 0; i < 4; ++i) {
    const __m512i places = _mm512_add_epi32(high, _mm512_set1_epi32(i / 2 * 4 + i % 2));
    out[i] = _mm512_permutexvar_epi32(places, all);
  }
}

/* A block's nibbles, apart. */
BNC_INLINE void nibbles_apart(const uint8_t *nibbles /* [4, 32] */, __m512i *out /* [4] */) {
  const __m512i low = _mm512_set1_epi8(15), a = _mm512_loadu_si512((const void *)nibbles),
                b = _mm512_loadu_si512((const void *)(nibbles + 64));
  out[0] = _mm512_and_si512(a, low);
  out[1] = _mm512_and_si512(_mm512_srli_epi16(a, 4), low);
  out[2] = _mm512_and_si512(b, low);
  out[3] = _mm512_and_si512(_mm512_srli_epi16(b, 4), low);
}

#endif
