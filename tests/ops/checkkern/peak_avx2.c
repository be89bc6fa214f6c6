/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "tests/ops/checkkern/peak_v16.h"

/* Sums are in registers only where no loop over them is left. */
#define UNROLL _Pragma("GCC unroll 12")

float peak_flops_avx2(void) { return peak_flops_v16(); }

int peak_int8_avx2(void) {
  __m256i x = _mm256_set1_epi16(3), sum[PEAK_SUMS], all = _mm256_setzero_si256();
  UNROLL for (int i = 0; i < PEAK_SUMS; ++i) sum[i] = _mm256_set1_epi32(i); /* all different: equal chains would be computed once */
  for (int round = 0; round < PEAK_ROUNDS; ++round) {
    UNROLL for (int i = 0; i < PEAK_SUMS; ++i) {
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(x, x));
      __asm__("" : "+x"(x), "+x"(sum[i])); /* neither is each product the same to the compiler, nor may it move them and spill sums */
    }
  }
  UNROLL for (int i = 0; i < PEAK_SUMS; ++i) all = _mm256_xor_si256(all, sum[i]);
  return _mm256_extract_epi32(all, 0);
}
