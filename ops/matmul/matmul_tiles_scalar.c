/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8.h"

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

void bnc_matmul_tiles_scalar(const bnc_matmul_i8_args *args, size_t from, size_t to) {
  const size_t padded = bnc_matmul_tiles_blocks(args->rows) * BNC_TILES_ROWS;
  for (size_t row = from * BNC_TILES_ROWS; row < to * BNC_TILES_ROWS && row < args->rows; ++row) {
    const size_t block = row / BNC_TILES_ROWS;
    for (size_t k = 0; k < (args->k + BNC_TILES_STEP - 1) / BNC_TILES_STEP * BNC_TILES_STEP; ++k) {
      const size_t part = k / BNC_TILES_DEPTH * BNC_TILES_DEPTH, depth = least(args->k - part, BNC_TILES_DEPTH);
      const size_t steps = (depth + BNC_TILES_STEP - 1) / BNC_TILES_STEP, step = (k - part) / BNC_TILES_STEP;
      args->tiles[part * padded + ((block * steps + step) * BNC_TILES_ROWS + row % BNC_TILES_ROWS) * BNC_TILES_STEP + k % BNC_TILES_STEP] =
          k < args->k ? args->q[row * args->q_stride + k] : 0;
    }
  }
}

size_t bnc_matmul_tiles_bytes(bnc_cpu_level level, size_t rows, size_t k) {
  enum { LEAST_ROWS = 12 }; /* of fewer, tiles would be mostly empty, and weights be laid out for too few products */
  if (level != BNC_CPU_AMX || rows < LEAST_ROWS) return 0;
  return bnc_matmul_tiles_blocks(rows) * BNC_TILES_ROWS * ((k + BNC_TILES_STEP - 1) / BNC_TILES_STEP * BNC_TILES_STEP);
}
