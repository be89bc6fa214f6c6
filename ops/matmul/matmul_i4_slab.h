/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i4_slab.h  matmul_i4 for many rows: the nibbles of two panels, DEPTH columns at a time, become bytes in the first cache once, and all rows
 * of activations, of which so many columns stay in the second cache, pass over them. y holds the sums of the groups so far between two slabs.
 *
 * Include a v16_*.h first. Each level's file defines what its registers decide: i4_wide (int32 sums of 16 columns of y), I4_ROWS (rows of activations whose
 * sums registers hold), and the functions declared here.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_SLAB_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_SLAB_H

#include "ops/matmul/matmul.h"

enum { DEPTH = 512, PAIR = 2 * BNC_I4_PANEL };

/* 16 sums that start at x. */
V16_INLINE i4_wide i4_start(int32_t x);
/* wide[r] += the products of a block's 32 columns with row r, for `rows` (a constant) rows. */
V16_INLINE void i4_block(const uint8_t *bytes /* [8, 16, 4] */, const int8_t *const *q /* [rows] */, size_t k, i4_wide *wide, const size_t rows);
V16_INLINE v16 i4_float(i4_wide wide);
/* Those of one group of two panels. */
V16_INLINE v16 i4_scales(const uint16_t *first /* bf16 [8] */, const uint16_t *second /* bf16 [8] */);
/* Eight columns of two panels: columns 0 to 3 of 16 rows, then 4 to 7. */
V16_INLINE void i4_expand(const uint8_t *first /* [8, 4] */, const uint8_t *second /* [8, 4] */, uint8_t *bytes /* [2, 16, 4] */);

typedef struct i4_slab {
  const uint8_t *bytes;             /* [(end - begin) * group / 4, 16, 4] */
  const uint16_t *scales[2];        /* bf16 [groups, 8] of each panel */
  size_t begin, end, groups, group; /* the slab's groups, of how many, of how many columns */
  size_t n, columns;                /* of y: at most 16 */
  v16 offset, bias;
} i4_slab;

/* `rows` (a constant) rows from `row` on; groups of `blocks` blocks (a constant where it is 1). */
V16_INLINE void i4_slab_rows(const bnc_matmul_args *a, const i4_slab *s, size_t row, const size_t rows, const size_t blocks) {
  const int8_t *q[I4_ROWS];
  const int32_t *sums[I4_ROWS];
  v16 acc[I4_ROWS];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    const float *y = a->y + (row + r) * a->y_stride + s->n;
    q[r] = a->q + (row + r) * a->q_stride;
    sums[r] = a->sums + (row + r) * s->groups;
    acc[r] = s->begin == 0 ? v16_set1(0.0f) : s->columns == PAIR ? v16_load(y) : v16_load_n(y, s->columns);
  }
  const uint8_t *bytes = s->bytes;
  size_t k = s->begin * s->group;
  for (size_t g = s->begin; g < s->end; ++g) {
    i4_wide wide[I4_ROWS];
    I4_UNROLL for (size_t r = 0; r < rows; ++r) wide[r] = i4_start(-sums[r][g]);
    for (size_t b = 0; b < blocks; ++b, k += BNC_I4_BLOCK, bytes += BNC_I4_BLOCK * PAIR) i4_block(bytes, q, k, wide, rows);
    const v16 scale = i4_scales(s->scales[0] + g * BNC_I4_PANEL, s->scales[1] + g * BNC_I4_PANEL);
    I4_UNROLL for (size_t r = 0; r < rows; ++r) acc[r] = v16_fma(i4_float(wide[r]), scale, acc[r]);
  }
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    float *y = a->y + (row + r) * a->y_stride + s->n;
    if (s->end == s->groups) {
      const bnc_qd8_params p = a->params[row + r];
      acc[r] = v16_fma(v16_fma(v16_set1(-(float)p.zero_point), s->offset, acc[r]), v16_set1(p.scale), s->bias);
    }
    if (s->columns == PAIR) v16_store(y, acc[r]);
    else v16_store_n(y, acc[r], s->columns);
  }
}

V16_INLINE void i4_slab_all_rows(const bnc_matmul_args *a, const i4_slab *s, const size_t blocks) {
  size_t row = 0;
  for (; row + I4_ROWS <= a->rows; row += I4_ROWS) i4_slab_rows(a, s, row, I4_ROWS, blocks);
  for (; row < a->rows; ++row) i4_slab_rows(a, s, row, 1, blocks);
}

/* A range of an odd number of panels ends in a pair of one and the same, of which half is not kept. */
V16_INLINE void i4_slab_matmul(const bnc_matmul_args *a, size_t from, size_t to) {
  const bnc_i4_matrix *w = &a->w;
  const size_t most = DEPTH / w->group;
  _Alignas(64) uint8_t bytes[DEPTH * PAIR];
  i4_slab s = {.bytes = bytes, .groups = w->k / w->group, .group = w->group};
  for (; s.begin < s.groups; s.begin = s.end) {
    s.end = s.groups - s.begin < most ? s.groups : s.begin + most;
    for (size_t panel = from; panel < to; panel += 2) {
      const size_t other = panel + 1 < to ? panel + 1 : panel, last = (other + 1) * BNC_I4_PANEL < w->n ? (other + 1) * BNC_I4_PANEL : w->n;
      const uint8_t *first = w->nibbles + panel * bnc_i4_panel_nibbles(w->k), *second = w->nibbles + other * bnc_i4_panel_nibbles(w->k);
      for (size_t k = s.begin * w->group, i = 0; k < s.end * w->group; k += 8, ++i) i4_expand(first + 4 * k, second + 4 * k, bytes + 8 * PAIR * i);
      s.n = panel * BNC_I4_PANEL;
      s.columns = last - s.n;
      s.scales[0] = w->scales + panel * s.groups * BNC_I4_PANEL;
      s.scales[1] = w->scales + other * s.groups * BNC_I4_PANEL;
      s.offset = v16_load_n(w->offset + s.n, s.columns);
      s.bias = a->bias ? v16_load_n(a->bias + s.n, s.columns) : v16_set1(0.0f);
      if (w->group == BNC_I4_BLOCK) i4_slab_all_rows(a, &s, 1);
      else i4_slab_all_rows(a, &s, w->group / BNC_I4_BLOCK);
    }
  }
}

#endif
