/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/resample/resample_scalar.h"

enum {
  ROWS = 4,      /* side by side, each in a quarter of a register */
  POSITIONS = 4, /* that are stored together */
  READ_AHEAD = 2,
  WRITE_AHEAD = 2 /* pixels: the 16 bytes of a load or a store hold five and a third, of which four count */
};

typedef struct block {
  const uint8_t *in[ROWS];
  uint8_t *out[ROWS];
} block;

BNC_INLINE __m512i load(const block *b, size_t at, __mmask16 kept) {
  __m512i x = _mm512_castsi128_si512(_mm_maskz_loadu_epi8(kept, b->in[0] + at));
  x = _mm512_inserti32x4(x, _mm_maskz_loadu_epi8(kept, b->in[1] + at), 1);
  x = _mm512_inserti32x4(x, _mm_maskz_loadu_epi8(kept, b->in[2] + at), 2);
  return _mm512_inserti32x4(x, _mm_maskz_loadu_epi8(kept, b->in[3] + at), 3);
}

BNC_INLINE __m512i weights(const int8_t *digits /* [4] */) {
  int32_t four;
  memcpy(&four, digits, sizeof four);
  return _mm512_set1_epi32(four);
}

/* Position i of the rows: red, green, blue and something as 32 bits. Nothing behind the last tap is read where there is no room. */
BNC_INLINE __m512i position(const bnc_resample *taps, size_t i, const block *b, const bool room) {
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1));
  const int8_t *digits = taps->digits + BNC_RESAMPLE_DIGITS * i * taps->taps; /* [taps / 4, 3, 4] */
  const size_t end = room ? taps->taps : taps->count[i];
  __m512i low = _mm512_set1_epi32(BNC_RESAMPLE_HALF), middle = _mm512_setzero_si512(), high = middle;
  size_t at = 3 * (size_t)taps->first[i];
  for (size_t t = 0; t < end; t += BNC_RESAMPLE_GROUP, at += 3 * BNC_RESAMPLE_GROUP, digits += BNC_RESAMPLE_DIGITS * BNC_RESAMPLE_GROUP) {
    const size_t left = end - t < BNC_RESAMPLE_GROUP ? end - t : BNC_RESAMPLE_GROUP;
    const __mmask16 kept = (__mmask16)(room ? 0xffffu : (1u << 3 * left) - 1);
    const __m512i x = _mm512_shuffle_epi8(load(b, at, kept), order);
    low = _mm512_dpbusd_epi32(low, x, weights(digits));
    middle = _mm512_dpbusd_epi32(middle, x, weights(digits + BNC_RESAMPLE_GROUP));
    high = _mm512_dpbusd_epi32(high, x, weights(digits + 2 * BNC_RESAMPLE_GROUP));
  }
  high = _mm512_add_epi32(_mm512_slli_epi32(high, 8), middle);
  return _mm512_srai_epi32(_mm512_add_epi32(_mm512_slli_epi32(high, 8), low), BNC_RESAMPLE_BITS);
}

/* Four positions of the rows, those bytes of the 12 that `kept` has, or, with room, four bytes more. */
BNC_INLINE void four(const bnc_resample *taps, const size_t *i /* [4] */, const block *b, const bool room, __mmask16 kept) {
  const __m512i squeeze = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const __m512i front = _mm512_packs_epi32(position(taps, i[0], b, room), position(taps, i[1], b, room));
  const __m512i back = _mm512_packs_epi32(position(taps, i[2], b, room), position(taps, i[3], b, room));
  const __m512i pixels = _mm512_shuffle_epi8(_mm512_packus_epi16(front, back), squeeze);
  _mm_mask_storeu_epi8(b->out[0] + 3 * i[0], kept, _mm512_castsi512_si128(pixels));
  _mm_mask_storeu_epi8(b->out[1] + 3 * i[0], kept, _mm512_extracti32x4_epi32(pixels, 1));
  _mm_mask_storeu_epi8(b->out[2] + 3 * i[0], kept, _mm512_extracti32x4_epi32(pixels, 2));
  _mm_mask_storeu_epi8(b->out[3] + 3 * i[0], kept, _mm512_extracti32x4_epi32(pixels, 3));
}

void bnc_resample_rows_u8_avx512vnni(const bnc_resample_rows_args *args, size_t from, size_t to) {
  const size_t roomy = bnc_resample_roomy(args, READ_AHEAD), last = args->end - 1;
  for (size_t row = from; row < to; row += ROWS) {
    block b;
    for (size_t r = 0; r < ROWS; ++r) {
      const size_t y = row + r < to ? row + r : to - 1; /* the last row may be computed more than once */
      b.in[r] = args->in + (y - args->first_row) * args->in_stride;
      b.out[r] = args->out + y % args->slots * args->out_stride;
    }
    size_t i = args->begin;
    for (; i + POSITIONS + WRITE_AHEAD <= roomy; i += POSITIONS)
      four(args->taps, (const size_t[]){i, i + 1, i + 2, i + 3}, &b, true, 0xffff);
    for (; i < args->end; i += POSITIONS) {
      const size_t each[POSITIONS] = {i, i + 1 < last ? i + 1 : last, i + 2 < last ? i + 2 : last, i + 3 < last ? i + 3 : last};
      const size_t n = args->end - i < POSITIONS ? args->end - i : POSITIONS;
      four(args->taps, each, &b, false, (__mmask16)((1u << 3 * n) - 1));
    }
  }
}
