/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/inline.h"
#include "ops/patches/patches_zmm.h"

enum { WIDE = 32, ENTRIES = 256, HALVES = 2, TOGETHER = 4 /* patches that share the loads of a table */ };

/* The low and the high halves of a channel's levels, each in eight registers. */
static inline void halve(const float *levels /* [256] */, uint16_t *halves /* [2, 256] */) {
  const __m512i even = _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28, 26, 24, 22, 20, 18, 16, 14,
                                        12, 10, 8, 6, 4, 2, 0);
  for (size_t i = 0; i < ENTRIES; i += WIDE) {
    const __m512i front = _mm512_loadu_si512(levels + i), back = _mm512_loadu_si512(levels + i + WIDE / 2);
    _mm512_storeu_si512(halves + i, _mm512_permutex2var_epi16(front, even, back));
    _mm512_storeu_si512(halves + ENTRIES + i, _mm512_permutex2var_epi16(front, _mm512_add_epi16(even, _mm512_set1_epi16(1)), back));
  }
}

/* Words of a table of eight registers: an index has six bits, and two in masks. */
BNC_INLINE __m512i look_up(const __m512i *t, __m512i at, __mmask32 bit6, __mmask32 bit7) {
  const __m512i low = _mm512_mask_blend_epi16(bit6, _mm512_permutex2var_epi16(t[0], at, t[1]), _mm512_permutex2var_epi16(t[2], at, t[3]));
  const __m512i high = _mm512_mask_blend_epi16(bit6, _mm512_permutex2var_epi16(t[4], at, t[5]), _mm512_permutex2var_epi16(t[6], at, t[7]));
  return _mm512_mask_blend_epi16(bit7, low, high);
}

BNC_INLINE void map(const __m512i t[HALVES][8], const uint8_t *bytes /* [n >= 64] */, size_t n, float *out /* [n] */) {
  /* The order that unpacking to dwords, within quarters of a register, undoes. */
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (size_t i = 0; i < n; i += WIDE) {
    const size_t first = i + WIDE <= n ? i : n - WIDE;
    const __m512i at = _mm512_cvtepu8_epi16(_mm256_permutevar8x32_epi32(_mm256_loadu_si256((const __m256i *)(bytes + first)), order));
    const __mmask32 bit6 = _mm512_test_epi16_mask(at, _mm512_set1_epi16(64)), bit7 = _mm512_test_epi16_mask(at, _mm512_set1_epi16(128));
    const __m512i low = look_up(t[0], at, bit6, bit7), high = look_up(t[1], at, bit6, bit7);
    _mm512_storeu_si512(out + first, _mm512_unpacklo_epi16(low, high));
    _mm512_storeu_si512(out + first + WIDE / 2, _mm512_unpackhi_epi16(low, high));
  }
}

void bnc_patches_u8_avx512vnni(const bnc_patches_args *args, size_t from, size_t to) {
  const size_t area = args->patch * args->patch;
  uint16_t halves[3][HALVES * ENTRIES];
  uint8_t bytes[TOGETHER][3 * PATCHES_PITCH];
  if (!bnc_patches_usual(args)) {
    bnc_patches_u8_scalar(args, from, to);
    return;
  }
  for (size_t c = 0; c < 3; ++c) halve(args->lut[c], halves[c]);
  for (size_t count; from < to; from += count) {
    count = to - from < TOGETHER ? to - from : TOGETHER;
    for (size_t i = 0; i < count; ++i) patches_read(args, from + i, bytes[i]);
    for (size_t c = 0; c < 3; ++c) {
      __m512i t[HALVES][8];
#pragma GCC unroll 16
      for (size_t k = 0; k < HALVES * 8; ++k) t[k / 8][k % 8] = _mm512_loadu_si512(halves[c] + k * WIDE);
      for (size_t i = 0; i < count; ++i) map(t, bytes[i] + c * PATCHES_PITCH, area, args->out + (from + i) * args->out_stride + c * area);
    }
  }
}
