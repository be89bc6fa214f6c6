/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i4_row_neon.h  matmul_i4 on NEON registers for one row of activations at a time, as decoding has it: bound by reading the
 * weights. i4_group, the integer part, is what the levels do differently, each file defines it.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_ROW_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_ROW_NEON_H

#include "ops/matmul/matmul_i4_neon.h"

/* sum += the products of one group of a panel with as many activations. */
BNC_INLINE void i4_group(const uint8_t *nibbles /* [group / 8, 32] */, const int8_t *q /* [group] */, size_t group,
                         int32x4_t *sum /* [2]: of the panel's rows 0 to 3, 4 to 7 */);

BNC_INLINE void i4_row(const bnc_matmul_args *a, size_t panel, size_t row) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group, n = panel * BNC_I4_PANEL;
  const uint8_t *nibbles = w->nibbles + panel * bnc_i4_panel_nibbles(w->k);
  const uint16_t *scales = w->scales + panel * groups * BNC_I4_PANEL;
  const int8_t *q = a->q + row * a->q_stride;
  const int32_t *sums = a->sums + row * groups;
  i4_eight acc = i4_zeros();
  for (size_t g = 0; g < groups; ++g, nibbles += w->group * BNC_I4_PANEL / 2, q += w->group) {
    int32x4_t sum[2] = {vdupq_n_s32(sums[g]), vdupq_n_s32(sums[g])};
    const i4_eight scale = i4_scales(scales + g * BNC_I4_PANEL);
    i4_group(nibbles, q, w->group, sum);
    for (size_t h = 0; h < 2; ++h) acc.val[h] = vfmaq_f32(acc.val[h], vcvtq_f32_s32(sum[h]), scale.val[h]);
  }
  const i4_eight y = i4_finish(acc, i4_load(w->offset + n, BNC_I4_PANEL), a->params[row], i4_bias(a, panel));
  i4_store(a->y + row * a->y_stride + n, y, i4_columns(w, panel));
}

/* Not inlined: beside the code for many rows GCC would set the constant of the innermost loop anew in each step. */
static __attribute__((noinline)) void i4_row_by_row(const bnc_matmul_args *a, size_t from, size_t to) {
  for (size_t panel = from; panel < to; ++panel) {
    for (size_t row = 0; row < a->rows; ++row) i4_row(a, panel, row);
  }
}

#endif
