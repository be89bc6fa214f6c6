/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i8_neon.h  What the int8 matrices share on NEON registers: sums of a part of k that lie in y between two parts, and the
 * float formula of matmul_i8.h for four columns of y.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_NEON_H

#include <arm_neon.h>
#include <stdbool.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/matmul/matmul_i8.h"

#define I8_UNROLL BNC_UNROLL(16)

enum { I8_DEPTH = 1024 /* of k at a time: a few columns' weights stay in the first cache while all rows pass over them */ };

/* Columns [n, n + columns) of y, and k from `from` on. Sums of the parts before it lie in y. */
typedef struct i8_part {
  const bnc_matmul_i8_args *args;
  const int8_t *w; /* [columns, depth] */
  size_t w_stride; /* from column to column */
  size_t n, columns, from, depth;
  bool first, last;
  int32_t totals[BNC_I8_COLUMNS]; /* sums of w over the parts so far; what stands behind `columns` means nothing */
} i8_part;

BNC_INLINE size_t i8_least(size_t a, size_t b) { return a < b ? a : b; }

/* The sum of each of four registers. */
BNC_INLINE int32x4_t i8_across(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
#ifdef __aarch64__
  return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
#else
  const int32x2_t x = vpadd_s32(vget_low_s32(a), vget_high_s32(a)), y = vpadd_s32(vget_low_s32(b), vget_high_s32(b));
  const int32x2_t z = vpadd_s32(vget_low_s32(c), vget_high_s32(c)), w = vpadd_s32(vget_low_s32(d), vget_high_s32(d));
  return vcombine_s32(vpadd_s32(x, y), vpadd_s32(z, w));
#endif
}

/* The first `count` (1 to 4) of four floats; others are 0. */
BNC_INLINE float32x4_t i8_load(const float *p, size_t count) {
  float some[4] = {0};
  return vld1q_f32(count == 4 ? p : memcpy(some, p, count * sizeof *some));
}

BNC_INLINE void i8_store(float *p, float32x4_t x, size_t count) {
  float some[4];
  if (count == 4) {
    vst1q_f32(p, x);
    return;
  }
  vst1q_f32(some, x);
  memcpy(p, some, count * sizeof *some);
}

/* Adds the sums of the part's columns [c, c + 4) for a row to those of the parts before, and behind the last part makes y of them. */
BNC_INLINE void i8_put(const i8_part *p, size_t row, size_t c, int32x4_t sum) {
  const bnc_matmul_i8_args *a = p->args;
  const size_t n = p->n + c, count = i8_least(p->columns - c, 4);
  float *y = a->y + row * a->y_stride + n;
  if (!p->first) sum = vaddq_s32(sum, vreinterpretq_s32_f32(i8_load(y, count)));
  if (!p->last) {
    i8_store(y, vreinterpretq_f32_s32(sum), count);
    return;
  }
  /* What the zero point adds to each factor comes off with the weights' own sum; then two roundings and a fused third. */
  const bnc_qd8_params x = a->params[row];
  const int32x4_t exact = vmlsq_n_s32(sum, vld1q_s32(p->totals + c), x.zero_point);
  const float32x4_t bias = a->bias ? i8_load(a->bias + n, count) : vdupq_n_f32(0.0f);
  i8_store(y, vfmaq_f32(bias, vmulq_n_f32(vcvtq_f32_s32(exact), x.scale), i8_load(a->scale + n, count)), count);
}

/* A level's work on one part: all rows. `scratch`: the call's. */
typedef void i8_part_run(i8_part *p, void *scratch);
/* Sets w and w_stride. */
typedef void i8_part_weights(i8_part *p, const void *context);

BNC_INLINE void i8_weights_as_they_lie(i8_part *p, const void *context) {
  (void)context;
  p->w = p->args->w + p->n * p->args->k + p->from;
  p->w_stride = p->args->k;
}

/* All rows, the columns of the items [from, to), `together` (divides BNC_I8_COLUMNS) at a time. */
BNC_INLINE void i8_walk_parts(const bnc_matmul_i8_args *a, size_t from, size_t to, size_t together, i8_part_weights *weights,
                              const void *context, i8_part_run *run, void *scratch) {
  const size_t end = i8_least(a->n, to * BNC_I8_COLUMNS);
  i8_part p = {.args = a};
  for (p.n = from * BNC_I8_COLUMNS; p.n < end; p.n += together) {
    p.columns = i8_least(end - p.n, together);
    memset(p.totals, 0, sizeof p.totals);
    for (p.from = 0; p.from < a->k; p.from += I8_DEPTH) {
      p.depth = i8_least(a->k - p.from, I8_DEPTH);
      p.first = p.from == 0;
      p.last = p.from + p.depth == a->k;
      weights(&p, context);
      run(&p, scratch);
    }
  }
}

BNC_INLINE void i8_walk(const bnc_matmul_i8_args *a, size_t from, size_t to, size_t together, i8_part_run *run, void *scratch) {
  i8_walk_parts(a, from, to, together, i8_weights_as_they_lie, NULL, run, scratch);
}

#endif
