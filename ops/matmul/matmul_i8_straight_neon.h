/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i8_straight_neon.h  matmul_i8 on NEON registers, weights read as they lie in the file: a sum per row and column of a tile
 * runs along k, sixteen products a step, and is added up across its register at the end of a part. Nothing is regrouped.
 *
 * Each level's file defines I8_ROWS, the rows of a tile (times four columns); i8_dots; i8_total; and I8_NARROW, whether -128 among the
 * weights needs wide products.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_STRAIGHT_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_STRAIGHT_NEON_H

#include "ops/matmul/matmul_i8_neon.h"

enum { I8_STEP = 16, I8_TOGETHER = 16 /* columns: 16 KiB of weights */ };

/* sum[i] += the products of sixteen weights of column i with the activations. wide (a constant): weights may be -128. */
BNC_INLINE void i8_dots(int32x4_t *sum /* [4] */, const int8x16_t *w /* [4] */, int8x16_t q, const bool wide);
/* sum += sixteen weights. */
BNC_INLINE int32x4_t i8_total(int32x4_t sum, int8x16_t w);

/* Sixteen bytes, of which the first `count` are there; others are 0. */
BNC_INLINE int8x16_t i8_bytes(const int8_t *p, size_t count) {
  int8_t some[I8_STEP] = {0};
  return vld1q_s8(count >= I8_STEP ? p : memcpy(some, p, count));
}

/* Four columns of the part from c on; absent ones repeat the last. */
BNC_INLINE void i8_columns(const i8_part *p, size_t c, const int8_t **w /* [4] of [depth] */) {
  I8_UNROLL for (size_t i = 0; i < 4; ++i) w[i] = p->w + i8_least(c + i, p->columns - 1) * p->w_stride;
}

/* Adds up weights, and finds the least of them where -128 matters. */
typedef struct i8_weights {
  int32x4_t sum[4];
  int8x16_t least;
} i8_weights;

BNC_INLINE void i8_weigh(i8_weights *x, const int8x16_t *w /* [4] */) {
  I8_UNROLL for (size_t i = 0; i < 4; ++i) {
    if (I8_NARROW) x->least = vminq_s8(x->least, w[i]);
    x->sum[i] = i8_total(x->sum[i], w[i]);
  }
}

BNC_INLINE void i8_add_totals(i8_part *p, size_t c, const i8_weights *x) {
  vst1q_s32(p->totals + c, vaddq_s32(vld1q_s32(p->totals + c), i8_across(x->sum[0], x->sum[1], x->sum[2], x->sum[3])));
}

/* Adds the part's weights to its totals; true where one of them is -128. Reads them into the first cache by the way. */
static bool i8_totals(i8_part *p) {
  i8_weights x = {.least = vdupq_n_s8(0)};
  for (size_t c = 0; c < p->columns; c += 4) {
    const int8_t *w[4];
    int8x16_t y[4];
    size_t k = 0;
    i8_columns(p, c, w);
    I8_UNROLL for (size_t i = 0; i < 4; ++i) x.sum[i] = vdupq_n_s32(0);
    for (; k + I8_STEP <= p->depth; k += I8_STEP) {
      I8_UNROLL for (size_t i = 0; i < 4; ++i) y[i] = vld1q_s8(w[i] + k);
      i8_weigh(&x, y);
    }
    if (k < p->depth) {
      for (size_t i = 0; i < 4; ++i) y[i] = i8_bytes(w[i] + k, p->depth - k);
      i8_weigh(&x, y);
    }
    i8_add_totals(p, c, &x);
  }
  int8x8_t lanes = vmin_s8(vget_low_s8(x.least), vget_high_s8(x.least));
  for (int i = 0; i < 3; ++i) lanes = vpmin_s8(lanes, lanes);
  return vget_lane_s8(lanes, 0) == -128;
}

/* What is left of the part behind k. Not inlined: the loop before it would lose registers to it. */
static __attribute__((noinline)) void i8_tail(const i8_part *p, const int8_t *const *w /* [4] */, const int8_t *const *q /* [rows] */,
                                              size_t k, int32x4_t (*sum)[4], size_t rows, bool wide) {
  int8x16_t x[4];
  for (size_t i = 0; i < 4; ++i) x[i] = i8_bytes(w[i] + k, p->depth - k);
  for (size_t r = 0; r < rows; ++r) {
    const int8x16_t y = i8_bytes(q[r] + k, p->depth - k);
    if (wide)
      i8_dots(sum[r], x, y, true);
    else
      i8_dots(sum[r], x, y, false);
  }
}

/* `rows` (a constant) rows from `row` on, four columns. weigh (a constant): adds the weights to the part's totals as they pass. */
BNC_INLINE void i8_tile(i8_part *p, size_t row, size_t c, const size_t rows, const bool wide, const bool weigh) {
  const bnc_matmul_i8_args *a = p->args;
  const int8_t *w[4], *q[I8_ROWS];
  int32x4_t sum[I8_ROWS][4];
  i8_weights all = {.least = vdupq_n_s8(0)};
  i8_columns(p, c, w);
  I8_UNROLL for (size_t i = 0; i < 4; ++i) all.sum[i] = vdupq_n_s32(0);
  I8_UNROLL for (size_t r = 0; r < rows; ++r) {
    q[r] = a->q + (row + r) * a->q_stride + p->from;
    I8_UNROLL for (size_t i = 0; i < 4; ++i) sum[r][i] = vdupq_n_s32(0);
  }
  size_t k = 0;
  for (; k + I8_STEP <= p->depth; k += I8_STEP) {
    int8x16_t x[4];
    I8_UNROLL for (size_t i = 0; i < 4; ++i) x[i] = vld1q_s8(w[i] + k);
    if (weigh) i8_weigh(&all, x);
    I8_UNROLL for (size_t r = 0; r < rows; ++r) {
      const int8x16_t y = vld1q_s8(q[r] + k);
      i8_dots(sum[r], x, y, wide);
    }
  }
  if (k < p->depth) i8_tail(p, w, q, k, sum, rows, wide);
  if (weigh) {
    for (size_t i = 0; i < 4 && k < p->depth; ++i) all.sum[i] = i8_total(all.sum[i], i8_bytes(w[i] + k, p->depth - k));
    i8_add_totals(p, c, &all);
  }
  I8_UNROLL for (size_t r = 0; r < rows; ++r) i8_put(p, row + r, c, i8_across(sum[r][0], sum[r][1], sum[r][2], sum[r][3]));
}

BNC_INLINE void i8_all_rows(i8_part *p, const bool wide) {
  const size_t rows = p->args->rows;
  size_t row = 0;
  for (; row + I8_ROWS <= rows; row += I8_ROWS) {
    for (size_t c = 0; c < p->columns; c += 4) i8_tile(p, row, c, I8_ROWS, wide, false);
  }
  for (; row + 2 <= rows; row += 2) {
    for (size_t c = 0; c < p->columns; c += 4) i8_tile(p, row, c, 2, wide, false);
  }
  for (size_t c = 0; row < rows && c < p->columns; c += 4) i8_tile(p, row, c, 1, wide, false);
}

static void i8_straight_part(i8_part *p, void *scratch) {
  (void)scratch;
  if (p->args->rows == 1) { /* as decoding has it: each weight is read once */
    for (size_t c = 0; c < p->columns; c += 4) i8_tile(p, 0, c, 1, I8_NARROW, true);
    return;
  }
  if (i8_totals(p) && I8_NARROW)
    i8_all_rows(p, true);
  else
    i8_all_rows(p, false);
}

#endif
