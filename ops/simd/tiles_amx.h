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
  TILE_COLUMNS = 16,            /* sums of a row */
  TILE_BYTES = 64,              /* of a row */
  TILE = TILE_ROWS * TILE_BYTES /* bytes */
};

/* The memory that tiles are loaded from is written before, that they are stored to read behind: GCC's loads and stores do not say so. */
#define TILE_FENCE() __asm__ volatile("" ::: "memory")
#define TILE_LOAD(tile, from, stride_bytes) _tile_loadd(tile, from, stride_bytes)
/* The same of what is read once by each pass over it: it leaves the first cache to what stays. */
#define TILE_STREAM(tile, from, stride_bytes) _tile_stream_loadd(tile, from, stride_bytes)
#define TILE_STORE(tile, to, stride_bytes) _tile_stored(tile, to, stride_bytes)

/* LDTILECFG's operand. */
typedef struct tile_shapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_shapes;

/* Takes the tiles, all zeros, for `first` + `second` rows of a and `left` + `right` columns of b; second and right may be 0, their tiles
   are not to be used then. They are this thread's until tiles_end. */
BNC_INLINE void tiles_begin(size_t first, size_t second, size_t left, size_t right) {
  const uint8_t rows[2] = {(uint8_t)first, (uint8_t)second};
  const uint16_t bytes[2] = {(uint16_t)(4 * left), (uint16_t)(4 * right)};
  tile_shapes shapes = {.palette = 1};
  for (size_t i = 0; i < 4; ++i) {
    if (!rows[i / 2] || !bytes[i % 2]) continue;
    shapes.rows[i] = rows[i / 2];
    shapes.row_bytes[i] = bytes[i % 2];
  }
  for (size_t i = 0; i < 2; ++i) {
    shapes.rows[4 + i] = rows[i];
    shapes.row_bytes[4 + i] = rows[i] ? TILE_BYTES : 0;
    shapes.rows[6 + i] = bytes[i] ? TILE_ROWS : 0;
    shapes.row_bytes[6 + i] = bytes[i];
  }
  _tile_loadconfig(&shapes);
  TILE_FENCE();
}

BNC_INLINE void tiles_end(void) { _tile_release(); }

#endif
