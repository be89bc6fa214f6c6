/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "ops/limits/limits_v16.h"

/* Sums are in registers only where no loop over them is left. */
#define UNROLL _Pragma("GCC unroll 12")

enum { SUMS = 12 };

static float read_floats(const float *x, size_t count) { return limits_read_v16(x, count); }

/* Pairs of int16 products, added up: what AVX2 has for int8 (ops/matmul/matmul_i8.h), as maddubs saturates. */
static int32_t multiply_int8(double *macs) {
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

static float multiply_floats(void) { return limits_flops_v16(6); }

void bnc_limits_avx2(bnc_limits_ops *ops) { *ops = (bnc_limits_ops){multiply_int8, multiply_floats, read_floats}; }
