/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/matmul/matmul_c4_steps_avx512vnni.h"
#include "ops/matmul/matmul_slabs_amx.h"

/* Two panels are a tile's 16 columns; what is not there repeats the last panel and is not kept. */
static void lay_out_tile(const void *matrix, const slab *s, size_t i) {
  const bnc_matmul_c4_args *args = matrix;
  const size_t depth = args->to.k, bytes = bnc_c4_panel_bytes(depth), end = bnc_c4_panels(args->to.n) - 1;
  const size_t column = i % 2 * TILE_COLUMNS, k = i / 2 * SLAB_STEP, n = (s->n + column) / BNC_C4_PANEL;
  const uint8_t *first = args->panels + least(n, end) * bytes, *second = args->panels + least(n + 1, end) * bytes;
  uint8_t *out = (uint8_t *)s->w + i * TILE;
  for (size_t part = k; part < k + SLAB_STEP; part += BNC_C4_BLOCK, out += TILE / 2) {
    if (part < s->depth)
      expand_block(first, second, depth, s->from + part, 0, out, TILE_BYTES);
    else
      memset(out, 0, TILE / 2);
  }
  /* Of the slab behind this one. */
  BNC_UNROLL(4) for (size_t l = 0; l < 4; ++l) {
    _mm_prefetch((const char *)(first + 4 * bytes + 4 * (s->from + k) + 64 * l), _MM_HINT_T1);
    _mm_prefetch((const char *)(second + 4 * bytes + 4 * (s->from + k) + 64 * l), _MM_HINT_T1);
  }
  if (k) return;
  const __mmask16 mask = s->columns > column ? lanes_before(s->columns - column) : 0;
  _mm512_store_si512((void *)(s->totals + column), _mm512_maskz_loadu_epi32(mask, args->totals + s->n + column));
}

void bnc_matmul_c4_amx(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  if (!args->to.tiles)
    bnc_matmul_c4_avx512vnni(args, from, to, scratch);
  else
    matmul_slabs(&args->to, args, lay_out_tile, from * BNC_I8_COLUMNS, least(args->to.n, to * BNC_I8_COLUMNS), scratch);
}
