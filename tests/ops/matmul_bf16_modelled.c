/* SPDX-License-Identifier: Apache-2.0 */
/* The AVX512-BF16 kernel with its two instructions made of others, for CPUs of AVX-512 that lack them. */
#include <immintrin.h>

#include "tests/ops/matmul_bf16_modelled.h"

/* VDPBF16PS: the odd product of each pair, then the even one, each fused with the sum. */
static inline __m512 add_pairs(__m512 sum, __m512bh x, __m512bh y) {
  const __m512i a = (__m512i)x, b = (__m512i)y, high = _mm512_set1_epi32((int)0xffff0000u);
  sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(a, high)), _mm512_castsi512_ps(_mm512_and_si512(b, high)), sum);
  return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(a, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)), sum);
}

/* VCVTNEPS2BF16 of normal numbers and zeros: to nearest even. */
static inline __m256bh to_nearest(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i sum = _mm512_add_epi32(bits, _mm512_add_epi32(_mm512_set1_epi32(0x7fff), odd));
  return (__m256bh)_mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 16));
}

#undef _mm512_dpbf16_ps
#undef _mm512_cvtneps_pbh
#define _mm512_dpbf16_ps add_pairs
#define _mm512_cvtneps_pbh to_nearest
#define bnc_matmul_bf16_avx512bf16 matmul_bf16_modelled
#include "ops/matmul/matmul_bf16_avx512bf16.c"
