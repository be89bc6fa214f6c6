/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file rope.h  Rotary position embedding of the LLaMA kind (halves, not pairs), in place:
 *   (x[i], x[i + d/2]) -> (x[i] cos - x[i + d/2] sin, x[i + d/2] cos + x[i] sin), i < d/2,
 * rounded product by product as PyTorch's q * cos + rotate_half(q) * sin. Row r stands at position `position` + r.
 * The tables are the caller's, computed in double and rounded once: cos/sin(p * theta^(-2i/d)).
 */
#ifndef BINOCLE_OPS_ROPE_ROPE_H
#define BINOCLE_OPS_ROPE_ROPE_H

#include "ops/level.h"

typedef struct bnc_rope_args {
  size_t heads, head_size; /* head_size is even */
  float *x;                /* [rows, heads * head_size] */
  size_t x_stride;         /* elements from row to row */
  const float *cos, *sin;  /* [positions, head_size / 2] */
  size_t position;         /* of row 0 */
} bnc_rope_args;

BNC_KERNEL(rope_f32, const bnc_rope_args *args, size_t from, size_t to);

typedef struct bnc_rope_ops {
  bnc_rope_f32_fn *f32;
} bnc_rope_ops;

#endif
