/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_f32.h  y = x W^T + bias in float32, straight from the model file's matrix: nothing is packed beforehand.
 *
 *   y[row][n] = (sum over k of x[row][k] * w[n][k]) + bias[n]
 *
 * The sum runs in 16 lanes, lane i over k = i, i + 16 ... with fused multiply-adds and zeros behind the last k, and the lanes are added
 * halves to halves (8, 4, 2, 1). XNNPACK packs and adds in the order of k, and is faster (bench/baselines/linear_f32-amd-zen4.csv): this
 * kernel is for models whose weights are to stay as they lie in the file.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_F32_H
#define BINOCLE_OPS_MATMUL_MATMUL_F32_H

#include "ops/level.h"

enum { BNC_F32_COLUMNS = 64 /* columns of y that one item covers */, BNC_F32_LANES = 16 };

typedef struct bnc_matmul_f32_args {
  size_t rows, k, n;
  const float *w;            /* [n, k] */
  const float *bias;         /* [n] or NULL: zeros */
  const float *x;            /* [rows, k] */
  float *y;                  /* [rows, n] */
  size_t x_stride, y_stride; /* elements from row to row */
} bnc_matmul_f32_args;

/** All rows, the items (of BNC_F32_COLUMNS columns) [from, to). */
BNC_KERNEL(matmul_f32, const bnc_matmul_f32_args *args, size_t from, size_t to);

static inline size_t bnc_matmul_f32_items(size_t n) { return (n + BNC_F32_COLUMNS - 1) / BNC_F32_COLUMNS; }

#endif
