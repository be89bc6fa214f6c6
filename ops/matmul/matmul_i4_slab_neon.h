/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i4_slab_neon.h  matmul_i4 for many rows on NEON registers: the nibbles of a few panels, DEPTH columns at a time, become
 * bytes of value u - 8 in the first cache once, and all rows of activations pass over them. Such products need no sums of q. y holds the
 * sums of the groups so far between two slabs.
 *
 * Each level's file defines I4_ROWS, the rows of activations whose sums registers hold; I4_UNIT, of how many rows one register holds sums;
 * and i4_block.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_SLAB_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_SLAB_NEON_H

#include "ops/matmul/matmul_i4_columns_neon.h"

enum { DEPTH = 512, I4_TOGETHER = 4 /* panels */, I4_UNITS = I4_ROWS / I4_UNIT, I4_HALF = I4_UNITS / 2 };

/* sum += the products of a block's 32 columns with `units` (a constant) units of rows.
   I4_UNIT 1: bytes [4, 2, 2, 4, 4] are (c, h, j, i, b): column 8 c + 4 j + b of the panel's row 4 h + i; q[u] is a row; a register of sum
   holds four columns of y. I4_UNIT 2: bytes [4, 8, 8] are (c, i, b): column 8 c + b of row i; q[u] [4, 2, 8] are eight columns of a row,
   then of the other, and so on; register p of sum holds columns 2 p and 2 p + 1 of y for the one, then for the other. */
BNC_INLINE void i4_block(const int8_t *bytes, const int8_t *const *q /* [units] */, int32x4_t (*sum)[I4_PARTS], const size_t units);

typedef struct i4_slab {
  const bnc_matmul_args *args;
  size_t begin, end, groups; /* the slab's groups, of how many */
  size_t panel, panels;      /* the first, and how many: at most I4_TOGETHER */
  _Alignas(64) int8_t bytes[I4_TOGETHER][DEPTH * BNC_I4_PANEL];
  int8_t rows[I4_ROWS][DEPTH]; /* two by two, as i4_block takes them */
} i4_slab;
_Static_assert(sizeof(i4_slab) <= BNC_MATMUL_SCRATCH, "the scratch is too small");

BNC_INLINE size_t i4_slab_depth(const i4_slab *s) { return (s->end - s->begin) * s->args->w.group; }

/* An absent row repeats the last one. */
BNC_INLINE size_t i4_present(const i4_slab *s, size_t row) { return row < s->args->rows ? row : s->args->rows - 1; }

/* The slab's part of `units` (a constant) units of rows, as i4_block takes them. */
BNC_INLINE void i4_slab_take(i4_slab *s, size_t row, const int8_t **q, const size_t units) {
  const bnc_matmul_args *a = s->args;
  const int8_t *first = a->q + s->begin * a->w.group;
  const size_t depth = i4_slab_depth(s);
  I4_UNROLL for (size_t u = 0; u < units; ++u) {
    q[u] = first + (row + u * I4_UNIT) * a->q_stride;
    if (I4_UNIT == 1) continue;
    const int8_t *other = first + i4_present(s, row + u * I4_UNIT + 1) * a->q_stride;
    int8_t *to = s->rows[u * I4_UNIT];
    for (size_t k = 0; k < depth; k += 8) {
      vst1_s8(to + 2 * k, vld1_s8(q[u] + k));
      vst1_s8(to + 2 * k + 8, vld1_s8(other + k));
    }
    q[u] = to;
  }
}

