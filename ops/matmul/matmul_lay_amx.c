/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8.h"

#include "ops/matmul/matmul_lay_amx.h"

void bnc_matmul_lay_amx(const bnc_matmul_lay_args *args, size_t from, size_t to) {
  const size_t bytes = bnc_matmul_laid_slab(args->k), steps = bytes / (2 * TILE);
  const size_t end = to * BNC_I8_COLUMNS < args->n ? to * BNC_I8_COLUMNS : args->n;
  for (size_t n = from * BNC_I8_COLUMNS; n < end; n += BNC_TILES_ROWS) {
    int8_t *slab = args->laid + n / BNC_TILES_ROWS * bytes;
    for (size_t i = 0; i < 2 * steps; ++i) {
      const size_t column = n + i % 2 * TILE_COLUMNS, k = i / 2 * BNC_TILES_STEP, rows = args->n > column ? args->n - column : 0;
      int32_t *totals = (int32_t *)(void *)(slab + steps * 2 * TILE) + i % 2 * TILE_COLUMNS;
      lay_tile(args->w + column * args->k + k, args->k, rows, args->k - k, slab + i * TILE, totals, k == 0);
    }
  }
}
