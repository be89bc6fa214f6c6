/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8.h"

void bnc_matmul_tiles_scalar(const bnc_matmul_i8_args *args, size_t from, size_t to) {
  const size_t bytes = (args->k + BNC_TILES_STEP - 1) / BNC_TILES_STEP * BNC_TILES_STEP;
  for (size_t row = from * BNC_TILES_ROWS; row < to * BNC_TILES_ROWS && row < args->rows; ++row)
    for (size_t k = 0; k < bytes; ++k) {
      const int8_t *q = args->q + (row - args->first) * args->q_stride;
      args->tiles[bnc_matmul_tiles_place(args->rows, args->k, row, k)] = k < args->k ? q[k] : 0;
    }
}

size_t bnc_matmul_tiles_bytes(bnc_cpu_level level, size_t rows, size_t k) {
  enum { LEAST_ROWS = 12 }; /* of fewer, tiles would be mostly empty, and weights be laid out for too few products */
  return level == BNC_CPU_AMX && rows >= LEAST_ROWS ? bnc_matmul_tiles_room(rows, k) : 0;
}
