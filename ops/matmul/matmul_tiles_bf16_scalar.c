/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "ops/half.h"
#include "ops/matmul/matmul_bf16.h"

static uint16_t rounded(float x) { return fabsf(x) < 0x1p-126f ? (uint16_t)(signbit(x) ? 0x8000 : 0) : bnc_bf16_from_f32(x); }

void bnc_matmul_tiles_bf16_scalar(const bnc_matmul_float_args *args, size_t from, size_t to) {
  const size_t bytes = (args->k + 1) / 2 * 4, padded = (bytes + BNC_TILES_STEP - 1) / BNC_TILES_STEP * BNC_TILES_STEP / 2;
  for (size_t row = from * BNC_TILES_ROWS; row < to * BNC_TILES_ROWS && row < args->rows; ++row)
    for (size_t k = 0; k < padded; ++k)
      args->tiles[bnc_matmul_tiles_place(args->rows, bytes, row, 2 * k) / 2] = k < args->k ? rounded(args->x[row * args->x_stride + k]) : 0;
}

size_t bnc_matmul_tiles_bf16_bytes(bnc_cpu_level level, size_t rows, size_t k) {
  return level == BNC_CPU_AMX ? bnc_matmul_tiles_room(rows, (k + 1) / 2 * 4) : 0;
}
