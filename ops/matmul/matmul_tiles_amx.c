/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "ops/matmul/matmul_i8.h"

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

void bnc_matmul_tiles_amx(const bnc_matmul_i8_args *args, size_t from, size_t to) {
  const size_t padded = bnc_matmul_tiles_blocks(args->rows) * BNC_TILES_ROWS, end = least(to * BNC_TILES_ROWS, args->rows);
  for (size_t row = from * BNC_TILES_ROWS; row < end; ++row) {
    const int8_t *q = args->q + row * args->q_stride;
    const size_t before = row / BNC_TILES_ROWS * BNC_TILES_ROWS;
    for (size_t part = 0; part < args->k; part += BNC_TILES_DEPTH) {
      const size_t depth = least(args->k - part, BNC_TILES_DEPTH), whole = depth / BNC_TILES_STEP * BNC_TILES_STEP;
      const size_t stride = (depth + BNC_TILES_STEP - 1) / BNC_TILES_STEP * BNC_TILES_STEP; /* bytes of a row */
      int8_t *out = args->tiles + part * padded + before * stride + (row - before) * BNC_TILES_STEP;
      for (size_t k = 0; k < whole; k += BNC_TILES_STEP)
        _mm512_storeu_si512((void *)(out + k * BNC_TILES_ROWS), _mm512_loadu_si512((const void *)(q + part + k)));
      if (whole == depth) continue;
      const __mmask64 mask = ((__mmask64)1 << (depth - whole)) - 1;
      _mm512_storeu_si512((void *)(out + whole * BNC_TILES_ROWS), _mm512_maskz_loadu_epi8(mask, q + part + whole));
    }
  }
}
