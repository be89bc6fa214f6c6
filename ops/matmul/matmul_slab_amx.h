/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_slab_amx.h  What a product by AMX (matmul_slabs_amx.h) passes over: slabs of weights as tiles. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_SLAB_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_SLAB_AMX_H

#include "ops/matmul/matmul_ahead.h"
#include "ops/matmul/matmul_i8.h"
#include "ops/simd/tiles_amx.h"

enum {
  SLAB_DEPTH = BNC_TILES_DEPTH, /* bytes of a row at a time */
  SLAB_STEP = BNC_TILES_STEP,   /* bytes of a row in a tile */
  SLAB_COLUMNS = 2 * TILE_COLUMNS,
  BLOCK_ROWS = BNC_TILES_ROWS,
  MOST_ROWS = 640,           /* in one go */
  NEAR_BYTES = 1280 << 10,   /* of all of MOST_ROWS that the second cache holds beside a slab */
  NEAR_ROWS = MOST_ROWS / 2, /* of those at a time: more rows of y that lie 4 KB apart would push them out */
  MOST_COLUMNS = 1024,       /* whose sums are kept from one part of k to the next */
  SUMS_STRIDE = SLAB_COLUMNS * 4,
  SUMS = BLOCK_ROWS * SLAB_COLUMNS,
  /* The scratch: two slabs, the sums of two blocks, the totals of two ranges of columns, and the sums that are kept. */
  SLAB_BYTES = SLAB_COLUMNS * SLAB_DEPTH,
  KEPT_BYTES = 640 << 10,
  TOTALS_BYTES = 2 * MOST_COLUMNS * 4
};
_Static_assert(2 * SLAB_BYTES + 2 * SUMS * 4 + KEPT_BYTES + TOTALS_BYTES <= BNC_MATMUL_SCRATCH, "the scratch is too small");

BNC_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }
BNC_INLINE __mmask16 lanes_before(size_t n) { return (__mmask16)((1u << least(n, 16)) - 1); }

/* Columns [n, n + columns) of y, and the bytes [from, from + depth) of their rows of weights and of those of x. */
typedef struct slab {
  const int8_t *w;    /* of each step, a tile of 16 columns and one of the other 16; zeros where there is nothing */
  size_t side;        /* bytes from the one to the other; a step's follow those of the step before, or lie between them */
  const int8_t *tail; /* [2, TILE]: those of the last step, where they do not lie behind the others; else NULL */
  int32_t *totals;    /* [SLAB_COLUMNS]: sums of the columns along k, those up to here or all of them */
  size_t n, columns, from, depth;
} slab;

BNC_INLINE size_t slab_steps(const slab *s) { return (s->depth + SLAB_STEP - 1) / SLAB_STEP; }

typedef struct walk walk;
/* Finds a slab's tiles, or sets where they are to be laid out, at `room` [SLAB_BYTES]. */
typedef void place_fn(const walk *w, slab *s, int8_t *room);
/* Lays out tile i of a slab, [steps, 2]; with the first of a column or with all of them, its total. */
typedef void lay_out_fn(const walk *w, const slab *s, size_t i);
/* The lines that a slab is made of. */
typedef ahead lines_fn(const walk *w, const slab *s);

/* Rows [row, end) of y and the columns [first, last), `block` at a time. */
struct walk {
  const void *matrix;
  place_fn *place;
  lay_out_fn *lay_out; /* NULL: tiles lie where they are */
  lines_fn *lines;
  size_t rows, bytes;  /* of x: all rows, and a row's */
  const int8_t *tiles; /* x (matmul_tiles) */
  float *y;            /* [rows, columns] */
  size_t y_stride;
  const float *scale, *bias;
  const bnc_qd8_params *params;
  size_t row, end, first, last, block;
  int8_t *slabs;    /* [2, SLAB_BYTES] */
  int32_t *totals;  /* [2, MOST_COLUMNS]: of a block of columns and of the next one */
  int32_t *sums[2]; /* [SUMS]: of a block and of the one before; int32 or float */
  int32_t *kept;    /* [block / SLAB_COLUMNS, blocks of rows, SUMS]: from one part of k to the next */
};

#endif
