/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of rows and panels, whose sums stay in registers along k. Weights become f32 by a shift or a mask. */
#include "ops/simd/v16.h"

#include "ops/matmul/matmul_bf16.h"

enum {
  ROWS = V16_TILE_ROWS,
  PANELS = V16_TILE_VECTORS,     /* of so many rows */
  FEW = ROWS > 2 ? ROWS / 3 : 1, /* rows of what is left of them */
  FEW_PANELS = 2 * V16_TILE_VECTORS,
  ALONE = ROWS > 2 ? 4 : 2 /* panels of a row alone, which waits for its sums else */
};

/* y of one tile. rows and panels are constants where it is called, at most ROWS and 4. */
BNC_INLINE void tile(const bnc_matmul_bf16_args *a, size_t row, size_t n, size_t rows, size_t panels) {
  const size_t panel = bnc_bf16_panel(a->k);
  const uint16_t *w = a->w + n / BNC_BF16_PANEL * panel;
  const float *x = a->x + row * a->x_stride; /* [rows, k] */
  v16 sum[ROWS][4], ws[4];
  V16_UNROLL for (size_t r = 0; r < rows; ++r) V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = v16_set1(0.0f);
  for (size_t k = 0; k < a->k; k += 2) {
    V16_UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = v16_bf16_even(w + p * panel + k * BNC_BF16_PANEL);
    V16_UNROLL for (size_t r = 0; r < rows; ++r) {
      const v16 xs = v16_set1(x[r * a->x_stride + k]);
      V16_UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = v16_fma(xs, ws[p], sum[r][p]);
    }
    if (k + 1 == a->k) break;
    V16_UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = v16_bf16_odd(w + p * panel + k * BNC_BF16_PANEL);
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

/* `rows` rows of the columns [from, to), `panels` at a time. */
BNC_INLINE void band(const bnc_matmul_bf16_args *a, size_t row, size_t rows, size_t panels, size_t from, size_t to) {
  size_t n = from;
  for (; n + (panels - 1) * BNC_BF16_PANEL < to; n += panels * BNC_BF16_PANEL) tile(a, row, n, rows, panels);
  for (; n < to; n += BNC_BF16_PANEL) tile(a, row, n, rows, 1);
}

void BNC_AT_LEVEL(matmul_bf16)(const bnc_matmul_bf16_args *args, size_t from, size_t to, void *scratch) {
  (void)scratch;
  for (size_t item = from; item < to; ++item) { /* an item's weights stay in the second cache while the rows go by */
    const size_t first = item * BNC_BF16_COLUMNS, end = first + BNC_BF16_COLUMNS < args->n ? first + BNC_BF16_COLUMNS : args->n;
    size_t row = 0;
    for (; row + ROWS <= args->rows; row += ROWS) band(args, row, ROWS, PANELS, first, end);
    for (; FEW > 1 && row + FEW <= args->rows; row += FEW) band(args, row, FEW, FEW_PANELS, first, end);
    for (; row < args->rows; ++row) band(args, row, 1, ALONE, first, end);
  }
}
