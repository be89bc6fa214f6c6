/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_slabs_amx.h  Many rows of int8, int4 and bf16 matrices by AMX: 32 columns, a part of k deep, are tiles (a slab), over which
 * blocks of 32 rows pass, 2 x 2 tiles of sums at a time. Products take the vector units hardly any time. So what else there is happens
 * between them, in the same loop: the next slab is laid out, where the file does not hold it as tiles, what follows is fetched, and the
 * sums of the block before are turned into y.
 *
 * x is laid out before, for all columns (matmul_tiles). A slab stays in the first cache. The second one holds all of x, and the slabs of
 * the same columns follow each other; or a part of x, and the sums of a block of columns of y, which wait there from one part of k to the
 * next.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_SLABS_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_SLABS_AMX_H

#include "ops/matmul/matmul_block_amx.h"

/* Tiles for so many rows of a slab's columns. */
static void shape(const slab *s, size_t rows) {
  const size_t first = least(rows, TILE_ROWS), left = least(s->columns, TILE_COLUMNS);
  tiles_begin(first, rows - first, left, s->columns - left);
}

/* All rows by a slab, while the next one is laid out, and the lines of one further on are fetched. turn: counts blocks. */
static void pass_rows(const walk *w, const slab *s, const slab *next, const slab *further, size_t *turn, pending *before) {
  const size_t blocks = (w->end - w->row + BLOCK_ROWS - 1) / BLOCK_ROWS, steps = blocks * slab_steps(s);
  const size_t tiles = w->lay_out && next->columns ? 2 * slab_steps(next) : 0;
  meanwhile m = {.next = next, .tiles = tiles, .finish = (BLOCK_ROWS + slab_steps(s) - 1) / slab_steps(s), .before = *before};
  m.every = tiles && steps > tiles ? steps / tiles - 1 : 0;
  if (further->columns && blocks > 1) m.weights = spread(w->lines(w, further), steps);
  size_t row = w->row;
  if (row + BLOCK_ROWS <= w->end) shape(s, BLOCK_ROWS);
  for (; row < w->end; row += BLOCK_ROWS, ++*turn) {
    const size_t rows = least(w->end - row, BLOCK_ROWS);
    int32_t *here = w->kept + ((s->n - w->first) % w->block / SLAB_COLUMNS * blocks + (row - w->row) / BLOCK_ROWS) * SUMS;
    if (rows < BLOCK_ROWS) shape(s, rows);
    pass_block(w, s, row, rows, here, w->sums[*turn % 2], &m);
  }
  while (m.tile < m.tiles) w->lay_out(w, next, m.tile++);
  *before = m.before;
}

/* The slab at column n and `from` along k of the block of columns `turn`; without columns behind the last. */
static slab slab_at(const walk *w, size_t turn, size_t n, size_t from) {
  const size_t begin = w->first + turn * w->block, end = least(begin + w->block, w->last);
  return (slab){.totals = w->totals + turn % 2 * MOST_COLUMNS + (n - begin),
                .n = n,
                .columns = n < end ? least(end - n, SLAB_COLUMNS) : 0,
                .from = from,
                .depth = least(w->bytes - from, SLAB_DEPTH)};
}

/* The one behind s: along n first, then along k, then the next block. */
static slab slab_after(const walk *w, const slab *s) {
  const size_t turn = (s->n - w->first) / w->block, begin = w->first + turn * w->block, next = begin + w->block;
  if (s->n + SLAB_COLUMNS < least(next, w->last)) return slab_at(w, turn, s->n + SLAB_COLUMNS, s->from);
  if (s->from + s->depth < w->bytes) return slab_at(w, turn, begin, s->from + SLAB_DEPTH);
  return slab_at(w, turn + 1, next, 0);
}

/* Rows [row, end), at most MOST_ROWS. */
static void many_rows(walk *w) {
  const size_t blocks = (w->end - w->row + BLOCK_ROWS - 1) / BLOCK_ROWS;
  const _Bool near = (w->end - w->row) * w->bytes <= NEAR_BYTES;
  w->block = near ? SLAB_COLUMNS : least(KEPT_BYTES / sizeof *w->kept / (blocks * SUMS) * SLAB_COLUMNS, MOST_COLUMNS);
  size_t turn = 0;
  pending before = {0};
  slab s = slab_at(w, 0, w->first, 0);
  w->place(w, &s, w->slabs);
  for (size_t i = 0; w->lay_out && s.columns && i < 2 * slab_steps(&s); ++i) w->lay_out(w, &s, i);
  for (size_t i = 1; s.columns; ++i) {
    slab next = slab_after(w, &s);
    if (next.columns) w->place(w, &next, w->slabs + i % 2 * SLAB_BYTES);
    const slab further = w->lay_out && next.columns ? slab_after(w, &next) : next;
    pass_rows(w, &s, &next, &further, &turn, &before);
    s = next;
  }
  finish(&before, BLOCK_ROWS);
  tiles_end();
}

/* All rows and the columns [first, last) of what w describes. scratch: BNC_MATMUL_SCRATCH bytes, 64-byte aligned. */
static void matmul_slabs(walk w, size_t first, size_t last, void *scratch) {
  w.first = first;
  w.last = last;
  w.slabs = scratch;
  w.sums[0] = (int32_t *)(void *)(w.slabs + 2 * SLAB_BYTES);
  w.sums[1] = w.sums[0] + SUMS;
  w.totals = w.sums[1] + SUMS;
  w.kept = w.totals + 2 * MOST_COLUMNS;
  const size_t rows = SLAB_FLOATS && w.bytes * MOST_ROWS <= NEAR_BYTES ? NEAR_ROWS : MOST_ROWS;
  for (w.row = 0; first < last && w.row < w.rows; w.row = w.end) {
    w.end = least(w.rows, w.row + rows);
    many_rows(&w);
  }
}

#endif
