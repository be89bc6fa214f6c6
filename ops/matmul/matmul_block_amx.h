/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_block_amx.h  A block of 32 rows by a slab of weights (matmul_slabs_amx.h), and what happens between its products. The file
 * that includes it defines SLAB_FLOATS: 1 for tiles of bf16, whose sums are floats, 0 for those of int8. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_BLOCK_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_BLOCK_AMX_H

#include "ops/matmul/matmul_finish_amx.h"

#if SLAB_FLOATS
#define SLAB_DOT _tile_dpbf16ps
#else
#define SLAB_DOT _tile_dpbssd
#endif

/* What happens between products. */
typedef struct meanwhile {
  ahead weights;      /* of a slab yet to come, to be fetched */
  const slab *next;   /* to be laid out */
  size_t tile, tiles; /* the next one of it, and how many there are */
  size_t every, wait; /* so many steps lie between two, so many until the next one */
  size_t finish;      /* rows a step to finish */
  pending before;
} meanwhile;

BNC_INLINE void lay_out_some(const walk *w, meanwhile *m) {
  if (m->wait-- || m->tile == m->tiles) return;
  m->wait = m->every;
  w->lay_out(w, m->next, m->tile++);
}

/* The sums of a block, which has a second tile of rows or not, by a slab that has one of columns or not. */
BNC_INLINE void multiply(const walk *w, const slab *s, size_t row, const int32_t *sums, meanwhile *m, const _Bool second, const _Bool right,
                         const _Bool lays) {
  const size_t steps = slab_steps(s), padded = bnc_matmul_tiles_blocks(w->rows) * BLOCK_ROWS;
  const int8_t *a = w->tiles + s->from * padded + row * SLAB_STEP * steps, *b = s->w;
  size_t side = SLAB_FLOATS ? s->side : TILE;
  pending before = m->before; /* these two in registers */
  ahead weights = m->weights;
  TILE_FENCE();
  if (s->from) {
    TILE_LOAD(0, sums, SUMS_STRIDE);
    if (right) TILE_LOAD(1, sums + TILE_COLUMNS, SUMS_STRIDE);
    if (second) TILE_LOAD(2, sums + TILE_ROWS * SLAB_COLUMNS, SUMS_STRIDE);
    if (second && right) TILE_LOAD(3, sums + TILE_ROWS * SLAB_COLUMNS + TILE_COLUMNS, SUMS_STRIDE);
  } else {
    _tile_zero(0);
    if (right) _tile_zero(1);
    if (second) _tile_zero(2);
    if (second && right) _tile_zero(3);
  }
  for (size_t i = 0; i < steps; ++i, a += 2 * TILE, b += SLAB_FLOATS ? TILE : 2 * TILE) {
    if (SLAB_FLOATS && s->tail && i + 1 == steps) {
      b = s->tail;
      side = TILE;
    }
    TILE_LOAD(6, b, TILE_BYTES);
    TILE_STREAM(4, a, TILE_BYTES);
    if (right) TILE_LOAD(7, b + side, TILE_BYTES);
    if (second) TILE_STREAM(5, a + TILE, TILE_BYTES);
    SLAB_DOT(0, 4, 6);
    if (right) SLAB_DOT(1, 4, 7);
    if (second) SLAB_DOT(2, 5, 6);
    if (second && right) SLAB_DOT(3, 5, 7);
    finish(&before, m->finish);
    fetch_ahead(&weights);
    if (lays) lay_out_some(w, m);
  }
  finish(&before, BLOCK_ROWS);
  m->weights = weights;
}

/* One block: its sums so far, or, where k ends, those that y is to be made of. */
BNC_INLINE void block(const walk *w, const slab *s, size_t row, size_t rows, int32_t *kept, int32_t *last, meanwhile *m, const _Bool second,
                      const _Bool right, const _Bool lays) {
  const _Bool ends = s->from + s->depth == w->bytes;
  int32_t *sums = ends ? last : kept;
  multiply(w, s, row, kept, m, second, right, lays);
  m->before.left = 0;
  TILE_STORE(0, sums, SUMS_STRIDE);
  if (right) TILE_STORE(1, sums + TILE_COLUMNS, SUMS_STRIDE);
  if (second) TILE_STORE(2, sums + TILE_ROWS * SLAB_COLUMNS, SUMS_STRIDE);
  if (second && right) TILE_STORE(3, sums + TILE_ROWS * SLAB_COLUMNS + TILE_COLUMNS, SUMS_STRIDE);
  TILE_FENCE();
  if (ends) suspend(w, s, sums, row, rows, &m->before);
}

/* Functions of their own, so that constants reach their loops. A call in its loop, which lays out, costs the first one a fifth of its speed
   where all is near. */
#define BLOCK_FUNCTION(name, second, right, lays)                                                                                          \
  static __attribute__((noinline)) void name(const walk *w, const slab *s, size_t row, size_t rows, int32_t *kept, int32_t *last,          \
                                             meanwhile *m) {                                                                               \
    block(w, s, row, rows, kept, last, m, second, right, lays);                                                                            \
  }
BLOCK_FUNCTION(block_whole, 1, 1, 0)
BLOCK_FUNCTION(block_left, 1, 0, !SLAB_FLOATS)
BLOCK_FUNCTION(block_first, 0, 1, !SLAB_FLOATS)
BLOCK_FUNCTION(block_one, 0, 0, !SLAB_FLOATS)
#if !SLAB_FLOATS
BLOCK_FUNCTION(block_laying, 1, 1, 1)
#endif

static void pass_block(const walk *w, const slab *s, size_t row, size_t rows, int32_t *kept, int32_t *last, meanwhile *m) {
  const _Bool second = rows > TILE_ROWS, right = s->columns > TILE_COLUMNS;
  if (!second || !right) {
    (second ? block_left : right ? block_first : block_one)(w, s, row, rows, kept, last, m);
    return;
  }
#if !SLAB_FLOATS
  if (m->tile < m->tiles) {
    block_laying(w, s, row, rows, kept, last, m);
    return;
  }
#endif
  block_whole(w, s, row, rows, kept, last, m);
}

#endif
