/* SPDX-License-Identifier: Apache-2.0 */
/* Weights become f32 by a shift or a mask: in registers, or, where many rows share them, in memory before. */
#include "ops/matmul/matmul_panels_v16.h"

enum { WIDE_ROWS = V16_TILE_VECTORS > 1 ? 128 : 32 }; /* rows enough to share what was widened */

static void widen(const bnc_matmul_float_args *a, const stretch *s, float *wide) {
  const size_t panel = bnc_bf16_panel(a->k);
  const uint16_t *w = (const uint16_t *)a->w + s->from / BNC_FLOAT_PANEL * panel + s->first * BNC_FLOAT_PANEL;
  for (size_t n = s->from; n < s->to; n += BNC_FLOAT_PANEL, w += panel, wide += DEPTH * BNC_FLOAT_PANEL)
    for (size_t k = 0; k < s->count; k += 2) {
      v16_store(wide + k * BNC_FLOAT_PANEL, v16_bf16_even(w + k * BNC_FLOAT_PANEL));
      v16_store(wide + (k + 1) * BNC_FLOAT_PANEL, v16_bf16_odd(w + k * BNC_FLOAT_PANEL));
    }
}

static ahead place(const bnc_matmul_float_args *a, const stretch *s) {
  const size_t stride = bnc_bf16_panel(a->k) * sizeof(uint16_t), panels = (s->to - s->from + BNC_FLOAT_PANEL - 1) / BNC_FLOAT_PANEL;
  const char *w = (const char *)a->w + s->from / BNC_FLOAT_PANEL * stride + s->first * BNC_FLOAT_PANEL * sizeof(uint16_t);
  return (ahead){.at = w, .rows = panels, .lines = (s->count + 1) / 2, .stride_bytes = stride};
}

void BNC_AT_LEVEL(matmul_bf16)(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  if (args->rows >= WIDE_ROWS) {
    laid_out(args, from, to, scratch, widen, place);
    return;
  }
  for (size_t item = from; item < to; ++item) { /* an item's weights stay in the second cache while the rows go by */
    const size_t first = item * BNC_FLOAT_COLUMNS, end = first + BNC_FLOAT_COLUMNS < args->n ? first + BNC_FLOAT_COLUMNS : args->n;
    const stretch s = {first, end, 0, args->k, NULL, (const uint16_t *)args->w + first / BNC_FLOAT_PANEL * bnc_bf16_panel(args->k)};
    all_rows(args, &s, NULL);
  }
}
