/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i4_neon.h  matmul_i4 on NEON registers, but for i4_group, the integer part: that is what the levels do differently, each file defines
 * it, and I4_ROWS, the rows of activations that its registers hold sums of.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_NEON_H

#include <arm_neon.h>
#include <string.h>

#include "ops/matmul/matmul.h"

#define I4_INLINE static inline __attribute__((always_inline))
#define I4_UNROLL _Pragma("GCC unroll 8")

enum { ROW_BLOCK = 64 }; /* rows whose activations stay in the second cache while a panel passes */

/* sum += the products of one group of a panel with `rows` (a constant) rows of activations. */
I4_INLINE void i4_group(const uint8_t *nibbles /* [group / 8, 32] */, const int8_t *const *q /* [rows] of [group] */, size_t group,
                        int32x4_t (*sum)[2] /* [rows]: of the panel's rows 0 to 3, 4 to 7 */, const size_t rows);

I4_INLINE float32x4_t i4_scales(const uint16_t *bf16) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(bf16), 16)); }

/* `rows` (a constant) rows from `row` on, one panel. */
I4_INLINE void i4_tile(const bnc_matmul_args *a, size_t panel, size_t row, const size_t rows) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group;
  const uint8_t *nibbles = w->nibbles + panel * bnc_i4_panel_nibbles(w->k);
  const uint16_t *scales = w->scales + panel * groups * BNC_I4_PANEL;
  const int8_t *q[I4_ROWS];
  float32x4_t acc[I4_ROWS][2];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    q[r] = a->q + (row + r) * a->q_stride;
    acc[r][0] = acc[r][1] = vdupq_n_f32(0.0f);
  }
  for (size_t g = 0; g < groups; ++g) {
    int32x4_t sum[I4_ROWS][2];
    I4_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][0] = sum[r][1] = vdupq_n_s32(-a->sums[(row + r) * groups + g]);
    i4_group(nibbles, q, w->group, sum, rows);
    nibbles += w->group * BNC_I4_PANEL / 2;
    I4_UNROLL for (size_t r = 0; r < rows; ++r) {
      acc[r][0] = vfmaq_f32(acc[r][0], vcvtq_f32_s32(sum[r][0]), i4_scales(scales + g * BNC_I4_PANEL));
      acc[r][1] = vfmaq_f32(acc[r][1], vcvtq_f32_s32(sum[r][1]), i4_scales(scales + g * BNC_I4_PANEL + 4));
      q[r] += w->group;
    }
  }
  const size_t n = panel * BNC_I4_PANEL, left = w->n - n < BNC_I4_PANEL ? w->n - n : BNC_I4_PANEL;
  float bias[BNC_I4_PANEL] = {0}, y[BNC_I4_PANEL];
  if (a->bias) memcpy(bias, a->bias + n, left * sizeof *bias);
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    const bnc_qd8_params p = a->params[row + r];
    const float32x4_t zero = vdupq_n_f32(-(float)p.zero_point), scale = vdupq_n_f32(p.scale);
    for (size_t h = 0; h < 2; ++h) {
      vst1q_f32(y + 4 * h, vfmaq_f32(vld1q_f32(bias + 4 * h), vfmaq_f32(acc[r][h], zero, vld1q_f32(w->offset + n + 4 * h)), scale));
    }
    memcpy(a->y + (row + r) * a->y_stride + n, y, left * sizeof *y);
  }
}

I4_INLINE void i4_matmul(const bnc_matmul_args *args, size_t from, size_t to) {
  for (size_t base = 0; base < args->rows; base += ROW_BLOCK) {
    const size_t end = args->rows - base < ROW_BLOCK ? args->rows : base + ROW_BLOCK;
    for (size_t panel = from; panel < to; ++panel) {
      size_t row = base;
      for (; row + I4_ROWS <= end; row += I4_ROWS) i4_tile(args, panel, row, I4_ROWS);
      for (; row < end; ++row) i4_tile(args, panel, row, 1);
    }
  }
}

#endif