/* One of the slab's panels; groups of `blocks` blocks (a constant where it is 1). */
BNC_INLINE void i4_slab_tile(const i4_slab *s, size_t panel, size_t row, const int8_t *const *from, const size_t units,
                             const size_t blocks) {
  const bnc_matmul_args *a = s->args;
  const size_t rows = units * I4_UNIT, n = (s->panel + panel) * BNC_I4_PANEL, columns = i4_columns(&a->w, s->panel + panel);
  const uint16_t *scales = a->w.scales + ((s->panel + panel) * s->groups + s->begin) * BNC_I4_PANEL;
  const int8_t *bytes = s->bytes[panel], *q[I4_UNITS];
  float32x4_t acc[I4_UNITS][I4_PARTS];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    const i4_eight y = s->begin ? i4_load(a->y + i4_present(s, row + r) * a->y_stride + n, columns) : i4_zeros();
    for (size_t h = 0; h < 2; ++h) acc[r / I4_UNIT][I4_UNIT * h + r % I4_UNIT] = y.val[h];
  }
  I4_UNROLL for (size_t u = 0; u < units; ++u) {
    i4_turn(acc[u]);
    q[u] = from[u];
  }
  for (const uint16_t *end = scales + (s->end - s->begin) * BNC_I4_PANEL; scales < end; scales += BNC_I4_PANEL) {
    int32x4_t sum[I4_UNITS][I4_PARTS];
    float32x4_t scale[I4_PARTS];
    I4_UNROLL for (size_t i = 0; i < units * I4_PARTS; ++i) sum[i / I4_PARTS][i % I4_PARTS] = vdupq_n_s32(0);
    for (size_t b = 0; b < blocks; ++b, bytes += BNC_I4_BLOCK * BNC_I4_PANEL) {
      i4_block(bytes, q, sum, units);
      I4_UNROLL for (size_t u = 0; u < units; ++u) q[u] += BNC_I4_BLOCK * I4_UNIT;
    }
    const i4_eight both = i4_scales(scales);
    I4_UNROLL for (size_t p = 0; p < I4_PARTS; ++p) scale[p] = both.val[p / I4_UNIT];
    i4_turn(scale);
    I4_UNROLL for (size_t u = 0; u < units; ++u) {
      I4_UNROLL for (size_t p = 0; p < I4_PARTS; ++p) acc[u][p] = vfmaq_f32(acc[u][p], vcvtq_f32_s32(sum[u][p]), scale[p]);
    }
  }
  I4_UNROLL for (size_t u = 0; u < units; ++u) i4_turn(acc[u]);
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    const size_t at = i4_present(s, row + r);
    i4_eight y = {{acc[r / I4_UNIT][r % I4_UNIT], acc[r / I4_UNIT][I4_UNIT + r % I4_UNIT]}};
    if (s->end == s->groups) y = i4_finish(y, i4_load(a->w.offset + n, BNC_I4_PANEL), a->params[at], i4_bias(a, s->panel + panel));
    i4_store(a->y + at * a->y_stride + n, y, columns);
  }
}

BNC_INLINE void i4_slab_rows(i4_slab *s, size_t row, const size_t units, const size_t blocks) {
  const int8_t *q[I4_UNITS];
  i4_slab_take(s, row, q, units);
  for (size_t panel = 0; panel < s->panels; ++panel) i4_slab_tile(s, panel, row, q, units, blocks);
}

BNC_INLINE void i4_slab_all_rows(i4_slab *s, const size_t blocks) {
  size_t row = 0;
  for (; row + I4_ROWS <= s->args->rows; row += I4_ROWS) i4_slab_rows(s, row, I4_UNITS, blocks);
  for (; row + I4_HALF * I4_UNIT <= s->args->rows; row += I4_HALF * I4_UNIT) i4_slab_rows(s, row, I4_HALF, blocks);
  for (; row < s->args->rows; row += I4_UNIT) i4_slab_rows(s, row, 1, blocks);
}

BNC_INLINE void i4_slab_matmul(const bnc_matmul_args *a, size_t from, size_t to, void *scratch) {
  const bnc_i4_matrix *w = &a->w;
  const size_t most = DEPTH / w->group;
  i4_slab *s = scratch;
  s->args = a;
  s->groups = w->k / w->group;
  for (s->begin = 0; s->begin < s->groups; s->begin = s->end) {
    s->end = s->groups - s->begin < most ? s->groups : s->begin + most;
    for (s->panel = from; s->panel < to; s->panel += s->panels) {
      const size_t depth = i4_slab_depth(s);
      s->panels = to - s->panel < I4_TOGETHER ? to - s->panel : I4_TOGETHER;
      for (size_t p = 0; p < s->panels; ++p) {
        const uint8_t *nibbles = w->nibbles + (s->panel + p) * bnc_i4_panel_nibbles(w->k) + s->begin * w->group * (BNC_I4_PANEL / 2);
        for (size_t k = 0; k < depth; k += 8) i4_expand(nibbles + 4 * k, s->bytes[p] + BNC_I4_PANEL * k);
      }
      if (w->group == BNC_I4_BLOCK)
        i4_slab_all_rows(s, 1);
      else
        i4_slab_all_rows(s, w->group / BNC_I4_BLOCK);
    }
  }
}

#endif
