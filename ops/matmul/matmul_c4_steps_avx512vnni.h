/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_c4_steps_avx512vnni.h  Nibbles and steps of matmul_c4.h as the bytes that are multiplied: v + 128 for VPDPBUSD, v for AMX.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_C4_STEPS_AVX512VNNI_H
#define BINOCLE_OPS_MATMUL_MATMUL_C4_STEPS_AVX512VNNI_H

#include <immintrin.h>

#include "ops/inline.h"
#include "ops/matmul/matmul_c4.h"

/* A block's steps, for the lanes of both groups. */
typedef struct block_steps {
  __m512i factor[2]; /* int16: the step */
  __m512i base[2];   /* bytes: zero - 8 step */
} block_steps;

/* Of eight columns of y, each for four bytes; the eight twice (steps of one panel), or those of two panels one behind the other. */
BNC_INLINE block_steps steps_of(__m512i both /* [16 columns, 4 equal bytes] */, const int8_t zero) {
  const __m512i low = _mm512_set1_epi8(15);
  const __m512i step = _mm512_broadcast_i32x4(_mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
  const __m512i base = _mm512_sub_epi8(_mm512_set1_epi8(zero), _mm512_slli_epi16(step, 3));
  const __m512i first = _mm512_and_si512(both, low), second = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
  const __mmask64 even = 0x5555555555555555;
  return (block_steps){{_mm512_maskz_shuffle_epi8(even, step, first), _mm512_maskz_shuffle_epi8(even, step, second)},
                       {_mm512_shuffle_epi8(base, first), _mm512_shuffle_epi8(base, second)}};
}

/* v + 128 = u step + 128 - 8 step: a pair of bytes is a lane, whose products do not carry. */
BNC_INLINE __m512i values_of(__m512i nibbles, const block_steps *s, size_t group) {
  return _mm512_add_epi8(_mm512_mullo_epi16(nibbles, s->factor[group]), s->base[group]);
}

/* A block of two panels, which begins at k: eight vectors of 16 columns of y by four of k, `stride` bytes apart. */
BNC_INLINE void expand_block(const uint8_t *first, const uint8_t *second, size_t depth /* k in all */, size_t k, const int8_t zero,
                             uint8_t *out, const size_t stride) {
  const __m512i low = _mm512_set1_epi8(15);
  const uint8_t *a = first + 4 * k, *b = second + 4 * k, *steps = first + bnc_c4_nibble_bytes(depth) + k / 4;
  const uint8_t *others = second + bnc_c4_nibble_bytes(depth) + k / 4;
  const __m128i eight = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)steps), _mm_loadl_epi64((const __m128i *)others));
  const block_steps s = steps_of(_mm512_mullo_epi32(_mm512_cvtepu8_epi32(eight), _mm512_set1_epi32(0x01010101)), zero);
  BNC_UNROLL(4) for (size_t part = 0; part < 4; ++part, a += 32, b += 32, out += 2 * stride) {
    const __m256i one = _mm256_loadu_si256((const __m256i *)a), other = _mm256_loadu_si256((const __m256i *)b);
    const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(one), other, 1);
    _mm512_store_si512((void *)out, values_of(_mm512_and_si512(both, low), &s, part / 2));
    _mm512_store_si512((void *)(out + stride), values_of(_mm512_and_si512(_mm512_srli_epi16(both, 4), low), &s, part / 2));
  }
}

#endif
