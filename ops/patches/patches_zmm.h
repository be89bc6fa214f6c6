/* SPDX-License-Identifier: Apache-2.0 */
/** @file patches_zmm.h  patches_read, for AVX-512: a line of a patch at a time. */
#ifndef BINOCLE_OPS_PATCHES_PATCHES_ZMM_H
#define BINOCLE_OPS_PATCHES_PATCHES_ZMM_H

#include <immintrin.h>

#include "ops/patches/patches_bytes.h"

enum { PATCHES_LANE = PATCHES_MOST /* a quarter of a register holds a channel of a line, whose pixels are 48 bytes: 24 words */ };

/* In quarters of a register: red, blue, green. Of every six bytes R G B R G B, which are three words, the reds are the low byte of the
   first and the high byte of the second word, the blues those of the second and the third, the greens, in wrong order, those of the third
   and the first. */
static inline __m512i patches_split_line(__m512i pixels) {
  const __m512i step =
      _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 23, 20, 17, 14, 11, 8, 5, 2, 22, 19, 16, 13, 10, 7, 4, 1, 21, 18, 15, 12, 9, 6, 3, 0);
  const __m512i next =
      _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 21, 18, 15, 12, 9, 6, 3, 0, 23, 20, 17, 14, 11, 8, 5, 2, 22, 19, 16, 13, 10, 7, 4, 1);
  const __m512i swap = _mm512_set_epi64(0, 0, 0x0e0f0c0d0a0b0809, 0x0607040502030001, 0x0f0e0d0c0b0a0908, 0x0706050403020100,
                                        0x0f0e0d0c0b0a0908, 0x0706050403020100);
  const __m512i both =
      _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaa, _mm512_permutexvar_epi16(step, pixels), _mm512_permutexvar_epi16(next, pixels));
  return _mm512_shuffle_epi8(both, swap);
}

/* The least byte of each quarter, at its place 0. */
static inline __m512i patches_least(__m512i x) {
  x = _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 8));
  x = _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 4));
  x = _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 2));
  return _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 1));
}

/* The columns of a crop lie side by side. */
static inline bool patches_is_crop(__m512i xs, __mmask16 run) {
  const __m512i first = _mm512_broadcastd_epi32(_mm512_castsi512_si128(xs));
  const __m512i crop = _mm512_add_epi32(first, _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  return _mm512_mask_cmpneq_epi32_mask(run, xs, crop) == 0;
}

/* Any other columns, in the same order. Each pixel is read with the byte before it, which all but the picture's first have. */
static inline __m512i patches_gather(const bnc_patches_args *a, const uint8_t *line, __m512i xs, __mmask16 run) {
  const __m512i within = _mm512_broadcast_i32x4(_mm_setr_epi8(1, 5, 9, 13, 3, 7, 11, 15, 2, 6, 10, 14, -1, -1, -1, -1));
  const __m512i corner = _mm512_set1_epi32((int)((uint32_t)a->u8[0] << 8 | (uint32_t)a->u8[1] << 16 | (uint32_t)a->u8[2] << 24));
  const __mmask16 inner = line == a->u8 ? _mm512_mask_test_epi32_mask(run, xs, xs) : run;
  const __m512i pixels = _mm512_mask_i32gather_epi32(corner, inner, _mm512_mullo_epi32(xs, _mm512_set1_epi32(3)), line - 1, 1);
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
                                  _mm512_shuffle_epi8(pixels, within));
}

static inline patches_ends patches_read(const bnc_patches_args *a, size_t g, uint8_t *bytes) {
  const size_t patch = a->patch, grid = a->side / patch;
  const uint32_t *ys = a->y + g / grid * patch, *x = a->x + g % grid * patch; /* [patch] */
  const __mmask64 run = ((__mmask64)1 << patch) - 1, loaded = ((__mmask64)1 << 3 * patch) - 1;
  const __mmask64 kept = run | run << PATCHES_LANE | run << 2 * PATCHES_LANE;
  const __m512i ones = _mm512_set1_epi8(-1), xs = _mm512_maskz_loadu_epi32((__mmask16)run, x);
  const bool crop = patches_is_crop(xs, (__mmask16)run);
  __m512i min = ones, inverse = ones; /* of the greatest */
  for (size_t dy = 0; dy < patch; ++dy, bytes += patch) {
    const uint8_t *line = a->u8 + ys[dy] * a->y_stride;
    const __m512i channels =
        crop ? patches_split_line(_mm512_maskz_loadu_epi8(loaded, line + 3 * (size_t)x[0])) : patches_gather(a, line, xs, (__mmask16)run);
    min = _mm512_mask_min_epu8(min, kept, min, channels);
    inverse = _mm512_mask_min_epu8(inverse, kept, inverse, _mm512_xor_si512(channels, ones));
    _mm_storeu_si128((__m128i *)bytes, _mm512_castsi512_si128(channels));
    _mm_storeu_si128((__m128i *)(bytes + 2 * PATCHES_PITCH), _mm512_extracti32x4_epi32(channels, 1));
    _mm_storeu_si128((__m128i *)(bytes + PATCHES_PITCH), _mm512_extracti32x4_epi32(channels, 2));
  }
  uint8_t low[64], high[64];
  _mm512_storeu_si512(low, patches_least(min));
  _mm512_storeu_si512(high, _mm512_xor_si512(patches_least(inverse), ones));
  return (patches_ends){{low[0], low[2 * PATCHES_LANE], low[PATCHES_LANE]}, {high[0], high[2 * PATCHES_LANE], high[PATCHES_LANE]}};
}

#endif
