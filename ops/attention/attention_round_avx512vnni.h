/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_round_avx512vnni.h  How attention_rows_i8 rounds over sixteen lanes of AVX-512. Include ops/simd/v16_avx512vnni.h first.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_ROUND_AVX512VNNI_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_ROUND_AVX512VNNI_H

#include "ops/attention/attention.h"
#include "ops/simd/math_v16.h"

#define UNROLL BNC_UNROLL(16)

BNC_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }
BNC_INLINE v16 magic(void) { return v16_set1(BNC_ATTENTION_I8_MAGIC); }
/* The integers that x * factor rounds to, in the low bits. */
BNC_INLINE __m512i rounded(v16 x, v16 factor) { return _mm512_castps_si512(v16_fma(x, factor, magic()).a); }
BNC_INLINE v16 inverse_of(v16 most) {
  const __mmask16 any = _mm512_cmp_ps_mask(most.a, _mm512_set1_ps(BNC_ATTENTION_I8_TINY), _CMP_GT_OQ);
  return (v16){_mm512_maskz_div_ps(any, _mm512_set1_ps(127.0f), most.a)};
}
BNC_INLINE v16 step_of(v16 most) {
  const __mmask16 any = _mm512_cmp_ps_mask(most.a, _mm512_set1_ps(BNC_ATTENTION_I8_TINY), _CMP_GT_OQ);
  return (v16){_mm512_maskz_mul_ps(any, most.a, _mm512_set1_ps(BNC_ATTENTION_I8_STEP))};
}
BNC_INLINE v16 load_part(const float *x, size_t i, size_t d) { return d - i >= 16 ? v16_load(x + i) : v16_load_n(x + i, d - i); }

/* exp(x) in 255ths, as the low bits of the sum with the magic. v16_exp_nonpositive's last product by a power of two is exact, and so is
   that power's by 255: the one rounding is that of the sum, whichever factor stands on which side. Where the exponential is none of those
   above 2^-126, both ways leave the magic alone. */
BNC_INLINE void weight_bits(v16 *x /* [count] */, __m512i *w /* [count] */, const size_t count) {
  v16 exponent[4];
  v16_exp_fractions(x, exponent, count);
  UNROLL for (size_t g = 0; g < count; ++g) {
    const __m512i bits = _mm512_slli_epi32(_mm512_castps_si512(exponent[g].a), 23);
    w[g] = rounded(x[g], (v16){_mm512_castsi512_ps(_mm512_add_epi32(bits, _mm512_set1_epi32(0x437f0000)))});
  }
}

#endif
