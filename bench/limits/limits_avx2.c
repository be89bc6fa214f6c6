/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "bench/limits/limit_read_v16.h"

float limit_read_avx2(const float *x, size_t count) { return limit_read_v16(x, count); }

/* Products of 16-bit values, as maddubs saturates: 16 to an instruction. Its pairs of int8 would cost two such instructions for 32. */
int32_t limit_int8_avx2(double *macs) {
  __m256i x0 = _mm256_set1_epi16(3), x1 = _mm256_set1_epi16(5);
  const __m256i y0 = x0, y1 = x1, y2 = _mm256_set1_epi16(7), y3 = _mm256_set1_epi16(9);
  __m256i a = _mm256_set1_epi32(0), b = _mm256_set1_epi32(1), c = _mm256_set1_epi32(2), d = _mm256_set1_epi32(3), e = _mm256_set1_epi32(4),
          f = _mm256_set1_epi32(5), g = _mm256_set1_epi32(6), h = _mm256_set1_epi32(7);
  for (int r = 0; r < LIMIT_ROUNDS; ++r) {
    a = _mm256_add_epi32(a, _mm256_madd_epi16(x0, y0));
    b = _mm256_add_epi32(b, _mm256_madd_epi16(x1, y0));
    c = _mm256_add_epi32(c, _mm256_madd_epi16(x0, y1));
    d = _mm256_add_epi32(d, _mm256_madd_epi16(x1, y1));
    e = _mm256_add_epi32(e, _mm256_madd_epi16(x0, y2));
    f = _mm256_add_epi32(f, _mm256_madd_epi16(x1, y2));
    g = _mm256_add_epi32(g, _mm256_madd_epi16(x0, y3));
    h = _mm256_add_epi32(h, _mm256_madd_epi16(x1, y3));
    __asm__("" : "+x"(x0), "+x"(x1)); /* the products are not the same ones to the compiler */
  }
  *macs = 8.0 * 16 * LIMIT_ROUNDS;
  return _mm256_extract_epi32(_mm256_add_epi32(_mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d)),
                                               _mm256_add_epi32(_mm256_add_epi32(e, f), _mm256_add_epi32(g, h))),
                              0);
}
