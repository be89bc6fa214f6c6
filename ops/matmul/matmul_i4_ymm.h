/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i4_ymm.h  matmul_i4 on 32-byte registers, but for i4_block: that is what the levels do differently, each file defines it.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_YMM_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_YMM_H

#include <immintrin.h>
#include <string.h>

#include "ops/matmul/matmul.h"

#define I4_INLINE static inline __attribute__((always_inline))
#define I4_UNROLL _Pragma("GCC unroll 8")

enum { TILE = 4, ROW_BLOCK = 64 }; /* rows in registers; rows whose activations stay in the second cache while a panel passes */

/* Four activations, for all rows of the panel. */
I4_INLINE __m256i i4_four(const int8_t *q) {
  int32_t bits;
  memcpy(&bits, q, sizeof bits);
  return _mm256_set1_epi32(bits);
}

/* wide += the products of one block (32 columns) of a panel with `rows` (a constant) rows of activations. */
I4_INLINE void i4_block(const uint8_t *nibbles /* [4, 32] */, const int8_t *const *q /* [rows][k + 32) */, size_t k, __m256i *wide /* [rows] */,
                              const size_t rows);

I4_INLINE __m256 i4_scales(const uint16_t *bf16 /* [8] */) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)bf16)), 16));
}

/* `rows` (a constant) rows from `row` on, one panel; groups of `blocks` blocks (a constant where it is 1). */
I4_INLINE void i4_tile(const bnc_matmul_args *a, size_t panel, size_t row, const size_t rows, const size_t blocks) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group;
  const uint8_t *nibbles = w->nibbles + panel * (w->k * BNC_I4_PANEL / 2);
  const uint16_t *scales = w->scales + panel * groups * BNC_I4_PANEL;
  const int8_t *q[TILE];
  const int32_t *sums[TILE];
  __m256 acc[TILE];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    q[r] = a->q + (row + r) * a->q_stride;
    sums[r] = a->sums + (row + r) * groups;
    acc[r] = _mm256_setzero_ps();
  }
  size_t k = 0;
  for (size_t g = 0; g < groups; ++g) {
    __m256i wide[TILE];
    I4_UNROLL for (size_t r = 0; r < rows; ++r) wide[r] = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_set1_epi32(sums[r][g]));
    for (size_t b = 0; b < blocks; ++b, k += BNC_I4_BLOCK, nibbles += 4 * 32) i4_block(nibbles, q, k, wide, rows);
    const __m256 scale = i4_scales(scales + g * BNC_I4_PANEL);
    I4_UNROLL for (size_t r = 0; r < rows; ++r) acc[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(wide[r]), scale, acc[r]);
  }
  const size_t n = panel * BNC_I4_PANEL, left = w->n - n < BNC_I4_PANEL ? w->n - n : BNC_I4_PANEL;
  const __m256 offset = _mm256_loadu_ps(w->offset + n);
  float bias[BNC_I4_PANEL] = {0}, y[BNC_I4_PANEL];
  if (a->bias) memcpy(bias, a->bias + n, left * sizeof *bias);
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    const bnc_qd8_params p = a->params[row + r];
    const __m256 centred = _mm256_fmadd_ps(_mm256_set1_ps(-(float)p.zero_point), offset, acc[r]);
    const __m256 value = _mm256_fmadd_ps(centred, _mm256_set1_ps(p.scale), _mm256_loadu_ps(bias));
    float *out = a->y + (row + r) * a->y_stride + n;
    if (left == BNC_I4_PANEL) {
      _mm256_storeu_ps(out, value);
    } else {
      _mm256_storeu_ps(y, value);
      memcpy(out, y, left * sizeof *y);
    }
  }
}

I4_INLINE void i4_walk(const bnc_matmul_args *args, size_t from, size_t to, const size_t blocks) {
  for (size_t base = 0; base < args->rows; base += ROW_BLOCK) {
    const size_t end = args->rows - base < ROW_BLOCK ? args->rows : base + ROW_BLOCK;
    for (size_t panel = from; panel < to; ++panel) {
      size_t row = base;
      for (; row + TILE <= end; row += TILE) i4_tile(args, panel, row, TILE, blocks);
      for (; row < end; ++row) i4_tile(args, panel, row, 1, blocks);
    }
  }
}

I4_INLINE void i4_matmul(const bnc_matmul_args *args, size_t from, size_t to) {
  if (args->w.group == BNC_I4_BLOCK) i4_walk(args, from, to, 1);
  else i4_walk(args, from, to, args->w.group / BNC_I4_BLOCK);
}

#endif
