/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "ops/inline.h"
#include "ops/limits/limits.h"

/* Sums are in registers only where no loop over them is left. */
#define UNROLL BNC_UNROLL(12)

enum { SUMS = 12 };

/* Pairs of int16 products, added up: what AVX2 has for int8 (ops/matmul/matmul_i8.h), as maddubs saturates. */
int32_t bnc_limits_int8_avx2(double *macs) {
  __m256i x = _mm256_set1_epi16(3), sum[SUMS], all = _mm256_setzero_si256();
  UNROLL for (int i = 0; i < SUMS; ++i) sum[i] = _mm256_set1_epi32(i); /* all different: equal chains would be computed once */
  for (int round = 0; round < BNC_LIMIT_ROUNDS; ++round) {
    UNROLL for (int i = 0; i < SUMS; ++i) {
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(x, x));
      __asm__("" : "+x"(x), "+x"(sum[i])); /* neither is each product the same to the compiler, nor may it move them and spill sums */
    }
  }
  UNROLL for (int i = 0; i < SUMS; ++i) all = _mm256_xor_si256(all, sum[i]);
  *macs = 16.0 * SUMS * BNC_LIMIT_ROUNDS;
  return _mm256_extract_epi32(all, 0);
}
