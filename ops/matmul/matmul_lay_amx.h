/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_lay_amx.h  int8 weights become tiles. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_LAY_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_LAY_AMX_H

#include "ops/simd/tiles_amx.h"
#include "ops/simd/transpose_avx512vnni.h"

/* `bytes` (up to 64) along k of up to 16 weights' rows, `stride` bytes apart: a transposition of int32 makes row i of the tile of the
   columns 4 i to 4 i + 3 of all of them. totals [16]: sums of them are added, or are all where this is the first tile of theirs. */
static void lay_tile(const int8_t *w, size_t stride, size_t rows, size_t bytes, int8_t *out, int32_t *totals, _Bool first) {
  const __mmask64 mask = bytes >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << bytes) - 1;
  __m512i total = first ? _mm512_setzero_si512() : _mm512_load_si512((const void *)totals), x[16];
  if (rows >= 16) {
    BNC_UNROLL(16) for (size_t c = 0; c < 16; ++c) x[c] = _mm512_maskz_loadu_epi8(mask, w + c * stride);
  } else {
    for (size_t c = 0; c < 16; ++c) x[c] = c < rows ? _mm512_maskz_loadu_epi8(mask, w + c * stride) : _mm512_setzero_si512();
  }
  bnc_transpose_16x16(x);
  BNC_UNROLL(16) for (size_t c = 0; c < 16; ++c) {
    _mm512_store_si512((void *)(out + TILE_BYTES * c), x[c]);
    total = _mm512_dpbusd_epi32(total, _mm512_set1_epi8(1), x[c]);
  }
  _mm512_store_si512((void *)totals, total);
}

#endif
