/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "ops/limits/limits.h"

int32_t bnc_limits_int8_avx512vnni(double *macs) {
  __m512i x = _mm512_set1_epi8(3);
  __m512i a = _mm512_set1_epi32(0), b = _mm512_set1_epi32(1), c = _mm512_set1_epi32(2), d = _mm512_set1_epi32(3), e = _mm512_set1_epi32(4),
          f = _mm512_set1_epi32(5), g = _mm512_set1_epi32(6), h = _mm512_set1_epi32(7), i = _mm512_set1_epi32(8), j = _mm512_set1_epi32(9),
          k = _mm512_set1_epi32(10), l = _mm512_set1_epi32(11);
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    a = _mm512_dpbusd_epi32(a, x, x);
    b = _mm512_dpbusd_epi32(b, x, x);
    c = _mm512_dpbusd_epi32(c, x, x);
    d = _mm512_dpbusd_epi32(d, x, x);
    e = _mm512_dpbusd_epi32(e, x, x);
    f = _mm512_dpbusd_epi32(f, x, x);
    g = _mm512_dpbusd_epi32(g, x, x);
    h = _mm512_dpbusd_epi32(h, x, x);
    i = _mm512_dpbusd_epi32(i, x, x);
    j = _mm512_dpbusd_epi32(j, x, x);
    k = _mm512_dpbusd_epi32(k, x, x);
    l = _mm512_dpbusd_epi32(l, x, x);
    __asm__("" : "+v"(x)); /* the products are not the same ones to the compiler */
  }
  *macs = 12.0 * 64 * BNC_LIMIT_ROUNDS;
  const __m512i all = _mm512_add_epi32(_mm512_add_epi32(_mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d)),
                                                        _mm512_add_epi32(_mm512_add_epi32(e, f), _mm512_add_epi32(g, h))),
                                       _mm512_add_epi32(_mm512_add_epi32(i, j), _mm512_add_epi32(k, l)));
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(all));
}
