/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i4_ymm.h"

/* Pairs of products in int16: the range scheme of matmul.h. */
I4_INLINE void i4_block(const uint8_t *nibbles, const int8_t *const *q, size_t k, __m256i *wide, const size_t rows) {
  const __m256i low = _mm256_set1_epi8(15), one = _mm256_set1_epi16(1);
  __m256i narrow[TILE];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) narrow[r] = _mm256_setzero_si256();
  for (size_t c = 0; c < 4; ++c) { /* not unrolled: GCC would gather all products first, in memory */
    const __m256i both = _mm256_loadu_si256((const __m256i *)(nibbles + 32 * c));
    const __m256i even = _mm256_and_si256(both, low), odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    I4_UNROLL for (size_t r = 0; r < rows; ++r) {
      const __m256i x = _mm256_maddubs_epi16(even, i4_four(q[r] + k + 8 * c)), y = _mm256_maddubs_epi16(odd, i4_four(q[r] + k + 8 * c + 4));
      narrow[r] = _mm256_add_epi16(narrow[r], _mm256_add_epi16(x, y));
    }
  }
  I4_UNROLL for (size_t r = 0; r < rows; ++r) wide[r] = _mm256_add_epi32(wide[r], _mm256_madd_epi16(narrow[r], one));
}

void bnc_matmul_i4_avx2(const bnc_matmul_args *args, size_t from, size_t to) { i4_matmul(args, from, to); }
