/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "ops/inline.h"
#include "ops/matmul/matmul.h"

enum { TOGETHER = 8 }; /* groups whose lanes are added up at once */

/* A group's sum in eight lanes. Pairs of int8, and pairs of those, stay far below their limits. */
BNC_INLINE __m256i lanes_of(const int8_t *q, size_t group) {
  const __m256i ones8 = _mm256_set1_epi8(1), ones16 = _mm256_set1_epi16(1);
  __m256i sum = _mm256_setzero_si256();
  for (size_t k = 0; k < group; k += BNC_I4_BLOCK) {
    const __m256i pairs = _mm256_maddubs_epi16(ones8, _mm256_loadu_si256((const __m256i *)(q + k)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones16));
  }
  return sum;
}

BNC_INLINE __m256i eight_sums(const int8_t *q /* [8, group] */, size_t group) {
  __m256i x[TOGETHER];
  BNC_UNROLL(8) for (size_t g = 0; g < TOGETHER; ++g) x[g] = lanes_of(q + g * group, group);
  const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(x[0], x[1]), _mm256_hadd_epi32(x[2], x[3]));
  const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(x[4], x[5]), _mm256_hadd_epi32(x[6], x[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

BNC_INLINE int32_t one_sum(const int8_t *q, size_t group) {
  const __m256i x = lanes_of(q, group);
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

BNC_INLINE void sums(const bnc_matmul_args *args, size_t from, size_t to, const size_t group) {
  const size_t groups = args->w.k / group;
  for (size_t row = from; row < to; ++row) {
    const int8_t *q = args->q + row * args->q_stride; /* [k] */
    int32_t *out = args->sums + row * groups;         /* [groups] */
    size_t g = 0;
    for (; g + TOGETHER <= groups; g += TOGETHER, q += TOGETHER * group)
      _mm256_storeu_si256((__m256i *)(out + g), _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(eight_sums(q, group), 3)));
    for (; g < groups; ++g, q += group) out[g] = -8 * one_sum(q, group);
  }
}

void bnc_matmul_sums_avx2(const bnc_matmul_args *args, size_t from, size_t to) {
  if (args->w.group == BNC_I4_BLOCK)
    sums(args, from, to, BNC_I4_BLOCK);
  else
    sums(args, from, to, args->w.group);
}
