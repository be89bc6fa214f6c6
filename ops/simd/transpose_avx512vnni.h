/* SPDX-License-Identifier: Apache-2.0 */
/** @file transpose_avx512vnni.h  Sixteen registers of sixteen 32-bit lanes, transposed in place. */
#ifndef BINOCLE_OPS_SIMD_TRANSPOSE_AVX512VNNI_H
#define BINOCLE_OPS_SIMD_TRANSPOSE_AVX512VNNI_H

#include <immintrin.h>
#include <stddef.h>

#include "ops/inline.h"

/* Lane i of x[j] and lane j of x[i] change places. */
BNC_INLINE void bnc_transpose_16x16(__m512i *x /* [16] */) {
  __m512i t[16];
  BNC_UNROLL(4) for (size_t i = 0; i < 16; i += 4) {
    const __m512i a = _mm512_unpacklo_epi32(x[i], x[i + 1]), b = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    const __m512i c = _mm512_unpacklo_epi32(x[i + 2], x[i + 3]), d = _mm512_unpackhi_epi32(x[i + 2], x[i + 3]);
    t[i] = _mm512_unpacklo_epi64(a, c);
    t[i + 1] = _mm512_unpackhi_epi64(a, c);
    t[i + 2] = _mm512_unpacklo_epi64(b, d);
    t[i + 3] = _mm512_unpackhi_epi64(b, d);
  }
  BNC_UNROLL(4) for (size_t i = 0; i < 4; ++i) { /* quarters of x[i], x[i + 4], x[i + 8], x[i + 12] */
    const __m512i a = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88);
    const __m512i c = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xdd), d = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xdd);
    x[i] = _mm512_shuffle_i32x4(a, b, 0x88);
    x[i + 8] = _mm512_shuffle_i32x4(a, b, 0xdd);
    x[i + 4] = _mm512_shuffle_i32x4(c, d, 0x88);
    x[i + 12] = _mm512_shuffle_i32x4(c, d, 0xdd);
  }
}

#endif
