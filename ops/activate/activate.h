/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file activate.h  The models' activation functions over rows, to f32 or to qd8.
 *
 *   gelu:       x * Phi(x), Phi by erf (nn.GELU())
 *   quick_gelu: x * sigmoid(1.702 x) (CLIP)
 *   silu_mul:   x * sigmoid(x) * up (LLaMA: x is the gate)
 *
 * Errors against f64: below 3e-7 * max(1, |y|) absolute, and relative 1e-6 for |x| <= 4. Bit-identical on every level.
 * The qd8 kernels use their input x as scratch: afterwards it holds the activation. gate and up may be halves of one matrix.
 */
#ifndef BINOCLE_OPS_ACTIVATE_ACTIVATE_H
#define BINOCLE_OPS_ACTIVATE_ACTIVATE_H

#include "ops/level.h"
#include "ops/qd8.h"

typedef struct bnc_activate_args {
  size_t cols;
  float *x;                                       /* [rows, cols]; only read by the f32 kernels, OVERWRITTEN by the qd8 kernels */
  const float *up;                                /* [rows, cols]; silu_mul only */
  float *y;                                       /* [rows, cols], the f32 kernels' result; may be x or up */
  int8_t *q;                                      /* [rows, cols], the qd8 kernels' result */
  bnc_qd8_params *params;                         /* [rows] */
  size_t x_stride, up_stride, y_stride, q_stride; /* elements from row to row */
} bnc_activate_args;

#define BNC_ACTIVATE_KERNEL(name) BNC_KERNEL(name, const bnc_activate_args *args, size_t from, size_t to)
BNC_ACTIVATE_KERNEL(gelu_f32);
BNC_ACTIVATE_KERNEL(gelu_qd8);
BNC_ACTIVATE_KERNEL(quick_gelu_f32);
BNC_ACTIVATE_KERNEL(quick_gelu_qd8);
BNC_ACTIVATE_KERNEL(silu_mul_f32);
BNC_ACTIVATE_KERNEL(silu_mul_qd8);

typedef struct bnc_activate_ops {
  bnc_gelu_f32_fn *gelu_f32;
  bnc_gelu_qd8_fn *gelu_qd8;
  bnc_quick_gelu_f32_fn *quick_gelu_f32;
  bnc_quick_gelu_qd8_fn *quick_gelu_qd8;
  bnc_silu_mul_f32_fn *silu_mul_f32;
  bnc_silu_mul_qd8_fn *silu_mul_qd8;
} bnc_activate_ops;

#endif
