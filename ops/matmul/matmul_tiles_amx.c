/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "ops/matmul/matmul_i8.h"

void bnc_matmul_tiles_amx(const bnc_matmul_i8_args *args, size_t from, size_t to) {
  for (size_t row = from * BNC_TILES_ROWS; row < to * BNC_TILES_ROWS && row < args->rows; ++row) {
    const int8_t *q = args->q + (row - args->first) * args->q_stride;
    for (size_t part = 0; part < args->k; part += BNC_TILES_DEPTH) {
      int8_t *out = args->tiles + bnc_matmul_tiles_place(args->rows, args->k, row, part);
      for (size_t k = part; k < args->k && k < part + BNC_TILES_DEPTH; k += BNC_TILES_STEP, out += BNC_TILES_ROWS * BNC_TILES_STEP) {
        const size_t left = args->k - k;
        const __mmask64 mask = left < BNC_TILES_STEP ? ((__mmask64)1 << left) - 1 : ~(__mmask64)0;
        _mm512_storeu_si512((void *)out, _mm512_maskz_loadu_epi8(mask, q + k));
      }
    }
  }
}
