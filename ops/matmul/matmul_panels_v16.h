/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_panels_v16.h  matmul_float.h's product over sixteen lanes: tiles of rows and panels, whose sums stay in registers along a
 * stretch of k and in y between two stretches. An item's weights are laid out as f32 for a stretch, where the nearest caches hold them for
 * all rows; or they are bf16 and widened in registers.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_PANELS_V16_H
#define BINOCLE_OPS_MATMUL_MATMUL_PANELS_V16_H

#include "ops/simd/v16.h"

#include "ops/matmul/matmul_ahead.h"
#include "ops/matmul/matmul_bf16.h"

enum {
  ROWS = V16_TILE_ROWS,
  PANELS = V16_TILE_VECTORS,     /* of so many rows */
  FEW = ROWS > 2 ? ROWS / 3 : 1, /* rows of what is left of them */
  FEW_PANELS = 2 * V16_TILE_VECTORS,
  ALONE = ROWS > 2 ? 4 : 2,                                   /* panels of a row alone, which waits for its sums else */
  DEPTH = PANELS > 1 ? BNC_FLOAT_DEPTH : BNC_FLOAT_DEPTH / 4, /* of k in a stretch: cores with AVX-512 have second caches of 1 MB */
  STEPS = 16                                                  /* of k, for which lines are fetched at a time */
};

/* The columns [from, to) of y and the stretch [first, first + count) of k, where first is even. */
typedef struct stretch {
  size_t from, to, first, count;
  const float *wide;      /* [panels, DEPTH, 16], or NULL: */
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

/* sum += a stretch of weights that are laid out. All tiles of a band together fetch its next rows. */
BNC_INLINE void multiply_wide(v16 (*sum)[4], const bnc_matmul_float_args *a, const stretch *s, ahead *next, size_t n, const float *x,
                              size_t rows, size_t panels) {
  const size_t before = (n - s->from) / BNC_FLOAT_PANEL, all = BNC_FLOAT_COLUMNS / BNC_FLOAT_PANEL;
  const float *wide = s->wide + before * DEPTH * BNC_FLOAT_PANEL, *rows_next = x + (rows + before * rows / all) * a->x_stride;
  v16 ws[4];
  for (size_t first = 0; first < s->count; first += STEPS) {
    const size_t end = s->count - first < STEPS ? s->count : first + STEPS;
    fetch_ahead(next);
    V16_UNROLL for (size_t r = 0; r < (rows * panels + all - 1) / all; ++r) __builtin_prefetch(rows_next + r * a->x_stride + first, 0, 2);
    for (size_t k = first; k < end; ++k) {
      V16_UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = v16_load(wide + (p * DEPTH + k) * BNC_FLOAT_PANEL);
      multiply(sum, ws, x + k, a->x_stride, rows, panels);
    }
  }
}

/* The same of weights in bf16. */
BNC_INLINE void multiply_narrow(v16 (*sum)[4], const bnc_matmul_float_args *a, const stretch *s, size_t n, const float *x, size_t rows,
                                size_t panels) {
  const size_t panel = bnc_bf16_panel(a->k);
  const uint16_t *narrow = s->narrow + (n - s->from) / BNC_FLOAT_PANEL * panel;
  v16 ws[4];
  size_t k = 0;
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
}

/* One tile of the columns from n on. rows <= ROWS, panels <= 4 and whether weights are wide (next) are constants where it is called. */
BNC_INLINE void tile(const bnc_matmul_float_args *a, const stretch *s, ahead *next, size_t row, size_t n, size_t rows, size_t panels) {
  const float *x = a->x + row * a->x_stride + s->first; /* [rows, count] */
  v16 sum[ROWS][4];
  V16_UNROLL for (size_t r = 0; r < rows; ++r) V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] =
      s->first ? load_some(a->y + (row + r) * a->y_stride + n + p * BNC_FLOAT_PANEL, a->n - n - p * BNC_FLOAT_PANEL) : v16_set1(0.0f);
  if (next)
    multiply_wide(sum, a, s, next, n, x, rows, panels);
  else
    multiply_narrow(sum, a, s, n, x, rows, panels);
  V16_UNROLL for (size_t p = 0; p < panels; ++p) {
    const size_t first = n + p * BNC_FLOAT_PANEL, left = a->n - first;
    const bool ends = s->first + s->count == a->k;
    const v16 bias = a->bias && ends ? load_some(a->bias + first, left) : v16_set1(0.0f);
    V16_UNROLL for (size_t r = 0; r < rows; ++r)
        store_some(a->y + (row + r) * a->y_stride + first, ends ? v16_add(sum[r][p], bias) : sum[r][p], left);
  }
}

/* `rows` rows of a stretch, `panels` panels at a time. */
BNC_INLINE void band(const bnc_matmul_float_args *a, const stretch *s, ahead *next, size_t row, size_t rows, size_t panels) {
  size_t n = s->from;
  for (; n + (panels - 1) * BNC_FLOAT_PANEL < s->to; n += panels * BNC_FLOAT_PANEL) tile(a, s, next, row, n, rows, panels);
  for (; n < s->to; n += BNC_FLOAT_PANEL) tile(a, s, next, row, n, rows, 1);
}

BNC_INLINE void all_rows(const bnc_matmul_float_args *a, const stretch *s, ahead *next) {
  size_t row = 0;
  for (; row + ROWS <= a->rows; row += ROWS) band(a, s, next, row, ROWS, PANELS);
  for (; FEW > 1 && row + FEW <= a->rows; row += FEW) band(a, s, next, row, FEW, FEW_PANELS);
  for (; row < a->rows; ++row) band(a, s, next, row, 1, ALONE);
}

/* Lays the weights of a stretch out as f32; tells where they lie. */
typedef void lay_out_fn(const bnc_matmul_float_args *a, const stretch *s, float *wide);
typedef ahead place_fn(const bnc_matmul_float_args *a, const stretch *s);

/* The stretch of the columns [from, to) that begins at k. */
BNC_INLINE stretch stretch_at(const bnc_matmul_float_args *a, size_t from, size_t k, const float *wide) {
  const size_t to = from + BNC_FLOAT_COLUMNS < a->n ? from + BNC_FLOAT_COLUMNS : a->n;
  return (stretch){from, to, k, a->k - k < DEPTH ? a->k - k : DEPTH, wide, NULL};
}

/* The items [from, to), each a stretch behind the other. */
BNC_INLINE void laid_out(const bnc_matmul_float_args *a, size_t from, size_t to, float *wide, lay_out_fn *lay_out, place_fn *place) {
  size_t n = from * BNC_FLOAT_COLUMNS, k = 0;
  while (n < to * BNC_FLOAT_COLUMNS && n < a->n) {
    const stretch s = stretch_at(a, n, k, wide);
    lay_out(a, &s, wide);
    k += DEPTH;
    if (k >= a->k) {
      k = 0;
      n += BNC_FLOAT_COLUMNS;
    }
    ahead next = {0};
    if (n < to * BNC_FLOAT_COLUMNS && n < a->n) {
      const stretch following = stretch_at(a, n, k, wide);
      const size_t times = (a->rows + ROWS - 1) / ROWS * (BNC_FLOAT_COLUMNS / BNC_FLOAT_PANEL / PANELS) * ((s.count + STEPS - 1) / STEPS);
      next = spread(place(a, &following), times);
    }
    all_rows(a, &s, &next);
  }
}

#endif
