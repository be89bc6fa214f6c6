/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>
#include <string.h>

#include "ops/resample/resample_scalar.h"

static inline __m256i weights(const int16_t *pair) {
  int32_t both;
  memcpy(&both, pair, sizeof both);
  return _mm256_set1_epi32(both);
}

static inline __m256i total(__m256i high, __m256i low) {
  const __m256i s = _mm256_add_epi32(_mm256_slli_epi32(high, BNC_RESAMPLE_LOW_BITS), low);
  return _mm256_srai_epi32(_mm256_add_epi32(s, _mm256_set1_epi32(BNC_RESAMPLE_HALF)), BNC_RESAMPLE_BITS);
}

void bnc_resample_columns_u8_avx2(const bnc_resample_columns_args *args, size_t from, size_t to) {
  const bnc_resample *taps = args->taps;
  const int16_t *parts = taps->parts + 2 * args->position * taps->taps; /* [taps / 4, 2, 4] */
  const size_t count = taps->count[args->position];
  const __m256i zero = _mm256_setzero_si256();
  size_t k = from;
  for (; k + 32 <= to; k += 32) {
    __m256i high[4] = {zero, zero, zero, zero}, low[4] = {zero, zero, zero, zero};
    for (size_t t = 0; t < count; t += 2) {
      const int16_t *pair = parts + t / BNC_RESAMPLE_GROUP * (2 * BNC_RESAMPLE_GROUP) + t % BNC_RESAMPLE_GROUP;
      const __m256i w_high = weights(pair), w_low = weights(pair + BNC_RESAMPLE_GROUP);
      const __m256i a = _mm256_loadu_si256((const __m256i *)(args->in[t] + k)),
                    b = _mm256_loadu_si256((const __m256i *)(args->in[t + 1] + k));
      const __m256i first = _mm256_unpacklo_epi8(a, b), last = _mm256_unpackhi_epi8(a, b);
      const __m256i x[4] = {_mm256_unpacklo_epi8(first, zero), _mm256_unpackhi_epi8(first, zero), _mm256_unpacklo_epi8(last, zero),
                            _mm256_unpackhi_epi8(last, zero)};
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) {
        high[j] = _mm256_add_epi32(high[j], _mm256_madd_epi16(x[j], w_high));
        low[j] = _mm256_add_epi32(low[j], _mm256_madd_epi16(x[j], w_low));
      }
    }
    /* What unpacking did within each half, packing undoes. */
    const __m256i words[2] = {_mm256_packs_epi32(total(high[0], low[0]), total(high[1], low[1])),
                              _mm256_packs_epi32(total(high[2], low[2]), total(high[3], low[3]))};
    _mm256_storeu_si256((__m256i *)(args->out + k), _mm256_packus_epi16(words[0], words[1]));
  }
  bnc_resample_column(args, k, to);
}
