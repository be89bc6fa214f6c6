/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i8_smmla_neon.h  Parts of int8 matrices with SMMLA. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_SMMLA_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_SMMLA_NEON_H

#include "ops/matmul/matmul_i8_neon.h"

/* SMMLA takes eight products of two rows with those of two columns, exactly into int32. Pairs of rows, and of columns, stand side by side
   in the scratch, eight bytes of the one, then of the other; zeros fill the last step of a part and the places of absent ones. */
enum {
  STEP = 16,
  PAIRS = 4,          /* of rows and of columns in a tile: 16 sums, and a load of each for four products */
  FEW = 4,            /* fewer rows are the dot product's: half of SMMLA's work is lost on a single row */
  PAIR = 2 * I8_DEPTH /* bytes of a pair */
};

typedef struct room {
  int8_t w[BNC_I8_COLUMNS / 2][PAIR], q[PAIRS][PAIR];
} room;
_Static_assert(sizeof(room) <= BNC_MATMUL_SCRATCH, "the scratch is too small");

BNC_INLINE int8x16_t bytes(const int8_t *p, size_t count) {
  int8_t some[STEP] = {0};
  return vld1q_s8(count >= STEP ? p : memcpy(some, p, count));
}

BNC_INLINE void pair(int8x16_t x, int8x16_t y, int8_t *out /* [2, STEP] */) {
  vst1q_s8(out, vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(x), vreinterpretq_s64_s8(y))));
  vst1q_s8(out + STEP, vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(x), vreinterpretq_s64_s8(y))));
}

/* Two rows of `depth` side by side, zeros in place of the other where it is NULL; adds up both where they are weights (a constant). */
BNC_INLINE int32x2_t pair_up(const int8_t *one, const int8_t *other, size_t depth, int8_t *out, const bool weights) {
  const int8x16_t ones = vdupq_n_s8(1), there = vdupq_n_s8(other ? -1 : 0);
  int32x4_t sum[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
  size_t k = 0;
  if (!other) other = one;
  for (; k < depth; k += STEP, out += 2 * STEP) {
    const bool whole = depth - k >= STEP;
    const int8x16_t x = whole ? vld1q_s8(one + k) : bytes(one + k, depth - k);
    const int8x16_t y = vandq_s8(whole ? vld1q_s8(other + k) : bytes(other + k, depth - k), there);
    pair(x, y, out);
    if (!weights) continue;
    sum[0] = vdotq_s32(sum[0], x, ones);
    sum[1] = vdotq_s32(sum[1], y, ones);
  }
  return vget_low_s32(i8_across(sum[0], sum[1], sum[0], sum[1]));
}

/* The part's columns into pairs, four of them for each tile; their sums. */
static void load_columns(i8_part *p, room *to) {
  for (size_t c = 0; c < p->columns; c += 2) {
    const int8_t *w = p->w + c * p->w_stride;
    const int32x2_t sum = pair_up(w, c + 1 < p->columns ? w + p->w_stride : NULL, p->depth, to->w[c / 2], true);
    vst1_s32(p->totals + c, vadd_s32(vld1_s32(p->totals + c), sum));
  }
  const size_t steps = (p->depth + STEP - 1) / STEP;
  for (size_t c = (p->columns + 1) / 2; c % PAIRS; ++c) memset(to->w[c], 0, steps * 2 * STEP);
}

/* `pairs` (a constant) pairs of rows from `row` on, of which `rows` are there; PAIRS pairs of columns from c on. */
BNC_INLINE void tile(const i8_part *p, const room *from, size_t row, size_t rows, size_t c, const size_t pairs) {
  const int8_t *w = from->w[c / 2], *q = from->q[0];
  int32x4_t sum[PAIRS][PAIRS];
  I8_UNROLL for (size_t r = 0; r < pairs; ++r) { I8_UNROLL for (size_t i = 0; i < PAIRS; ++i) sum[r][i] = vdupq_n_s32(0); }
  for (const int8_t *end = w + 2 * p->depth; w < end; w += STEP, q += STEP) {
    int8x16_t x[PAIRS];
    I8_UNROLL for (size_t i = 0; i < PAIRS; ++i) x[i] = vld1q_s8(w + i * PAIR);
    I8_UNROLL for (size_t r = 0; r < pairs; ++r) {
      const int8x16_t y = vld1q_s8(q + r * PAIR);
      I8_UNROLL for (size_t i = 0; i < PAIRS; ++i) sum[r][i] = vmmlaq_s32(sum[r][i], y, x[i]);
    }
  }
  /* A sum holds two columns of the one row, then of the other. */
  for (size_t i = 0; i < PAIRS && c + 2 * i < p->columns; i += 2) {
    I8_UNROLL for (size_t r = 0; r < pairs; ++r) {
      i8_put(p, row + 2 * r, c + 2 * i, vcombine_s32(vget_low_s32(sum[r][i]), vget_low_s32(sum[r][i + 1])));
      if (2 * r + 1 < rows) i8_put(p, row + 2 * r + 1, c + 2 * i, vcombine_s32(vget_high_s32(sum[r][i]), vget_high_s32(sum[r][i + 1])));
    }
  }
}

static void run_part(i8_part *p, void *scratch) {
  const bnc_matmul_i8_args *a = p->args;
  room *x = scratch;
  load_columns(p, x);
  for (size_t row = 0, rows; row < a->rows; row += rows) {
    rows = i8_least(a->rows - row, 2 * PAIRS);
    if (rows < 2 * PAIRS) rows = i8_least(rows, 2); /* pair by pair at the end */
    for (size_t r = 0; r < rows; r += 2) {
      const int8_t *q = a->q + (row + r) * a->q_stride + p->from;
      pair_up(q, r + 1 < rows ? q + a->q_stride : NULL, p->depth, x->q[r / 2], false);
    }
    for (size_t c = 0; c < p->columns; c += 2 * PAIRS) {
      if (rows == 2 * PAIRS)
        tile(p, x, row, rows, c, PAIRS);
      else
        tile(p, x, row, rows, c, 1);
    }
  }
}

#endif
