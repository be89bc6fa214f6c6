/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/patches/patches_qd8_v16.h"
#include "ops/patches/patches_zmm.h"

enum { WIDE = 64 };

/* What 64 bytes in a row become. Packing works within quarters of a register, so that their dwords need sorting at last. */
static inline __m512i table(const float *levels /* [64] */, float multiplier, int32_t zero_point) {
  const __m512i zero = _mm512_set1_epi16((int16_t)zero_point);
  __m512i x[4];
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) x[i] = _mm512_cvtps_epi32(v16_scaled(v16_load(levels + 16 * i), multiplier, zero_point).a);
  const __m512i front = _mm512_adds_epi16(_mm512_packs_epi32(x[0], x[1]), zero),
                back = _mm512_adds_epi16(_mm512_packs_epi32(x[2], x[3]), zero);
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), _mm512_packs_epi16(front, back));
}

/* The word that holds what a byte becomes: `at` is half the byte, in its low six bits. */
static inline __m512i words_at(const __m512i *t, __m512i at, __mmask32 upper) {
  return _mm512_mask_blend_epi16(upper, _mm512_permutex2var_epi16(t[0], at, t[1]), _mm512_permutex2var_epi16(t[2], at, t[3]));
}

static inline void patches_map(const uint8_t *bytes, size_t n, uint8_t least, uint8_t greatest, const float *levels, float multiplier,
                               int32_t zero_point, int8_t *q) {
  __m512i t[4];
  (void)least, (void)greatest; /* a whole table in registers costs no more than looking which part is needed */
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) t[i] = table(levels + WIDE * i, multiplier, zero_point);
  for (size_t i = 0; i < n; i += WIDE) {
    const size_t at = i + WIDE <= n ? i : n - WIDE;
    const __m512i x = _mm512_loadu_si512(bytes + at);
    __m512i even = words_at(t, _mm512_srli_epi16(x, 1), _mm512_test_epi16_mask(x, _mm512_set1_epi16(0x80)));
    __m512i odd = words_at(t, _mm512_srli_epi16(x, 9), _mm512_movepi16_mask(x));
    even = _mm512_mask_srli_epi16(even, _mm512_test_epi16_mask(x, _mm512_set1_epi16(1)), even, 8);
    odd = _mm512_mask_slli_epi16(odd, _mm512_testn_epi16_mask(x, _mm512_set1_epi16(0x100)), odd, 8);
    _mm512_storeu_si512(q + at, _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaa, even, odd));
  }
}

void bnc_patches_qd8_avx512vnni(const bnc_patches_args *args, size_t from, size_t to) { patches_qd8(args, from, to); }
