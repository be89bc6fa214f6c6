/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/limits/limits.h"
#include "ops/simd/tiles_amx.h"

/* Four chains of one product of tiles, whose rows hold `depth` factors. */
#define PRODUCTS(type, dot, depth)                                                                                                         \
  type sums[TILE / sizeof(type)];                                                                                                          \
  tiles_begin(TILE_ROWS, TILE_ROWS, TILE_COLUMNS, TILE_COLUMNS);                                                                           \
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {                                                                                             \
    dot(0, 4, 6);                                                                                                                          \
    dot(1, 4, 7);                                                                                                                          \
    dot(2, 5, 6);                                                                                                                          \
    dot(3, 5, 7);                                                                                                                          \
  }                                                                                                                                        \
  TILE_STORE(3, sums, TILE_BYTES);                                                                                                         \
  TILE_FENCE();                                                                                                                            \
  tiles_end();                                                                                                                             \
  *macs = 4.0 * TILE_ROWS * TILE_COLUMNS * (depth) * BNC_LIMIT_ROUNDS;                                                                     \
  return sums[0];

int32_t bnc_limits_int8_amx(double *macs) { PRODUCTS(int32_t, _tile_dpbssd, 64) }
float bnc_limits_bf16_amx(double *macs) { PRODUCTS(float, _tile_dpbf16ps, 32) }
