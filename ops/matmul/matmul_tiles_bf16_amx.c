/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "ops/matmul/matmul_bf16.h"

static __mmask16 lanes_before(size_t n) { return (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1); }

void bnc_matmul_tiles_bf16_amx(const bnc_matmul_float_args *args, size_t from, size_t to) {
  const size_t bytes = (args->k + 1) / 2 * 4;
  for (size_t row = from * BNC_TILES_ROWS; row < to * BNC_TILES_ROWS && row < args->rows; ++row) {
    const float *x = args->x + row * args->x_stride;
    for (size_t part = 0; part < bytes; part += BNC_TILES_DEPTH) {
      uint16_t *out = args->tiles + bnc_matmul_tiles_place(args->rows, bytes, row, part) / 2;
      for (size_t i = part; i < bytes && i < part + BNC_TILES_DEPTH; i += BNC_TILES_STEP, out += BNC_TILES_ROWS * BNC_TILES_STEP / 2) {
        const size_t left = args->k - i / 2;
        const __m512 low = _mm512_maskz_loadu_ps(lanes_before(left), x + i / 2);
        const __m512 high = _mm512_maskz_loadu_ps(left > 16 ? lanes_before(left - 16) : 0, x + i / 2 + 16);
        _mm512_storeu_si512((void *)out, (__m512i)_mm512_cvtne2ps_pbh(high, low));
      }
    }
  }
}
