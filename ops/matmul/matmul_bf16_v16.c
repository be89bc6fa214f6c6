/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of rows and panels, whose sums stay in registers along k. Weights become f32 by a shift or a mask: in registers, or, where many
 * rows share them, in memory before. */
#include "ops/simd/v16.h"

#include "ops/matmul/matmul_bf16.h"

enum {
  ROWS = V16_TILE_ROWS,
  PANELS = V16_TILE_VECTORS, /* of so many rows */
  WIDE_ROWS = PANELS > 1 ? ROWS / 2 : ROWS,
  WIDE_PANELS = PANELS > 1 ? 2 * PANELS : PANELS, /* of weights that are f32 already: fewer loads of x */
  FEW = ROWS > 2 ? ROWS / 3 : 1,                  /* rows of what is left of them */
  FEW_PANELS = 2 * V16_TILE_VECTORS,
  ALONE = ROWS > 2 ? 4 : 2 /* panels of a row alone, which waits for its sums else */
};

/* The columns [n, ...) of the result, and their weights where these are widened. */
typedef struct columns {
  size_t from, to;
  const float *wide; /* [panels, (k + 1) / 2 * 2, 16], or NULL */
} columns;

/* The weights of `panels` panels for column k of x, which is even, or for the odd one behind it. */
BNC_INLINE void weights(v16 *ws, const uint16_t *w, const float *wide, size_t panel, size_t k, bool odd, size_t panels) {
  V16_UNROLL for (size_t p = 0; p < panels; ++p) {
    const size_t at = p * panel + k * BNC_BF16_PANEL;
    ws[p] = wide ? v16_load(wide + at + (odd ? BNC_BF16_PANEL : 0)) : odd ? v16_bf16_odd(w + at) : v16_bf16_even(w + at);
  }
}

/* y of one tile. rows, panels and whether weights are widened are constants where it is called, rows and panels at most ROWS and 4. */
BNC_INLINE void tile(const bnc_matmul_bf16_args *a, size_t row, size_t n, const float *wide, size_t rows, size_t panels) {
  const size_t panel = bnc_bf16_panel(a->k);
  const uint16_t *w = a->w + n / BNC_BF16_PANEL * panel;
  const float *x = a->x + row * a->x_stride; /* [rows, k] */
  v16 sum[ROWS][4], ws[4];
  V16_UNROLL for (size_t r = 0; r < rows; ++r) V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = v16_set1(0.0f);
  for (size_t k = 0; k < a->k; k += 2) {
    weights(ws, w, wide, panel, k, false, panels);
    V16_UNROLL for (size_t r = 0; r < rows; ++r) {
      const v16 xs = v16_set1(x[r * a->x_stride + k]);
      V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = v16_fma(xs, ws[p], sum[r][p]);
    }
    if (k + 1 == a->k) break;
    weights(ws, w, wide, panel, k, true, panels);
    V16_UNROLL for (size_t r = 0; r < rows; ++r) {
      const v16 xs = v16_set1(x[r * a->x_stride + k + 1]);
      V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = v16_fma(xs, ws[p], sum[r][p]);
    }
  }
  V16_UNROLL for (size_t p = 0; p < panels; ++p) {
    const size_t first = n + p * BNC_BF16_PANEL, left = a->n - first;
    V16_UNROLL for (size_t r = 0; r < rows; ++r) {
      float *y = a->y + (row + r) * a->y_stride + first;
      if (left >= BNC_BF16_PANEL)
        v16_store(y, v16_add(sum[r][p], a->bias ? v16_load(a->bias + first) : v16_set1(0.0f)));
      else
        v16_store_n(y, v16_add(sum[r][p], a->bias ? v16_load_n(a->bias + first, left) : v16_set1(0.0f)), left);
    }
  }
}

/* `rows` rows of some columns, `panels` at a time. */
BNC_INLINE void band(const bnc_matmul_bf16_args *a, size_t row, const columns *c, size_t rows, size_t panels) {
  const size_t panel = bnc_bf16_panel(a->k);
  const float *wide = c->wide;
  size_t n = c->from;
  for (; n + (panels - 1) * BNC_BF16_PANEL < c->to; n += panels * BNC_BF16_PANEL) {
    tile(a, row, n, wide, rows, panels);
    if (wide) wide += panels * panel;
  }
  for (; n < c->to; n += BNC_BF16_PANEL) {
    tile(a, row, n, wide, rows, 1);
    if (wide) wide += panel;
  }
}

/* The panels of the columns [from, to) as f32. */
static void widen(const bnc_matmul_bf16_args *a, size_t from, size_t to, float *wide) {
  const size_t panel = bnc_bf16_panel(a->k), first = from / BNC_BF16_PANEL, end = (to + BNC_BF16_PANEL - 1) / BNC_BF16_PANEL;
  const uint16_t *w = a->w + first * panel;
  for (size_t i = 0; i < (end - first) * panel; i += 2 * BNC_BF16_PANEL) {
    v16_store(wide + i, v16_bf16_even(w + i));
    v16_store(wide + i + BNC_BF16_PANEL, v16_bf16_odd(w + i));
  }
}

static void many_rows(const bnc_matmul_bf16_args *a, size_t from, size_t to, float *wide) {
  const size_t step = bnc_bf16_wide_panels(a->k) * BNC_BF16_PANEL;
  for (size_t n = from; n < to; n += step) {
    const columns c = {n, n + step < to ? n + step : to, wide};
    size_t row = 0;
    widen(a, c.from, c.to, wide);
    for (; row + WIDE_ROWS <= a->rows; row += WIDE_ROWS) band(a, row, &c, WIDE_ROWS, WIDE_PANELS);
    for (; row < a->rows; ++row) band(a, row, &c, 1, ALONE);
  }
}

void BNC_AT_LEVEL(matmul_bf16)(const bnc_matmul_bf16_args *args, size_t from, size_t to, void *scratch) {
  for (size_t item = from; item < to; ++item) { /* an item's weights stay in the second cache while the rows go by */
    const size_t first = item * BNC_BF16_COLUMNS, end = first + BNC_BF16_COLUMNS < args->n ? first + BNC_BF16_COLUMNS : args->n;
    const columns c = {first, end, NULL};
    size_t row = 0;
    if (args->rows >= BNC_BF16_WIDE_ROWS && bnc_bf16_wide_panels(args->k)) {
      many_rows(args, first, end, scratch);
      continue;
    }
    for (; row + ROWS <= args->rows; row += ROWS) band(args, row, &c, ROWS, PANELS);
    for (; FEW > 1 && row + FEW <= args->rows; row += FEW) band(args, row, &c, FEW, FEW_PANELS);
    for (; row < args->rows; ++row) band(args, row, &c, 1, ALONE);
  }
}
