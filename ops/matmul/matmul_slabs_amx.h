/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_slabs_amx.h  Many rows of int8 and int4 matrices with a scale per column, by AMX: 32 columns, a part of k deep, are laid
 * out as tiles of bytes (a slab), over which blocks of 32 rows pass, 2 x 2 tiles of sums at a time. Products take the vector units hardly
 * any time. So what else there is happens between them, in the same loop: the next slab is laid out, and the sums of the block before are
 * turned into y.
 *
 * x is laid out before, for all columns (matmul_tiles). A slab stays in the first cache. The second one holds the part of x and a block of
 * columns of y, whose sums wait there from one part of k to the next.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_SLABS_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_SLABS_AMX_H

#include "ops/matmul/matmul_block_amx.h"

/* Tiles for so many rows of a slab's columns. */
static void shape(const slab *s, size_t rows) {
  const size_t first = least(rows, TILE_ROWS), left = least(s->columns, TILE_COLUMNS);
  tiles_begin(first, rows - first, left, s->columns - left);
}

/* All rows by a slab, while the next one is laid out. */
static void pass_rows(const walk *w, const slab *s, const slab *next, size_t *turn, pending *before) {
  const size_t blocks = (w->end - w->row + BLOCK_ROWS - 1) / BLOCK_ROWS, steps = blocks * slab_steps(s);
  const size_t tiles = next->columns ? 2 * slab_steps(next) : 0;
  meanwhile m = {.next = next, .tiles = tiles, .finish = (BLOCK_ROWS + slab_steps(s) - 1) / slab_steps(s), .before = *before};
  m.every = tiles && steps > tiles ? steps / tiles - 1 : 0;
  size_t row = w->row;
  if (row + BLOCK_ROWS <= w->end) shape(s, BLOCK_ROWS);
  for (; row < w->end; row += BLOCK_ROWS, ++*turn) {
    const size_t rows = least(w->end - row, BLOCK_ROWS);
    int32_t *here = w->kept + ((s->n - w->first) % w->block / SLAB_COLUMNS * blocks + (row - w->row) / BLOCK_ROWS) * SUMS;
    if (rows < BLOCK_ROWS) shape(s, rows);
    if (rows == BLOCK_ROWS && s->columns == SLAB_COLUMNS)
      block_whole(w, s, row, rows, here, w->sums[*turn % 2], &m);
    else
      block_part(w, s, row, rows, here, w->sums[*turn % 2], &m);
  }
  while (m.tile < m.tiles) w->lay_out(w->matrix, next, m.tile++);
  *before = m.before;
}

/* The slab at column n and `from` along k of the block of columns `turn`; without columns behind the last. */
static slab slab_at(const walk *w, size_t turn, size_t n, size_t from, int8_t *at) {
  const size_t begin = w->first + turn * w->block, end = least(begin + w->block, w->last);
  return (slab){.w = at,
                .totals = w->totals + turn % 2 * MOST_COLUMNS + (n - begin),
                .n = n,
                .columns = n < end ? least(end - n, SLAB_COLUMNS) : 0,
                .from = from,
                .depth = least(w->args->k - from, SLAB_DEPTH)};
}

/* The one behind s: along n first, then along k, then the next block. */
static slab slab_after(const walk *w, const slab *s, int8_t *at) {
  const size_t turn = (s->n - w->first) / w->block, begin = w->first + turn * w->block, next = begin + w->block;
  if (s->n + SLAB_COLUMNS < least(next, w->last)) return slab_at(w, turn, s->n + SLAB_COLUMNS, s->from, at);
  if (s->from + s->depth < w->args->k) return slab_at(w, turn, begin, s->from + SLAB_DEPTH, at);
  return slab_at(w, turn + 1, next, 0, at);
}

/* Rows [row, end), at most MOST_ROWS, and the columns [first, last). scratch: BNC_MATMUL_SCRATCH bytes, 64-byte aligned. */
static void many_rows(const bnc_matmul_i8_args *args, const void *matrix, lay_out_fn *lay_out, size_t row, size_t end, size_t first,
                      size_t last, uint8_t *scratch) {
  int8_t *slabs[2] = {(int8_t *)scratch, (int8_t *)scratch + SLAB_BYTES};
  int32_t *sums = (int32_t *)(void *)(scratch + 2 * SLAB_BYTES), *totals = sums + 2 * SUMS, *sums_kept = totals + 2 * MOST_COLUMNS;
  const size_t blocks = (end - row + BLOCK_ROWS - 1) / BLOCK_ROWS, columns = KEPT_BYTES / sizeof *sums / (blocks * SUMS) * SLAB_COLUMNS;
  const walk w = {.args = args,
                  .matrix = matrix,
                  .lay_out = lay_out,
                  .row = row,
                  .end = end,
                  .first = first,
                  .last = last,
                  .block = least(columns, MOST_COLUMNS),
                  .totals = totals,
                  .sums = {sums, sums + SUMS},
                  .kept = sums_kept};
  size_t turn = 0;
  pending before = {0};
  slab s = slab_at(&w, 0, first, 0, slabs[0]);
  for (size_t i = 0; s.columns && i < 2 * slab_steps(&s); ++i) lay_out(matrix, &s, i);
  for (size_t i = 1; s.columns; ++i) {
    const slab next = slab_after(&w, &s, slabs[i % 2]);
    pass_rows(&w, &s, &next, &turn, &before);
    s = next;
  }
  finish(args, &before, BLOCK_ROWS);
  tiles_end();
}

/* y of all rows of args and the columns [first, last), whose weights are matrix. scratch: BNC_MATMUL_SCRATCH bytes, 64-byte aligned. */
static void matmul_slabs(const bnc_matmul_i8_args *args, const void *matrix, lay_out_fn *lay_out, size_t first, size_t last,
                         void *scratch) {
  for (size_t row = 0; row < args->rows; row += MOST_ROWS)
    many_rows(args, matrix, lay_out, row, least(args->rows, row + MOST_ROWS), first, last, scratch);
}

#endif
