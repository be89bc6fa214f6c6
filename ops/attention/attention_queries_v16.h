/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_queries_v16.h  The query rows of a call to attention_v16.h: brought into tiles before the walk over keys, divided by
 * their sums of weights behind it. Include a v16_*.h first. */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_QUERIES_V16_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_QUERIES_V16_H

#include <string.h>

#include "ops/attention/attention_step.h"

typedef struct attention_rows {
  const bnc_attention_args *args;
  size_t kv_head, group;
  size_t from;  /* the first query row */
  size_t count; /* query rows x heads of the group; index t is head t % group of row from + t / group */
  float *state; /* per tile of R: q [d, R], out [R, padded], m [16], l [16], q_step [16] */
} attention_rows;

BNC_INLINE size_t attention_tile_rows(size_t left) { return left >= V16_TILE_ROWS ? V16_TILE_ROWS : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

BNC_INLINE attention_tile attention_tile_at(float **state, size_t d, size_t padded, size_t rows) {
  float *p = *state;
  const attention_tile t = {p + 48 + rows * padded, p + 48, p, p + 16, p + 32};
  *state = p + 48 + rows * (padded + d);
  return t;
}

/* Rounds a query row, zeros behind it, to int8; its step. */
BNC_INLINE float attention_round_row(float *q /* [padded] */, size_t padded) {
  const v16 magic = v16_set1(BNC_ATTENTION_I8_MAGIC);
  v16 most = v16_set1(0.0f);
  for (size_t i = 0; i < padded; i += 16) most = v16_max(most, v16_abs(v16_load(q + i)));
  const float greatest = v16_greatest(most);
  const v16 factor = v16_set1(greatest > BNC_ATTENTION_I8_TINY ? 127.0f / greatest : 0.0f);
  for (size_t i = 0; i < padded; i += 16) v16_store(q + i, v16_sub(v16_fma(v16_load(q + i), factor, magic), magic));
  return bnc_attention_i8_step(greatest);
}

/* A tile's queries as [d, rows], by way of room for sixteen rows. Sixteen lanes are stored where `rows` are meant: what lies behind them is
   stored afterwards, or is the room that bnc_attention_scratch adds. */
BNC_INLINE void attention_transpose(const float *const *q /* [rows] of [d] */, size_t d, size_t padded, size_t rows,
                                    float *room /* [32, padded] */, float *out, float *step /* [rows], or NULL: not int8 */) {
  for (size_t r = 0; r < rows; ++r) {
    memcpy(room + r * padded, q[r], d * sizeof *room);
    if (step) step[r] = attention_round_row(room + r * padded, padded);
  }
  float *turned = room + 16 * padded; /* [V16_TRANSPOSE, 16] */
  for (size_t i = 0; i < d; i += V16_TRANSPOSE) {
    v16_transpose(room + i, padded, turned);
    for (size_t j = 0; j < V16_TRANSPOSE && i + j < d; ++j) v16_store(out + (i + j) * rows, v16_load(turned + j * 16));
  }
}

BNC_INLINE void attention_begin(const attention_rows *x, size_t padded, float *room /* [32, padded] */, const bool int8) {
  const bnc_attention_args *a = x->args;
  const size_t d = a->head_size;
  float *state = x->state;
  memset(room, 0, 16 * padded * sizeof *room);
  for (size_t t = 0; t < x->count;) {
    const size_t rows = attention_tile_rows(x->count - t);
    const attention_tile tile = attention_tile_at(&state, d, padded, rows);
    for (size_t r = 0; r < 16; ++r) {
      tile.m[r] = r < rows ? -INFINITY : 0.0f;
      tile.l[r] = 0.0f;
    }
    for (size_t i = 0; i < rows * padded; i += 16) v16_store(tile.out + i, v16_set1(0.0f));
    const float *q[V16_TILE_ROWS]; /* [d] each */
    for (size_t r = 0; r < rows; ++r, ++t) {
      q[r] = a->q + (x->from + t / x->group) * a->q_stride + (x->kv_head * x->group + t % x->group) * d;
    }
    for (size_t r = t; r < x->count && r < t + V16_TILE_ROWS; ++r) {
      attention_fetch(a->q + (x->from + r / x->group) * a->q_stride + (x->kv_head * x->group + r % x->group) * d, d);
    }
    attention_transpose(q, d, padded, rows, room, tile.q, int8 ? tile.q_step : NULL);
    if (!int8) continue;
    for (size_t r = 0; r < rows; ++r) tile.q_step[r] *= a->scale;
  }
}

static void attention_end(const attention_rows *x, size_t padded) {
  const bnc_attention_args *a = x->args;
  const size_t d = a->head_size;
  float *state = x->state;
  for (size_t t = 0; t < x->count;) {
    const size_t rows = attention_tile_rows(x->count - t);
    const attention_tile tile = attention_tile_at(&state, d, padded, rows);
    for (size_t r = 0; r < rows; ++r, ++t) {
      float *out = a->out + (x->from + t / x->group) * a->out_stride + (x->kv_head * x->group + t % x->group) * d; /* [d] */
      const v16 inverse = v16_set1(1.0f / tile.l[r]);
      size_t i = 0;
      for (; i + 16 <= d; i += 16) v16_store(out + i, v16_mul(v16_load(tile.out + r * padded + i), inverse));
      if (i < d) v16_store_n(out + i, v16_mul(v16_load(tile.out + r * padded + i), inverse), d - i);
    }
  }
}

#endif
