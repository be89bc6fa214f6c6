/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "ops/inline.h"
#include "ops/limits/limits.h"

float bnc_limits_bf16_avx512bf16(double *macs) {
  __m512bh x = (__m512bh)_mm512_set1_epi32(0x3c003c00); /* 2^-7 twice */
  __m512 sum[BNC_LIMIT_SUMS], all = _mm512_setzero_ps();
  BNC_UNROLL(12) for (int i = 0; i < BNC_LIMIT_SUMS; ++i) sum[i] = _mm512_set1_ps((float)i); /* all different */
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    BNC_UNROLL(12) for (int i = 0; i < BNC_LIMIT_SUMS; ++i) sum[i] = _mm512_dpbf16_ps(sum[i], x, x);
    __asm__("" : "+v"(x)); /* the products are not the same ones to the compiler */
  }
  BNC_UNROLL(12) for (int i = 0; i < BNC_LIMIT_SUMS; ++i) all = _mm512_add_ps(all, sum[i]);
  *macs = 32.0 * BNC_LIMIT_SUMS * BNC_LIMIT_ROUNDS;
  return _mm512_reduce_add_ps(all);
}
