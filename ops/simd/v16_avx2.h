/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file v16_avx2.h  Sixteen floats, on AVX2. The v16_*.h files give the same operations with the same rounding on each level; kernels are
 * written once over v16 and instantiated per level. Functions that end in _n touch only the first n < 16 (1 at least) elements in memory.
 */
#ifndef BINOCLE_OPS_SIMD_V16_AVX2_H
#define BINOCLE_OPS_SIMD_V16_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ops/inline.h"

#define V16_UNROLL BNC_UNROLL(16) /* else arrays of registers live in memory */
#define V16_TILE_ROWS 6           /* rows of a register tile: 6 x 2 sums, 2 loads and a broadcast fill the 16 registers */
#define V16_TILE_VECTORS 1        /* its columns, in sixteens */

typedef struct v16 {
  __m256 a, b;
} v16;

/* -1 in the first n lanes of (lo, hi) */
typedef struct v16_mask {
  __m256i a, b;
} v16_mask;

BNC_INLINE v16_mask v16_first(size_t n) {
  static const int32_t table[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  return (v16_mask){_mm256_loadu_si256((const __m256i *)(table + 16 - n)), _mm256_loadu_si256((const __m256i *)(table + 24 - n))};
}

BNC_INLINE v16 v16_set1(float x) { return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
BNC_INLINE v16 v16_load(const float *p) { return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
BNC_INLINE void v16_store(float *p, v16 x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
/* lanes from n on are 0 */
BNC_INLINE v16 v16_load_n(const float *p, size_t n) {
  const v16_mask m = v16_first(n);
  return (v16){_mm256_maskload_ps(p, m.a), _mm256_maskload_ps(p + 8, m.b)};
}
BNC_INLINE void v16_store_n(float *p, v16 x, size_t n) {
  const v16_mask m = v16_first(n);
  _mm256_maskstore_ps(p, m.a, x.a);
  _mm256_maskstore_ps(p + 8, m.b, x.b);
}

BNC_INLINE v16 v16_add(v16 x, v16 y) { return (v16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
BNC_INLINE v16 v16_sub(v16 x, v16 y) { return (v16){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
BNC_INLINE v16 v16_mul(v16 x, v16 y) { return (v16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
BNC_INLINE v16 v16_div(v16 x, v16 y) { return (v16){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
/* x * y + z, rounded once */
BNC_INLINE v16 v16_fma(v16 x, v16 y, v16 z) { return (v16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
/* x < y ? x : y and x > y ? x : y, so a NaN in x gives y */
BNC_INLINE v16 v16_min(v16 x, v16 y) { return (v16){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
BNC_INLINE v16 v16_max(v16 x, v16 y) { return (v16){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
BNC_INLINE v16 v16_abs(v16 x) {
  const __m256 m = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  return (v16){_mm256_and_ps(x.a, m), _mm256_and_ps(x.b, m)};
}
/* x > 0 ? y : z */
BNC_INLINE v16 v16_if_positive(v16 x, v16 y, v16 z) {
  const __m256 zero = _mm256_setzero_ps();
  return (v16){_mm256_blendv_ps(z.a, y.a, _mm256_cmp_ps(x.a, zero, _CMP_GT_OQ)),
               _mm256_blendv_ps(z.b, y.b, _mm256_cmp_ps(x.b, zero, _CMP_GT_OQ))};
}
/* the first n lanes of x, the others of y */
BNC_INLINE v16 v16_first_or(v16 x, v16 y, size_t n) {
  const v16_mask m = v16_first(n);
  return (v16){_mm256_blendv_ps(y.a, x.a, _mm256_castsi256_ps(m.a)), _mm256_blendv_ps(y.b, x.b, _mm256_castsi256_ps(m.b))};
}
/* 2^n from t = n + BNC_EXP_MAGIC */
BNC_INLINE v16 v16_power(v16 t) {
  const __m256i one = _mm256_set1_epi32(0x3f800000);
  return (v16){_mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(t.a), 23), one)),
               _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(t.b), 23), one))};
}

/* Halving: lane i and i + 8, then i + 4, i + 2, i + 1. */
BNC_INLINE float v16_sum(v16 x) {
  const __m256 e = _mm256_add_ps(x.a, x.b);
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
BNC_INLINE float v16_least(v16 x) {
  const __m256 e = _mm256_min_ps(x.a, x.b);
  __m128 q = _mm_min_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
  q = _mm_min_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_min_ss(q, _mm_movehdup_ps(q)));
}
BNC_INLINE float v16_greatest(v16 x) {
  const __m256 e = _mm256_max_ps(x.a, x.b);
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

/* dst[i][r] = src[r][i], i < 8, r < 16: sixteen rows of src become lanes */
enum { V16_TRANSPOSE = 8 };
BNC_INLINE void v16_transpose_half(const float *src, size_t stride, float *dst) {
  __m256 r[8], t[8];
  V16_UNROLL for (size_t i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(src + i * stride);
  V16_UNROLL for (size_t i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  V16_UNROLL for (size_t i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  V16_UNROLL for (size_t i = 0; i < 4; ++i) {
    _mm256_storeu_ps(dst + i * 16, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(dst + (i + 4) * 16, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}
BNC_INLINE void v16_transpose(const float *src, size_t stride, float *dst) {
  v16_transpose_half(src, stride, dst);
  v16_transpose_half(src + 8 * stride, stride, dst + 8);
}

#include "ops/simd/v16_convert_avx2.h"

#endif
