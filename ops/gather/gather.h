/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file gather.h  Resampling of rows by a sparse table (compressed sparse rows): out[r] = sum over k in [start[r], start[r+1]) of
 * weight[k] * x[index[k]], in the table's order, products fused. gather is the case of one tap of weight 1 per row: out[r] = x[index[r]].
 */
#ifndef BINOCLE_OPS_GATHER_GATHER_H
#define BINOCLE_OPS_GATHER_GATHER_H

#include "ops/level.h"

typedef struct bnc_gather_args {
  size_t cols;
  const float *x;              /* [any, cols] */
  const uint32_t *start;       /* [rows + 1]; taps only */
  const uint32_t *index;       /* [taps] rows of x; gather: [rows] */
  const float *weight;         /* [taps]; taps only */
  float *out;                  /* [rows, cols]; must not overlap x */
  size_t x_stride, out_stride; /* elements from row to row */
} bnc_gather_args;

BNC_KERNEL(gather_taps_f32, const bnc_gather_args *args, size_t from, size_t to);
BNC_KERNEL(gather_f32, const bnc_gather_args *args, size_t from, size_t to);

typedef struct bnc_gather_ops {
  bnc_gather_taps_f32_fn *gather_taps_f32;
  bnc_gather_f32_fn *gather_f32;
} bnc_gather_ops;

#endif
