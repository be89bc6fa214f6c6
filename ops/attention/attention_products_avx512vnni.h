/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_products_avx512vnni.h  A tile of attention_rows_walk.h over sixteen lanes of AVX-512, whatever is multiplied: six rows
 * by four vectors of keys, or of columns of values: 24 sums, four vectors and a broadcast of 32 registers. Include
 * ops/simd/v16_avx512vnni.h first. */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_PRODUCTS_AVX512VNNI_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_PRODUCTS_AVX512VNNI_H

#include <string.h>

#include "ops/inline.h"

enum { ROWS = 6 };

/* sum[r][x] += the products of `steps` times four bytes of row r with four of each of 16 lanes: of bytes, or of pairs of bf16. vectors: a
   constant. In sum's register: GCC would else move all 24 to others and back in each round. */
#define DEFINE_PRODUCTS(name, sums, instruction)                                                                                           \
  BNC_INLINE void name(const void *rows, size_t stride_bytes, const void *lanes /* [steps][every][16, 4 bytes] */, size_t every,           \
                       size_t steps, sums(*sum)[4], const size_t vectors) {                                                                \
    const char *row = rows, *lane = lanes;                                                                                                 \
    for (size_t i = 0; i < steps; ++i, row += 4, lane += 64 * every) {                                                                     \
      __m512i y[4];                                                                                                                        \
      BNC_UNROLL(16) for (size_t x = 0; x < vectors; ++x) y[x] = _mm512_load_si512((const void *)(lane + 64 * x));                         \
      BNC_UNROLL(16) for (size_t r = 0; r < ROWS; ++r) {                                                                                   \
        int32_t four;                                                                                                                      \
        memcpy(&four, row + r * stride_bytes, sizeof four);                                                                                \
        const __m512i all = _mm512_set1_epi32(four);                                                                                       \
        BNC_UNROLL(16) for (size_t x = 0; x < vectors; ++x) __asm__(instruction " %2, %1, %0" : "+v"(sum[r][x]) : "v"(all), "v"(y[x]));    \
      }                                                                                                                                    \
    }                                                                                                                                      \
  }

/* Each pair of lanes of x and y by `op`, 16 lanes of each becoming 8: the lanes that unpacking leaves side by side. */
#define HALVE_PS(op, x, y) op(_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y))
#define HALVE_PD(op, x, y)                                                                                                                 \
  op(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(x), _mm512_castps_pd(y))),                                                       \
     _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(x), _mm512_castps_pd(y))))

/* The lanes of each of a tile's rows by `op`, in an order that is the same for all: in lanes 0 to 5; zeros behind. */
#define REDUCE_6(name, op)                                                                                                                 \
  BNC_INLINE __m512 name(const __m512 *x /* [6] */) {                                                                                      \
    const __m512 ab = HALVE_PS(op, x[0], x[1]), cd = HALVE_PS(op, x[2], x[3]), ef = HALVE_PS(op, x[4], x[5]);                              \
    const __m512 abcd = HALVE_PD(op, ab, cd), efef = HALVE_PD(op, ef, ef);                                                                 \
    const __m512 both = op(_mm512_shuffle_f32x4(abcd, efef, 0x44), _mm512_shuffle_f32x4(abcd, efef, 0xee));                                \
    const __m512 all = op(both, _mm512_shuffle_f32x4(both, both, 0xb1));                                                                   \
    return _mm512_maskz_permutexvar_ps(0x3f, _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), all);                      \
  }
_Static_assert(ROWS == 6, "a tile's rows are reduced together");

#endif
