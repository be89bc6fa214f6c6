/* SPDX-License-Identifier: Apache-2.0 */
/** @file quantize.h  f32 rows to qd8 (ops/qd8.h) and back. */
#ifndef BINOCLE_OPS_QUANTIZE_QUANTIZE_H
#define BINOCLE_OPS_QUANTIZE_QUANTIZE_H

#include "ops/level.h"
#include "ops/qd8.h"

typedef struct bnc_quantize_args {
  size_t cols;
  const float *x;            /* [rows, cols] */
  int8_t *q;                 /* [rows, cols] */
  bnc_qd8_params *params;    /* [rows] */
  size_t x_stride, q_stride; /* elements from row to row */
} bnc_quantize_args;

BNC_KERNEL(quantize_qd8, const bnc_quantize_args *args, size_t from, size_t to);

typedef struct bnc_quantize_ops {
  bnc_quantize_qd8_fn *qd8;
} bnc_quantize_ops;

/** x = (q - zero_point) * scale for the rows [from, to): for tests and inspection, not tuned. */
void bnc_dequantize_qd8(size_t cols, const int8_t *q /* [rows, cols] */, size_t q_stride, const bnc_qd8_params *params /* [rows] */,
                        float *x /* [rows, cols] */, size_t x_stride, size_t from, size_t to);

#endif
