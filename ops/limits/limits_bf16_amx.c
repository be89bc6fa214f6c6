/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/limits/limits.h"
#include "ops/simd/tiles_amx.h"

float bnc_limits_bf16_amx(double *macs) {
  float sums[TILE / sizeof(float)];
  tiles_begin(TILE_ROWS, TILE_ROWS, TILE_COLUMNS, TILE_COLUMNS);
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  TILE_STORE(3, sums, TILE_BYTES);
  TILE_FENCE();
  tiles_end();
  *macs = 4.0 * TILE_ROWS * 16 * 32 * BNC_LIMIT_ROUNDS;
  return sums[0];
}
