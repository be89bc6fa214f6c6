/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/matmul/matmul_c4_steps_avx512vnni.h"
#include "ops/matmul/matmul_ints_amx.h"

/* Two panels are a tile's 16 columns; what is not there repeats the last panel and is not kept. */
static void lay_out_tile(const walk *w, const slab *s, size_t i) {
  const bnc_matmul_c4_args *args = w->matrix;
  const size_t depth = args->to.k, bytes = bnc_c4_panel_bytes(depth), end = bnc_c4_panels(args->to.n) - 1;
  const size_t column = i % 2 * TILE_COLUMNS, k = i / 2 * SLAB_STEP, n = (s->n + column) / BNC_C4_PANEL;
  const uint8_t *first = args->panels + least(n, end) * bytes, *second = args->panels + least(n + 1, end) * bytes;
  uint8_t *out = (uint8_t *)(uintptr_t)s->w + i * TILE;
  for (size_t part = k; part < k + SLAB_STEP; part += BNC_C4_BLOCK, out += TILE / 2) {
    if (part < s->depth)
      expand_block(first, second, depth, s->from + part, 0, out, TILE_BYTES);
    else
      memset(out, 0, TILE / 2);
  }
  if (k) return;
  const __mmask16 mask = s->columns > column ? lanes_before(s->columns - column) : 0;
  _mm512_store_si512((void *)(s->totals + column), _mm512_maskz_loadu_epi32(mask, args->totals + s->n + column));
}

/* The nibbles; the steps are an eighth of them. */
static ahead lines_of(const walk *w, const slab *s) {
  const bnc_matmul_c4_args *args = w->matrix;
  const size_t bytes = bnc_c4_panel_bytes(args->to.k);
  const char *at = (const char *)args->panels + s->n / BNC_C4_PANEL * bytes + 4 * s->from;
  return (ahead){.at = at, .rows = bnc_c4_panels(s->columns), .lines = (4 * s->depth + 63) / 64, .stride_bytes = bytes};
}

void bnc_matmul_c4_amx(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  const size_t first = from * BNC_I8_COLUMNS, last = least(args->to.n, to * BNC_I8_COLUMNS);
  if (args->to.tiles)
    matmul_slabs(walk_of(&args->to, args, lay_out_tile, lines_of), first, last, scratch);
  else
    bnc_matmul_c4_avx512vnni(args, from, to, scratch);
}
