/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file norm.h  LayerNorm and RMSNorm of rows, optionally of the sum of two tensors (residual connections), to f32 or to qd8.
 *
 *   s = x + add (or x where add is NULL; then nothing is written to sum)
 *   layer: y = (s - mean) / sqrt(mean((s - mean)^2) + eps) * gamma + beta
 *   rms:   y = s / sqrt(mean(s^2) + eps) * gamma
 *
 * Sums run in 32 lanes (column i goes to lane i % 32) that are then halved pairwise: the same bits on every level.
 */
#ifndef BINOCLE_OPS_NORM_NORM_H
#define BINOCLE_OPS_NORM_NORM_H

#include "ops/level.h"
#include "ops/qd8.h"

typedef struct bnc_norm_args {
  size_t cols; /* at least 1 */
  float eps;
  const float *x;         /* [rows, cols] */
  const float *add;       /* [rows, cols] or NULL */
  float *sum;             /* [rows, cols], written where add is given; may be x or add */
  const float *gamma;     /* [cols] */
  const float *beta;      /* [cols]; layer only, NULL there means 0 */
  float *y;               /* [rows, cols], the f32 kernels' result; may be x, add or sum (sum is then lost) */
  int8_t *q;              /* [rows, cols], the qd8 kernels' result */
  bnc_qd8_params *params; /* [rows] */
  size_t x_stride, add_stride, sum_stride, y_stride, q_stride; /* elements from row to row */
} bnc_norm_args;

#define BNC_NORM_KERNEL(name) BNC_KERNEL(name, const bnc_norm_args *args, size_t from, size_t to)
BNC_NORM_KERNEL(layer_norm_f32);
BNC_NORM_KERNEL(layer_norm_qd8);
BNC_NORM_KERNEL(rms_norm_f32);
BNC_NORM_KERNEL(rms_norm_qd8);

typedef struct bnc_norm_ops {
  bnc_layer_norm_f32_fn *layer_f32;
  bnc_layer_norm_qd8_fn *layer_qd8;
  bnc_rms_norm_f32_fn *rms_f32;
  bnc_rms_norm_qd8_fn *rms_qd8;
} bnc_norm_ops;

#endif
