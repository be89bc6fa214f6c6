/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_panels_v16.h  matmul_float.h's product over sixteen lanes: tiles of rows and panels, whose sums stay in registers along a
 * stretch of k and in y between two stretches. An item's weights are laid out as f32 for a stretch, where the nearest caches hold them for
 * all rows; or they are bf16 and widened in registers.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_PANELS_V16_H
#define BINOCLE_OPS_MATMUL_MATMUL_PANELS_V16_H

#include "ops/simd/v16.h"

#include "ops/matmul/matmul_bf16.h"
#include "ops/matmul/matmul_float.h"

enum {
  ROWS = V16_TILE_ROWS,
  PANELS = V16_TILE_VECTORS,     /* of so many rows */
  FEW = ROWS > 2 ? ROWS / 3 : 1, /* rows of what is left of them */
  FEW_PANELS = 2 * V16_TILE_VECTORS,
  ALONE = ROWS > 2 ? 4 : 2 /* panels of a row alone, which waits for its sums else */
};

/* The columns [from, to) of y and the stretch [first, first + count) of k, where first is even. */
typedef struct stretch {
  size_t from, to, first, count;
  const float *wide;      /* [panels, BNC_FLOAT_DEPTH, 16], or NULL: */
  const uint16_t *narrow; /* panels of bf16 (matmul_bf16.h), of all k */
} stretch;

BNC_INLINE void multiply(v16 (*sum)[4], const v16 *ws, const float *x, size_t stride, size_t rows, size_t panels) {
  V16_UNROLL for (size_t r = 0; r < rows; ++r) {
    const v16 xs = v16_set1(x[r * stride]);
    V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = v16_fma(xs, ws[p], sum[r][p]);
  }
}

/* The first n lanes alone; n may be beyond 16. */
BNC_INLINE v16 load_some(const float *p, size_t n) { return n >= 16 ? v16_load(p) : v16_load_n(p, n); }

BNC_INLINE void store_some(float *p, v16 x, size_t n) {
  if (n >= 16)
    v16_store(p, x);
  else
    v16_store_n(p, x, n);
}

/* One tile of the columns from n on. rows, panels and whether weights are wide are constants where it is called, rows and panels at most
 * ROWS and 4. */
BNC_INLINE void tile(const bnc_matmul_float_args *a, const stretch *s, size_t row, size_t n, bool is_wide, size_t rows, size_t panels) {
  const size_t panel = is_wide ? BNC_FLOAT_DEPTH * BNC_FLOAT_PANEL : bnc_bf16_panel(a->k), at = (n - s->from) / BNC_FLOAT_PANEL * panel;
  const float *wide = is_wide ? s->wide + at : NULL, *x = a->x + row * a->x_stride + s->first; /* [rows, count] */
  const uint16_t *narrow = is_wide ? NULL : s->narrow + at;
  v16 sum[ROWS][4], ws[4];
  size_t k = 0;
  V16_UNROLL for (size_t r = 0; r < rows; ++r) V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] =
      s->first ? load_some(a->y + (row + r) * a->y_stride + n + p * BNC_FLOAT_PANEL, a->n - n - p * BNC_FLOAT_PANEL) : v16_set1(0.0f);
  for (; is_wide && k < s->count; ++k) {
    V16_UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = v16_load(wide + p * panel + k * BNC_FLOAT_PANEL);
    multiply(sum, ws, x + k, a->x_stride, rows, panels);
  }
  for (; k + 2 <= s->count; k += 2) {
    V16_UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = v16_bf16_even(narrow + p * panel + k * BNC_FLOAT_PANEL);
    multiply(sum, ws, x + k, a->x_stride, rows, panels);
    V16_UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = v16_bf16_odd(narrow + p * panel + k * BNC_FLOAT_PANEL);
    multiply(sum, ws, x + k + 1, a->x_stride, rows, panels);
  }
  if (k < s->count) {
    V16_UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = v16_bf16_even(narrow + p * panel + k * BNC_FLOAT_PANEL);
    multiply(sum, ws, x + k, a->x_stride, rows, panels);
  }
  V16_UNROLL for (size_t p = 0; p < panels; ++p) {
    const size_t first = n + p * BNC_FLOAT_PANEL, left = a->n - first;
    const bool ends = s->first + s->count == a->k;
    const v16 bias = a->bias && ends ? load_some(a->bias + first, left) : v16_set1(0.0f);
    V16_UNROLL for (size_t r = 0; r < rows; ++r)
        store_some(a->y + (row + r) * a->y_stride + first, ends ? v16_add(sum[r][p], bias) : sum[r][p], left);
  }
}

/* `rows` rows of a stretch, `panels` panels at a time. */
BNC_INLINE void band(const bnc_matmul_float_args *a, const stretch *s, size_t row, bool wide, size_t rows, size_t panels) {
  size_t n = s->from;
  for (; n + (panels - 1) * BNC_FLOAT_PANEL < s->to; n += panels * BNC_FLOAT_PANEL) tile(a, s, row, n, wide, rows, panels);
  for (; n < s->to; n += BNC_FLOAT_PANEL) tile(a, s, row, n, wide, rows, 1);
}

BNC_INLINE void all_rows(const bnc_matmul_float_args *a, const stretch *s, bool wide) {
  size_t row = 0;
  for (; row + ROWS <= a->rows; row += ROWS) band(a, s, row, wide, ROWS, PANELS);
  for (; FEW > 1 && row + FEW <= a->rows; row += FEW) band(a, s, row, wide, FEW, FEW_PANELS);
  for (; row < a->rows; ++row) band(a, s, row, wide, 1, ALONE);
}

/* Lays the weights of a stretch out as f32. */
typedef void lay_out_fn(const bnc_matmul_float_args *a, const stretch *s, float *wide);

BNC_INLINE void laid_out(const bnc_matmul_float_args *a, size_t from, size_t to, float *wide, lay_out_fn *lay_out) {
  for (size_t k = 0; k < a->k; k += BNC_FLOAT_DEPTH) {
    const stretch s = {from, to, k, a->k - k < BNC_FLOAT_DEPTH ? a->k - k : BNC_FLOAT_DEPTH, wide, NULL};
    lay_out(a, &s, wide);
    all_rows(a, &s, true);
  }
}

#endif
