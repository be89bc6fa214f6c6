/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_float.h  What matmul_f32 and matmul_bf16 have in common: y = x W^T + bias with float32 x and y.
 *
 *   y[row][n] = (sum over k of x[row][k] * w[n][k]) + bias[n]
 *
 * The sum runs in the order of k, each product and its sum rounded once. So a row has the same bits alone as among others, whatever the
 * range, and all levels give scalar's bits, but for those that round x (matmul_bf16.h).
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_FLOAT_H
#define BINOCLE_OPS_MATMUL_MATMUL_FLOAT_H

#include "ops/level.h"

enum {
  BNC_FLOAT_PANEL = 16,                                       /* columns of y that lie together */
  BNC_FLOAT_COLUMNS = 64,                                     /* columns of y that one item covers */
  BNC_FLOAT_TOGETHER = 4,                                     /* items that a thread should take at once: they share what is done to x */
  BNC_FLOAT_DEPTH = 1024,                                     /* of k: at most so much of an item is laid out for all rows at a time */
  BNC_FLOAT_SCRATCH = BNC_FLOAT_COLUMNS * BNC_FLOAT_DEPTH * 4 /* bytes of that */
};

typedef struct bnc_matmul_float_args {
  size_t rows, k, n;
  const void *w;             /* as the kernel's header says */
  const float *bias;         /* [n] or NULL: zeros */
  const float *x;            /* [rows, k] */
  float *y;                  /* [rows, n]: holds the sums so far, too, while the kernel runs */
  size_t x_stride, y_stride; /* elements from row to row */
  uint16_t *tiles;           /* x as matmul_tiles_bf16 lays it out, for levels whose matmul_bf16 reads it so; else NULL */
} bnc_matmul_float_args;

static inline size_t bnc_float_items(size_t n) { return (n + BNC_FLOAT_COLUMNS - 1) / BNC_FLOAT_COLUMNS; }

#endif
