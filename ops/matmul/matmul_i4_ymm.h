/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i4_ymm.h  matmul_i4 on 32-byte registers for one row of activations at a time, as decoding has it: bound by reading the weights. Include
 * v16_*.h first. i4_nibbles is what the levels do differently, each file defines it.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_YMM_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_YMM_H

#include <string.h>

#include "ops/matmul/matmul.h"

#define I4_INLINE V16_INLINE
#define I4_UNROLL _Pragma("GCC unroll 16")

enum { AHEAD = 2048 }; /* bytes of weights: prefetchers of the hardware stop at the end of a page */

/* Four activations, for all rows of the panel. */
I4_INLINE __m256i i4_four(const int8_t *q) {
  int32_t bits;
  memcpy(&bits, q, sizeof bits);
  return _mm256_set1_epi32(bits);
}

/* wide + the products of one block (32 columns) of a panel with as many activations. */
I4_INLINE __m256i i4_nibbles(const uint8_t *nibbles /* [4, 32] */, const int8_t *q /* [32] */, __m256i wide);

I4_INLINE __m256 i4_scales8(const uint16_t *bf16 /* [8] */) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)bf16)), 16));
}

I4_INLINE void i4_row(const bnc_matmul_args *a, size_t panel, size_t row) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group;
  const uint8_t *nibbles = w->nibbles + panel * bnc_i4_panel_nibbles(w->k);
  const uint16_t *scales = w->scales + panel * groups * BNC_I4_PANEL;
  const int8_t *q = a->q + row * a->q_stride;
  const int32_t *sums = a->sums + row * groups;
  __m256 acc = _mm256_setzero_ps();
  for (size_t g = 0; g < groups; ++g) {
    __m256i wide = _mm256_set1_epi32(-sums[g]);
    for (size_t k = 0; k < w->group; k += BNC_I4_BLOCK, nibbles += 4 * 32, q += BNC_I4_BLOCK) {
      _mm_prefetch((const char *)(nibbles + AHEAD), _MM_HINT_T0);
      _mm_prefetch((const char *)(nibbles + AHEAD + 64), _MM_HINT_T0);
      wide = i4_nibbles(nibbles, q, wide);
    }
    acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(wide), i4_scales8(scales + g * BNC_I4_PANEL), acc);
  }
  const size_t n = panel * BNC_I4_PANEL, left = w->n - n < BNC_I4_PANEL ? w->n - n : BNC_I4_PANEL;
  const bnc_qd8_params p = a->params[row];
  float bias[BNC_I4_PANEL] = {0}, y[BNC_I4_PANEL];
  if (a->bias) memcpy(bias, a->bias + n, left * sizeof *bias);
  const __m256 centred = _mm256_fmadd_ps(_mm256_set1_ps(-(float)p.zero_point), _mm256_loadu_ps(w->offset + n), acc);
  _mm256_storeu_ps(y, _mm256_fmadd_ps(centred, _mm256_set1_ps(p.scale), _mm256_loadu_ps(bias)));
  memcpy(a->y + row * a->y_stride + n, y, left * sizeof *y);
}

I4_INLINE void i4_row_by_row(const bnc_matmul_args *a, size_t from, size_t to) {
  for (size_t panel = from; panel < to; ++panel) {
    for (size_t row = 0; row < a->rows; ++row) i4_row(a, panel, row);
  }
}

#endif
