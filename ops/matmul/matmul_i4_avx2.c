/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "ops/matmul/matmul_i4_ymm.h"

#define I4_ROWS 4 /* 4 x 2 sums of pairs, 2 of nibbles, an activation and a product, of 16 registers */

typedef struct i4_wide {
  __m256i a, b;
} i4_wide;

#include "ops/matmul/matmul_i4_slab.h"

/* Pairs of products in int16: the range scheme of matmul.h. */
I4_INLINE __m256i i4_nibbles(const uint8_t *nibbles, const int8_t *q, __m256i wide) {
  const __m256i low = _mm256_set1_epi8(15), one = _mm256_set1_epi16(1);
  __m256i narrow = _mm256_setzero_si256();
  I4_UNROLL for (size_t c = 0; c < 4; ++c) {
    const __m256i both = _mm256_loadu_si256((const __m256i *)(nibbles + 32 * c));
    const __m256i even = _mm256_and_si256(both, low), odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    const __m256i x = _mm256_maddubs_epi16(even, i4_four(q + 8 * c)), y = _mm256_maddubs_epi16(odd, i4_four(q + 8 * c + 4));
    narrow = _mm256_add_epi16(narrow, _mm256_add_epi16(x, y));
  }
  return _mm256_add_epi32(wide, _mm256_madd_epi16(narrow, one));
}

/* sum += x, in sum's register and in this order: GCC would else compute all products of a step first, and run out of registers. */
#define I4_ADD(sum, x) __asm__ volatile("vpaddw %1, %0, %0" : "+x"(sum) : "x"(x))

V16_INLINE i4_wide i4_start(int32_t x) { return (i4_wide){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }

V16_INLINE void i4_block(const uint8_t *bytes, const int8_t *const *q, size_t k, i4_wide *wide, const size_t rows) {
  const __m256i one = _mm256_set1_epi16(1);
  i4_wide narrow[I4_ROWS];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) narrow[r] = i4_start(0);
  for (size_t c = 0; c < 8; ++c) {
    const __m256i first = _mm256_load_si256((const __m256i *)(bytes + 64 * c)), second = _mm256_load_si256((const __m256i *)(bytes + 64 * c + 32));
    I4_UNROLL for (size_t r = 0; r < rows; ++r) {
      const __m256i x = i4_four(q[r] + k + 4 * c);
      I4_ADD(narrow[r].a, _mm256_maddubs_epi16(first, x));
      I4_ADD(narrow[r].b, _mm256_maddubs_epi16(second, x));
    }
  }
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    wide[r].a = _mm256_add_epi32(wide[r].a, _mm256_madd_epi16(narrow[r].a, one));
    wide[r].b = _mm256_add_epi32(wide[r].b, _mm256_madd_epi16(narrow[r].b, one));
  }
}

V16_INLINE v16 i4_float(i4_wide wide) { return (v16){_mm256_cvtepi32_ps(wide.a), _mm256_cvtepi32_ps(wide.b)}; }

V16_INLINE v16 i4_scales(const uint16_t *first, const uint16_t *second) { return (v16){i4_scales8(first), i4_scales8(second)}; }

V16_INLINE void i4_expand(const uint8_t *first, const uint8_t *second, uint8_t *bytes) {
  const __m256i low = _mm256_set1_epi8(15), a = _mm256_loadu_si256((const __m256i *)first), b = _mm256_loadu_si256((const __m256i *)second);
  _mm256_store_si256((__m256i *)bytes, _mm256_and_si256(a, low));
  _mm256_store_si256((__m256i *)(bytes + 32), _mm256_and_si256(b, low));
  _mm256_store_si256((__m256i *)(bytes + 64), _mm256_and_si256(_mm256_srli_epi16(a, 4), low));
  _mm256_store_si256((__m256i *)(bytes + 96), _mm256_and_si256(_mm256_srli_epi16(b, 4), low));
}

void bnc_matmul_i4_avx2(const bnc_matmul_args *args, size_t from, size_t to) {
  if (args->rows >= I4_ROWS && args->w.group <= DEPTH) i4_slab_matmul(args, from, to);
  else i4_row_by_row(args, from, to);
}
