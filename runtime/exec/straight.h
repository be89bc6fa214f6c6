/* SPDX-License-Identifier: Apache-2.0 */
/** @file straight.h  Quantised rows on their way into tiles (BNC_LINK_TILES, links.h): a thread quantises a block of them into its scratch
 * and lays it out from there, while it is in the first caches. */
#ifndef BINOCLE_RUNTIME_EXEC_STRAIGHT_H
#define BINOCLE_RUNTIME_EXEC_STRAIGHT_H

#include "runtime/exec/executor_private.h"

typedef struct bnc_straight {
  bnc_matmul_tiles_fn *lay_out;
  bnc_matmul_i8_args tiles; /* without q */
  uint8_t *scratch;
  size_t scratch_bytes;
} bnc_straight;

/** Whether the rows of a run go straight to tiles: there are enough of them for the layer behind to want that. */
static inline bool bnc_is_straight(const bnc_op_run *r, const bnc_operand *out) {
  return r->to_tiles && bnc_matmul_tiles_bytes(r->ex->kernels->level, bnc_run_rows(r, out), out->cols) > 0;
}

static inline bnc_straight bnc_straight_of(const bnc_op_run *r, const bnc_operand *out) {
  const bnc_matmul_i8_args tiles = {.rows = bnc_run_rows(r, out), .k = out->cols, .q_stride = out->cols, .tiles = r->ex->tiles};
  return (bnc_straight){r->ex->kernels->matmul.tiles, tiles, r->ex->scratch, r->ex->scratch_bytes};
}

/** Blocks that one thread takes at a time: as many rows as without tiles, or one block. */
static inline size_t bnc_straight_grain(const bnc_operand *out) {
  const size_t rows = bnc_run_grain(out->cols);
  return rows < BNC_TILES_ROWS ? 1 : rows / BNC_TILES_ROWS;
}

/** As BNC_ROWS_JOB, for kernels whose arguments have q and params, and move(args, row) for the rows from `row` on: NAME_straight_job, and
 * NAME_blocks, which takes blocks of BNC_TILES_ROWS rows. */
#define BNC_STRAIGHT_JOB(name, move)                                                                                                       \
  typedef struct name##_straight_job {                                                                                                     \
    name##_job rows;                                                                                                                       \
    bnc_straight straight;                                                                                                                 \
  } name##_straight_job;                                                                                                                   \
  static void name##_blocks(void *context, size_t thread, size_t from, size_t to) {                                                        \
    const name##_straight_job *job = context;                                                                                              \
    const bnc_straight *s = &job->straight;                                                                                                \
    for (size_t block = from; block < to; block++) {                                                                                       \
      const size_t row = block * BNC_TILES_ROWS, left = s->tiles.rows - row;                                                               \
      name##_job one = job->rows;                                                                                                          \
      bnc_matmul_i8_args tiles = s->tiles;                                                                                                 \
      move(&one.args, row);                                                                                                                \
      one.args.params += row;                                                                                                              \
      one.args.q = (int8_t *)(s->scratch + thread * s->scratch_bytes);                                                                     \
      one.args.q_stride = s->tiles.k;                                                                                                      \
      one.kernel(&one.args, 0, left < BNC_TILES_ROWS ? left : BNC_TILES_ROWS);                                                             \
      tiles.q = one.args.q;                                                                                                                \
      tiles.first = row;                                                                                                                   \
      s->lay_out(&tiles, block, block + 1);                                                                                                \
    }                                                                                                                                      \
  }

#endif
