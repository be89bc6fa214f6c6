/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_slab_amx.h  What a product by AMX (matmul_slabs_amx.h) lays out as tiles: slabs of weights. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_SLAB_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_SLAB_AMX_H

#include "ops/matmul/matmul_i8.h"
#include "ops/simd/tiles_amx.h"

enum {
  SLAB_DEPTH = BNC_TILES_DEPTH, /* of k at a time */
  SLAB_STEP = BNC_TILES_STEP,   /* of k in a tile */
  SLAB_COLUMNS = 2 * TILE_COLUMNS,
  BLOCK_ROWS = BNC_TILES_ROWS,
  MOST_ROWS = 640,     /* in one go */
  MOST_COLUMNS = 1024, /* whose sums are kept from one part of k to the next */
  SUMS_STRIDE = SLAB_COLUMNS * 4,
  SUMS = BLOCK_ROWS * SLAB_COLUMNS,
  /* The scratch: two slabs, the sums of two blocks, the totals of two ranges of columns, and the sums that are kept. */
  SLAB_BYTES = SLAB_COLUMNS * SLAB_DEPTH,
  KEPT_BYTES = 1280 << 10,
  TOTALS_BYTES = 2 * MOST_COLUMNS * 4
};
_Static_assert(2 * SLAB_BYTES + 2 * SUMS * 4 + KEPT_BYTES + TOTALS_BYTES <= BNC_MATMUL_SCRATCH, "the scratch is too small");

BNC_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }
BNC_INLINE __mmask16 lanes_before(size_t n) { return (__mmask16)((1u << least(n, 16)) - 1); }

/* Columns [n, n + columns), of k [from, from + depth). */
typedef struct slab {
  int8_t *w;       /* [steps, 2, TILE]: of each step, the tiles of 16 columns and of the other 16; zeros where there is nothing */
  int32_t *totals; /* [SLAB_COLUMNS]: sums of the columns along k, those up to here or all of them */
  size_t n, columns, from, depth;
} slab;

/* Lays out tile i of a slab, [steps, 2]; with the first of a column, what totals the slab's matrix keeps. */
typedef void lay_out_fn(const void *matrix, const slab *s, size_t i);

/* Rows [row, end) of y and the columns [first, last), `block` at a time. */
typedef struct walk {
  const bnc_matmul_i8_args *args;
  const void *matrix;
  lay_out_fn *lay_out;
  size_t row, end, first, last, block;
  int32_t *totals;  /* [2, MOST_COLUMNS]: of a block of columns and of the next one */
  int32_t *sums[2]; /* [SUMS]: of a block and of the one before */
  int32_t *kept;    /* [block / SLAB_COLUMNS, blocks of rows, SUMS]: from one part of k to the next */
} walk;

BNC_INLINE size_t slab_steps(const slab *s) { return (s->depth + SLAB_STEP - 1) / SLAB_STEP; }

#endif
