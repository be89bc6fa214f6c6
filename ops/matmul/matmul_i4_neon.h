/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i4_neon.h  What matmul_i4 for one row and for many share on NEON registers: the float part of matmul.h's formula for eight
 * columns of y. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_NEON_H

#include <arm_neon.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/matmul/matmul.h"

#define I4_UNROLL BNC_UNROLL(16)

typedef float32x4x2_t i4_eight; /* one value for each of a panel's rows */

BNC_INLINE i4_eight i4_zeros(void) { return (i4_eight){{vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}}; }

/* The first n; the others are 0. */
BNC_INLINE i4_eight i4_load(const float *p, size_t n) {
  float some[BNC_I4_PANEL] = {0};
  if (n < BNC_I4_PANEL) p = memcpy(some, p, n * sizeof *some);
  return (i4_eight){{vld1q_f32(p), vld1q_f32(p + 4)}};
}

BNC_INLINE void i4_store(float *p, i4_eight x, size_t n) {
  float some[BNC_I4_PANEL], *to = n < BNC_I4_PANEL ? some : p;
  vst1q_f32(to, x.val[0]);
  vst1q_f32(to + 4, x.val[1]);
  if (n < BNC_I4_PANEL) memcpy(p, some, n * sizeof *some);
}

BNC_INLINE i4_eight i4_scales(const uint16_t *bf16 /* [8] */) {
  const uint16x8_t x = vld1q_u16(bf16);
  return (i4_eight){{vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(x), 16)), vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(x), 16))}};
}

/* y, once acc holds all groups. */
BNC_INLINE i4_eight i4_finish(i4_eight acc, i4_eight offset, bnc_qd8_params p, i4_eight bias) {
  const float32x4_t zero = vdupq_n_f32(-(float)p.zero_point), scale = vdupq_n_f32(p.scale);
  for (size_t h = 0; h < 2; ++h) acc.val[h] = vfmaq_f32(bias.val[h], vfmaq_f32(acc.val[h], zero, offset.val[h]), scale);
  return acc;
}

/* Columns of y that the panel covers. */
BNC_INLINE size_t i4_columns(const bnc_i4_matrix *w, size_t panel) {
  const size_t left = w->n - panel * BNC_I4_PANEL;
  return left < BNC_I4_PANEL ? left : BNC_I4_PANEL;
}

BNC_INLINE i4_eight i4_bias(const bnc_matmul_args *a, size_t panel) {
  return a->bias ? i4_load(a->bias + panel * BNC_I4_PANEL, i4_columns(&a->w, panel)) : i4_zeros();
}

#endif
