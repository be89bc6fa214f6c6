/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/resample/resample_scalar.h"

enum { WIDE = 64 };

/* The bytes [k, k + 64), those that `kept` has. */
BNC_INLINE void block(const bnc_resample_columns_args *a, size_t k, __mmask64 kept) {
  const bnc_resample *taps = a->taps;
  const int8_t *digits = taps->digits + BNC_RESAMPLE_DIGITS * a->position * taps->taps; /* [taps / 4, 3, 4] */
  const size_t count = taps->count[a->position];
  __m512i sum[4][BNC_RESAMPLE_DIGITS];
#pragma GCC unroll 4
  for (size_t j = 0; j < 4; ++j) {
    sum[j][0] = _mm512_set1_epi32(BNC_RESAMPLE_HALF);
    sum[j][1] = sum[j][2] = _mm512_setzero_si512();
  }
  for (size_t t = 0; t < count; t += BNC_RESAMPLE_GROUP, digits += BNC_RESAMPLE_DIGITS * BNC_RESAMPLE_GROUP) {
    const __m512i p = _mm512_maskz_loadu_epi8(kept, a->in[t] + k), q = _mm512_maskz_loadu_epi8(kept, a->in[t + 1] + k);
    const __m512i r = _mm512_maskz_loadu_epi8(kept, a->in[t + 2] + k), s = _mm512_maskz_loadu_epi8(kept, a->in[t + 3] + k);
    const __m512i front[2] = {_mm512_unpacklo_epi8(p, q), _mm512_unpacklo_epi8(r, s)},
                  back[2] = {_mm512_unpackhi_epi8(p, q), _mm512_unpackhi_epi8(r, s)};
    const __m512i x[4] = {_mm512_unpacklo_epi16(front[0], front[1]), _mm512_unpackhi_epi16(front[0], front[1]),
                          _mm512_unpacklo_epi16(back[0], back[1]), _mm512_unpackhi_epi16(back[0], back[1])};
#pragma GCC unroll 3
    for (size_t d = 0; d < BNC_RESAMPLE_DIGITS; ++d) {
      int32_t four;
      memcpy(&four, digits + d * BNC_RESAMPLE_GROUP, sizeof four);
      const __m512i w = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) sum[j][d] = _mm512_dpbusd_epi32(sum[j][d], x[j], w);
    }
  }
  __m512i pixels[4];
#pragma GCC unroll 4
  for (size_t j = 0; j < 4; ++j) {
    const __m512i high = _mm512_add_epi32(_mm512_slli_epi32(sum[j][2], 8), sum[j][1]);
    pixels[j] = _mm512_srai_epi32(_mm512_add_epi32(_mm512_slli_epi32(high, 8), sum[j][0]), BNC_RESAMPLE_BITS);
  }
  /* What unpacking did within each quarter, packing undoes. */
  const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(pixels[0], pixels[1]), _mm512_packs_epi32(pixels[2], pixels[3]));
  _mm512_mask_storeu_epi8(a->out + k, kept, bytes);
}

void bnc_resample_columns_u8_avx512vnni(const bnc_resample_columns_args *args, size_t from, size_t to) {
  size_t k = from;
  for (; k + WIDE <= to; k += WIDE) block(args, k, ~(__mmask64)0);
  if (k < to) block(args, k, ((__mmask64)1 << (to - k)) - 1);
}
