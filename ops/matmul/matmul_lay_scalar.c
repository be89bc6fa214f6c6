/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/matmul/matmul_i8.h"

enum { TILE_COLUMNS = BNC_TILES_ROWS / 2, LANE = 4, TILE = TILE_COLUMNS * BNC_TILES_STEP };

void bnc_matmul_lay_scalar(const bnc_matmul_lay_args *args, size_t from, size_t to) {
  const size_t slab = bnc_matmul_laid_slab(args->k), tiles = slab - BNC_TILES_ROWS * sizeof(int32_t);
  const size_t end = to * BNC_I8_COLUMNS < args->n ? to * BNC_I8_COLUMNS : (args->n + BNC_TILES_ROWS - 1) / BNC_TILES_ROWS * BNC_TILES_ROWS;
  for (size_t n = from * BNC_I8_COLUMNS; n < end; ++n) {
    int8_t *out = args->laid + n / BNC_TILES_ROWS * slab;
    const size_t side = n % BNC_TILES_ROWS / TILE_COLUMNS, column = n % TILE_COLUMNS;
    int32_t sum = 0;
    for (size_t k = 0; k < tiles / BNC_TILES_ROWS; ++k) {
      const int8_t value = n < args->n && k < args->k ? args->w[n * args->k + k] : 0;
      out[(k / BNC_TILES_STEP * 2 + side) * TILE + (k % BNC_TILES_STEP / LANE * TILE_COLUMNS + column) * LANE + k % LANE] = value;
      sum += value;
    }
    memcpy(out + tiles + n % BNC_TILES_ROWS * sizeof sum, &sum, sizeof sum);
  }
}

size_t bnc_matmul_laid_bytes(bnc_cpu_level level, size_t rows, size_t k, size_t columns) {
  enum { MANY_ROWS = 64 };
  return level == BNC_CPU_AMX && rows >= MANY_ROWS ? (columns + BNC_TILES_ROWS - 1) / BNC_TILES_ROWS * bnc_matmul_laid_slab(k) : 0;
}
