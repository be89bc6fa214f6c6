/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of a few rows and columns, whose sums stay in registers along k. */
#include "ops/simd/v16.h"

#include "ops/matmul/matmul_f32.h"

enum { TILE = V16_TILE_ROWS > 6 ? 4 : 2 }; /* rows and columns: 4 x 4 sums fill 32 registers of sixteen, 2 x 2 those of smaller ones */

/* y [rows, cols] of one tile; rows and cols are constants where it is called. */
BNC_INLINE void tile(const bnc_matmul_f32_args *a, size_t row, size_t n, size_t rows, size_t cols) {
  const float *x = a->x + row * a->x_stride, *w = a->w + n * a->k; /* [rows, k], [cols, k] */
  v16 sum[TILE][TILE], xs[TILE];
  size_t k = 0;
  V16_UNROLL for (size_t r = 0; r < rows; ++r) V16_UNROLL for (size_t c = 0; c < cols; ++c) sum[r][c] = v16_set1(0.0f);
  for (; k + 16 <= a->k; k += 16) {
    V16_UNROLL for (size_t r = 0; r < rows; ++r) xs[r] = v16_load(x + r * a->x_stride + k);
    V16_UNROLL for (size_t c = 0; c < cols; ++c) {
      const v16 ws = v16_load(w + c * a->k + k);
      V16_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][c] = v16_fma(xs[r], ws, sum[r][c]);
    }
  }
  if (k < a->k) {
    const size_t left = a->k - k;
    V16_UNROLL for (size_t r = 0; r < rows; ++r) xs[r] = v16_load_n(x + r * a->x_stride + k, left);
    V16_UNROLL for (size_t c = 0; c < cols; ++c) {
      const v16 ws = v16_load_n(w + c * a->k + k, left);
      V16_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][c] = v16_fma(xs[r], ws, sum[r][c]);
    }
  }
  V16_UNROLL for (size_t r = 0; r < rows; ++r) V16_UNROLL for (size_t c = 0; c < cols; ++c) a->y[(row + r) * a->y_stride + n + c] =
      v16_sum(sum[r][c]) + (a->bias ? a->bias[n + c] : 0.0f);
}

/* `rows` rows of the columns [from, to). */
BNC_INLINE void band(const bnc_matmul_f32_args *a, size_t row, size_t rows, size_t from, size_t to) {
  size_t n = from;
  for (; n + TILE <= to; n += TILE) tile(a, row, n, rows, TILE);
  for (; n < to; ++n) tile(a, row, n, rows, 1);
}

void BNC_AT_LEVEL(matmul_f32)(const bnc_matmul_f32_args *args, size_t from, size_t to) {
  for (size_t item = from; item < to; ++item) { /* an item's weights stay in the second cache while the rows go by */
    const size_t first = item * BNC_F32_COLUMNS, end = first + BNC_F32_COLUMNS < args->n ? first + BNC_F32_COLUMNS : args->n;
    size_t row = 0;
    for (; row + TILE <= args->rows; row += TILE) band(args, row, TILE, first, end);
    for (; row < args->rows; ++row) band(args, row, 1, first, end);
  }
}
