/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_c4_rows_neon.h  matmul_c4 on NEON registers for a few rows, as decoding has them: nibbles are multiplied as they are, and
 * each group's sum by its step. C4_ROWS, how many rows pass at a time, and c4_group are what the levels do differently; each file defines
 * them, the rows first.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_C4_ROWS_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_C4_ROWS_NEON_H

#include "ops/matmul/matmul_c4.h"
#include "ops/matmul/matmul_i8_neon.h"

enum { C4_GROUP_BYTES = BNC_C4_GROUP * BNC_C4_PANEL / 2 };

/* A group's weights, less 8, for the columns of y [4 h, 4 h + 4): columns 8 c + 4 j and three more of k for each. */
typedef struct c4_weights {
  int8x16_t at[2][2][2]; /* [c][j][h] */
} c4_weights;

/* sum += step times the products of a group with as many activations. */
BNC_INLINE void c4_group(const c4_weights *w, const int8_t *q /* [16] */, int16x8_t step, int32x4_t *sum /* [2] */);

BNC_INLINE c4_weights c4_unpack(const uint8_t *nibbles /* [2, 8, 4] */) {
  const uint8x16_t low = vdupq_n_u8(15);
  const int8x16_t eight = vdupq_n_s8(8);
  c4_weights w;
  I8_UNROLL for (size_t c = 0; c < 2; ++c) {
    I8_UNROLL for (size_t h = 0; h < 2; ++h) {
      const uint8x16_t both = vld1q_u8(nibbles + 32 * c + 16 * h);
      w.at[c][0][h] = vsubq_s8(vreinterpretq_s8_u8(vandq_u8(both, low)), eight);
      w.at[c][1][h] = vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(both, 4)), eight);
    }
  }
  return w;
}

/* A panel's columns of y for `rows` rows, at most C4_ROWS, a constant where it is called. */
BNC_INLINE void c4_rows(const bnc_matmul_c4_args *a, size_t panel, size_t row, const size_t rows) {
  const size_t k = a->to.k;
  const uint8_t *nibbles = a->panels + panel * bnc_c4_panel_bytes(k), *steps = nibbles + bnc_c4_nibble_bytes(k);
  const int8_t *q = a->to.q + row * a->to.q_stride; /* [rows, k] */
  int32x4_t sum[C4_ROWS][2];
  I8_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][0] = sum[r][1] = vdupq_n_s32(0);
  for (size_t from = 0; from < k; from += BNC_C4_BLOCK, steps += BNC_C4_PANEL) {
    const uint8x8_t both = vld1_u8(steps), one = vdup_n_u8(1);
    const uint8x8_t halves[2] = {vadd_u8(vand_u8(both, vdup_n_u8(15)), one), vadd_u8(vshr_n_u8(both, 4), one)};
    I8_UNROLL for (size_t g = 0; g < 2; ++g, nibbles += C4_GROUP_BYTES) {
      const int16x8_t step = vreinterpretq_s16_u16(vmovl_u8(halves[g]));
      const c4_weights w = c4_unpack(nibbles);
      I8_UNROLL for (size_t r = 0; r < rows; ++r) c4_group(&w, q + r * a->to.q_stride + from + g * BNC_C4_GROUP, step, sum[r]);
    }
  }
  const size_t n = panel * BNC_C4_PANEL;
  i8_part p = {.args = &a->to, .n = n, .columns = i8_least(a->to.n - n, BNC_C4_PANEL), .first = true, .last = true};
  memcpy(p.totals, a->totals + n, BNC_C4_PANEL * sizeof *a->totals);
  for (size_t r = 0; r < rows; ++r)
    for (size_t h = 0; 4 * h < p.columns; ++h) i8_put(&p, row + r, 4 * h, sum[r][h]);
}

/* All rows, the items [from, to). */
BNC_INLINE void c4_row_by_row(const bnc_matmul_c4_args *a, size_t from, size_t to) {
  const size_t end = i8_least(to * BNC_I8_COLUMNS, a->to.n);
  for (size_t n = from * BNC_I8_COLUMNS; n < end; n += BNC_C4_PANEL) {
    size_t row = 0;
    for (; row + C4_ROWS <= a->to.rows; row += C4_ROWS) c4_rows(a, n / BNC_C4_PANEL, row, C4_ROWS);
    for (; row < a->to.rows; ++row) c4_rows(a, n / BNC_C4_PANEL, row, 1);
  }
}

#endif
