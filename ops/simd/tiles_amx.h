/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file tiles_amx.h  AMX: eight tiles of up to 16 rows of 64 bytes (Intel SDM vol. 1, chapter 18). sums [rows, 16] += a [rows, 64 bytes] x
 * b [16, 64 bytes]: row i of b holds, for 16 columns, what the bytes 4 i to 4 i + 3 of a row of a are multiplied with. Tiles are named by
 * number, so these are macros. Here tiles 0 to 3 are sums, of a in 4 and 5 by b in 6 and 7: four products for four loads, and four chains
 * of sums hide the products' latency.
 */
#ifndef BINOCLE_OPS_SIMD_TILES_AMX_H
#define BINOCLE_OPS_SIMD_TILES_AMX_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/inline.h"

enum {
  TILE_ROWS = 16,
  TILE_BYTES = 64,              /* of a row */
  TILE = TILE_ROWS * TILE_BYTES /* bytes */
};

/* The memory that tiles are loaded from is written before, that they are stored to read behind: GCC's loads and stores do not say so. */
#define TILE_FENCE() __asm__ volatile("" ::: "memory")
#define TILE_LOAD(tile, from, stride_bytes) _tile_loadd(tile, from, stride_bytes)
#define TILE_STORE(tile, to, stride_bytes) _tile_stored(tile, to, stride_bytes)

/* LDTILECFG's operand. */
typedef struct tile_shapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_shapes;

/* Takes the tiles, all zeros, for `first` + `second` rows of a. They are this thread's until tiles_end. */
BNC_INLINE void tiles_begin(size_t first, size_t second) {
  const uint8_t f = (uint8_t)first, s = (uint8_t)second;
  /* A tile of no rows is not configured at all. */
  const uint16_t second_bytes = s ? TILE_BYTES : 0;
  const tile_shapes shapes = {.palette = 1,
                              .row_bytes = {64, 64, second_bytes, second_bytes, 64, second_bytes, 64, 64},
                              .rows = {f, f, s, s, f, s, TILE_ROWS, TILE_ROWS}};
  _tile_loadconfig(&shapes);
  TILE_FENCE();
}

BNC_INLINE void tiles_end(void) { _tile_release(); }

#endif
