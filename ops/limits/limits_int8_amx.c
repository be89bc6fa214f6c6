/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/limits/limits.h"
#include "ops/simd/tiles_amx.h"

int32_t bnc_limits_int8_amx(double *macs) {
  int32_t sums[TILE / sizeof(int32_t)];
  tiles_begin(TILE_ROWS, TILE_ROWS, TILE_COLUMNS, TILE_COLUMNS);
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  TILE_STORE(3, sums, TILE_BYTES);
  TILE_FENCE();
  tiles_end();
  *macs = 4.0 * TILE_ROWS * 16 * 64 * BNC_LIMIT_ROUNDS;
  return sums[0];
}
