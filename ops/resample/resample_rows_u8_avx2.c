/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/resample/resample_scalar.h"

enum {
  ROWS = 4,      /* side by side: they share the weights' loads, and fill the registers with sums */
  READ_AHEAD = 2 /* pixels: the 16 bytes of a load hold four and a third */
};

/* Position i of `rows` rows. One byte behind each of its pixels is overwritten. */
BNC_INLINE void position(const bnc_resample *taps, size_t i, const uint8_t *in, size_t in_stride, uint8_t *const *out, const size_t rows) {
  /* In the low half of a register, taps 0 and 1 as pairs of 16 bits: red, green, blue, nothing; in the high half, taps 2 and 3. */
  const __m256i pixels = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11,
                                          -1, -1, -1, -1, -1);
  const __m256i highs = _mm256_setr_epi32(0x03020100, 0x03020100, 0x03020100, 0x03020100, 0x07060504, 0x07060504, 0x07060504, 0x07060504);
  const __m256i lows = _mm256_add_epi8(highs, _mm256_set1_epi8(8));
  const int16_t *part = taps->parts + 2 * i * taps->taps;
  const uint8_t *p = in + 3 * (size_t)taps->first[i];
  __m256i high[ROWS], low[ROWS];
  __m128i sum[ROWS];
#pragma GCC unroll 4
  for (size_t r = 0; r < rows; ++r) high[r] = low[r] = _mm256_setzero_si256();
  for (size_t t = 0; t < taps->taps; t += BNC_RESAMPLE_GROUP, p += 3 * BNC_RESAMPLE_GROUP, part += 2 * BNC_RESAMPLE_GROUP) {
    const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)part));
    const __m256i w_high = _mm256_shuffle_epi8(both, highs), w_low = _mm256_shuffle_epi8(both, lows);
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; ++r) {
      const __m256i x = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p + r * in_stride))), pixels);
      high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(x, w_high));
      low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(x, w_low));
    }
  }
#pragma GCC unroll 4
  for (size_t r = 0; r < rows; ++r) {
    const __m256i s = _mm256_add_epi32(_mm256_slli_epi32(high[r], BNC_RESAMPLE_LOW_BITS), low[r]);
    const __m128i both = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    sum[r] = _mm_srai_epi32(_mm_add_epi32(both, _mm_set1_epi32(BNC_RESAMPLE_HALF)), BNC_RESAMPLE_BITS);
  }
#pragma GCC unroll 4
  for (size_t r = 0; r < rows; ++r) {
    const __m128i words = _mm_packs_epi32(sum[r], sum[r]);
    const int32_t pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    memcpy(out[r] + 3 * i, &pixel, sizeof pixel);
  }
}

BNC_INLINE void resize(const bnc_resample_rows_args *a, size_t row, size_t roomy, const size_t rows) {
  const uint8_t *in = a->in + (row - a->first_row) * a->in_stride;
  uint8_t *out[ROWS];
  for (size_t r = 0; r < rows; ++r) out[r] = a->out + (row + r) % a->slots * a->out_stride;
  for (size_t i = a->begin; i < roomy; ++i) position(a->taps, i, in, a->in_stride, out, rows);
  for (size_t i = roomy; i < a->end; ++i) {
    for (size_t r = 0; r < rows; ++r) bnc_resample_position(a->taps, i, in + r * a->in_stride, out[r]);
  }
}

void bnc_resample_rows_u8_avx2(const bnc_resample_rows_args *args, size_t from, size_t to) {
  size_t roomy = bnc_resample_roomy(args, READ_AHEAD), row = from;
  if (roomy == args->end && roomy > args->begin) --roomy; /* the byte behind the last pixel is not ours */
  for (; row + ROWS <= to; row += ROWS) resize(args, row, roomy, ROWS);
  for (; row < to; ++row) resize(args, row, roomy, 1);
}
