/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/patches/patches_qd8_v16.h"

enum { WIDE = 64, RUN = 16 /* pixels, of 48 bytes: 24 words */ };

/* In quarters of a register: red, blue, green. Of every six bytes R G B R G B, which are three words, the reds are the low byte of the first and the high byte of
   the second word, the blues those of the second and the third, the greens, in wrong order, those of the third and the first. */
static inline __m512i split(__m512i pixels) {
  const __m512i step = _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 23, 20, 17, 14, 11, 8, 5, 2, 22, 19, 16, 13, 10, 7, 4, 1, 21, 18, 15, 12, 9, 6, 3, 0);
  const __m512i next = _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 21, 18, 15, 12, 9, 6, 3, 0, 23, 20, 17, 14, 11, 8, 5, 2, 22, 19, 16, 13, 10, 7, 4, 1);
  const __m512i swap = _mm512_set_epi64(-1, -1, 0x0e0f0c0d0a0b0809, 0x0607040502030001, 0x0f0e0d0c0b0a0908, 0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x0706050403020100);
  const __m512i both = _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaa, _mm512_permutexvar_epi16(step, pixels), _mm512_permutexvar_epi16(next, pixels));
  return _mm512_shuffle_epi8(both, swap);
}

/* The least byte of each quarter, at its place 0. */
static inline __m512i least_of(__m512i x) {
  x = _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 8));
  x = _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 4));
  x = _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 2));
  return _mm512_min_epu8(x, _mm512_bsrli_epi128(x, 1));
}

/* The columns of a crop lie side by side. */
static inline bool is_crop(const uint32_t *xs /* [patch] */, size_t patch) {
  const __m512i all = _mm512_add_epi32(_mm512_set1_epi32((int)xs[0]), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  return _mm512_cmpneq_epi32_mask(_mm512_mask_loadu_epi32(all, (__mmask16)((1u << patch) - 1), xs), all) == 0;
}

/* Any other columns, in the same order. Each pixel is read with the byte before it, which all but the picture's first have. */
static inline __m512i gather(const bnc_patches_args *a, const uint8_t *line, __m512i xs, __mmask16 run) {
  const __m512i within = _mm512_broadcast_i32x4(_mm_setr_epi8(1, 5, 9, 13, 3, 7, 11, 15, 2, 6, 10, 14, -1, -1, -1, -1));
  const __m512i corner = _mm512_set1_epi32((int)((uint32_t)a->u8[0] << 8 | (uint32_t)a->u8[1] << 16 | (uint32_t)a->u8[2] << 24));
  const __mmask16 inner = line == a->u8 ? _mm512_mask_test_epi32_mask(run, xs, xs) : run;
  const __m512i pixels = _mm512_mask_i32gather_epi32(corner, inner, _mm512_mullo_epi32(xs, _mm512_set1_epi32(3)), line - 1, 1);
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), _mm512_shuffle_epi8(pixels, within));
}

static inline patches_ends patches_read(const bnc_patches_args *a, size_t g, uint8_t *bytes) {
  const size_t patch = a->patch, grid = a->side / patch;
  const uint32_t *ys = a->y + g / grid * patch, *x = a->x + g % grid * patch; /* [patch] */
  const __mmask64 run = ((__mmask64)1 << patch) - 1, loaded = ((__mmask64)1 << 3 * patch) - 1, kept = run | run << RUN | run << 2 * RUN;
  const __m512i ones = _mm512_set1_epi8(-1), xs = _mm512_maskz_loadu_epi32((__mmask16)run, x);
  const __m512i side_by_side = _mm512_add_epi32(_mm512_set1_epi32((int)x[0]), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  const bool crop = _mm512_mask_cmpneq_epi32_mask((__mmask16)run, xs, side_by_side) == 0;
  __m512i min = ones, inverse = ones; /* of the greatest */
  for (size_t dy = 0; dy < patch; ++dy, bytes += patch) {
    const uint8_t *line = a->u8 + ys[dy] * a->y_stride;
    const __m512i channels = crop ? split(_mm512_maskz_loadu_epi8(loaded, line + 3 * (size_t)x[0])) : gather(a, line, xs, (__mmask16)run);
    min = _mm512_mask_min_epu8(min, kept, min, channels);
    inverse = _mm512_mask_min_epu8(inverse, kept, inverse, _mm512_xor_si512(channels, ones));
    _mm_storeu_si128((__m128i *)bytes, _mm512_castsi512_si128(channels));
    _mm_storeu_si128((__m128i *)(bytes + 2 * PATCHES_PITCH), _mm512_extracti32x4_epi32(channels, 1));
    _mm_storeu_si128((__m128i *)(bytes + PATCHES_PITCH), _mm512_extracti32x4_epi32(channels, 2));
  }
  uint8_t low[WIDE], high[WIDE];
  _mm512_storeu_si512(low, least_of(min));
  _mm512_storeu_si512(high, _mm512_xor_si512(least_of(inverse), ones));
  return (patches_ends){{low[0], low[2 * RUN], low[RUN]}, {high[0], high[2 * RUN], high[RUN]}};
}

/* What 64 bytes in a row become. Packing works within quarters of a register, so that their dwords need sorting at last. */
static inline __m512i table(const float *levels /* [64] */, float multiplier, int32_t zero_point) {
  const __m512i zero = _mm512_set1_epi16((int16_t)zero_point);
  __m512i x[4];
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) x[i] = _mm512_cvtps_epi32(v16_scaled(v16_load(levels + 16 * i), multiplier, zero_point).a);
  const __m512i front = _mm512_adds_epi16(_mm512_packs_epi32(x[0], x[1]), zero), back = _mm512_adds_epi16(_mm512_packs_epi32(x[2], x[3]), zero);
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), _mm512_packs_epi16(front, back));
}

/* The word that holds what a byte becomes: `at` is half the byte, in its low six bits. */
static inline __m512i words_at(const __m512i *t, __m512i at, __mmask32 upper) {
  return _mm512_mask_blend_epi16(upper, _mm512_permutex2var_epi16(t[0], at, t[1]), _mm512_permutex2var_epi16(t[2], at, t[3]));
}

static inline void patches_map(const uint8_t *bytes, size_t n, uint8_t least, uint8_t greatest, const float *levels, float multiplier, int32_t zero_point,
                               int8_t *q) {
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
