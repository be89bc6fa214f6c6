/* SPDX-License-Identifier: Apache-2.0 */
/** @file add.h  y = a + b, and the mean of two tensors y = (a + b) / 2 (torch.stack(...).mean(0) of two), row by row. y may be a or b. */
#ifndef BINOCLE_OPS_ADD_ADD_H
#define BINOCLE_OPS_ADD_ADD_H

#include "ops/level.h"

typedef struct bnc_add_args {
  size_t cols;
  const float *a, *b;                  /* [rows, cols] */
  float *y;                            /* [rows, cols] */
  size_t a_stride, b_stride, y_stride; /* elements from row to row; 0 for a or b repeats one row */
} bnc_add_args;

BNC_KERNEL(add_f32, const bnc_add_args *args, size_t from, size_t to);
BNC_KERNEL(mean2_f32, const bnc_add_args *args, size_t from, size_t to);

typedef struct bnc_add_ops {
  bnc_add_f32_fn *add_f32;
  bnc_mean2_f32_fn *mean2_f32;
} bnc_add_ops;

#endif
