/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_v16.h  Attention over sixteen lanes: the walk over key blocks and query tiles. A block is brought into f32 form once (by
 * a loader, see attention_load_v16.h) and serves all query rows of the call. Include a v16_*.h first.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_V16_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_V16_H

#include <assert.h>
#include <string.h>

#include "ops/attention/attention_step.h"

/* Sets b->k, b->v and b->v_stride for the keys [b->base, b->base + b->n); k and v are room for them where they must be converted. */
typedef void attention_loader(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k /* [4, d, 16] */,
                              float *v /* [64, padded] */);

typedef struct attention_rows {
  const bnc_attention_args *args;
  size_t kv_head, group;
  size_t from;  /* the first query row */
  size_t count; /* query rows x heads of the group; index t is head t % group of row from + t / group */
  float *state; /* per tile of R: q [d, R], out [R, padded], m [16], l [16], q_step [16] */
} attention_rows;

V16_INLINE size_t attention_tile_rows(size_t left) { return left >= V16_TILE_ROWS ? V16_TILE_ROWS : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

V16_INLINE attention_tile attention_tile_at(float **state, size_t d, size_t padded, size_t rows) {
  float *p = *state;
  const attention_tile t = {p + 48 + rows * padded, p + 48, p, p + 16, p + 32};
  *state = p + 48 + rows * (padded + d);
  return t;
}

/* Rounds a query row, zeros behind it, to int8; its step. */
V16_INLINE float attention_round_row(float *q /* [padded] */, size_t padded) {
  const v16 magic = v16_set1(BNC_ATTENTION_I8_MAGIC);
  v16 most = v16_set1(0.0f);
  for (size_t i = 0; i < padded; i += 16) most = v16_max(most, v16_abs(v16_load(q + i)));
  const float greatest = v16_greatest(most);
  const bool any = greatest > BNC_ATTENTION_I8_TINY;
  const v16 factor = v16_set1(any ? 127.0f / greatest : 0.0f);
  for (size_t i = 0; i < padded; i += 16) v16_store(q + i, v16_sub(v16_fma(v16_load(q + i), factor, magic), magic));
  return any ? greatest * BNC_ATTENTION_I8_STEP : 0.0f;
}

/* A tile's queries as [d, rows], by way of room for sixteen rows. Sixteen lanes are stored where `rows` are meant: what lies behind them is
   stored afterwards, or is the room that bnc_attention_scratch adds. */
V16_INLINE void attention_transpose(const float *const *q /* [rows] of [d] */, size_t d, size_t padded, size_t rows,
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

V16_INLINE void attention_begin(const attention_rows *x, size_t padded, float *room /* [32, padded] */, const bool int8) {
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
    for (size_t r = 0; int8 && r < rows; ++r) tile.q_step[r] *= a->scale;
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

V16_INLINE void attention_walk(const attention_rows *x, const attention_block *b, const bool int8) {
  const bnc_attention_args *a = x->args;
  float *state = x->state;
  size_t seen[V16_TILE_ROWS], ahead = 0;
  const size_t step = b->next_n * V16_TILE_ROWS / x->count + 1; /* rows to fetch per tile */
  for (size_t t = 0; t < x->count;) {
    const size_t rows = attention_tile_rows(x->count - t);
    const attention_tile tile = attention_tile_at(&state, b->d, b->padded, rows);
    for (size_t i = 0; i < step && ahead < b->next_n; ++i, ++ahead) {
      attention_fetch(b->next_k + ahead * b->next_k_stride, b->d);
      attention_fetch(b->next_v + ahead * b->next_v_stride, b->d);
    }
    size_t most = 0;
    for (size_t r = 0; r < rows; ++r, ++t) {
      const size_t keys = a->causal ? a->position + x->from + t / x->group + 1 : a->keys;
      seen[r] = keys <= b->base ? 0 : keys - b->base < b->n ? keys - b->base : b->n;
      most = seen[r] > most ? seen[r] : most;
    }
    if (!most) continue;
    if (rows == V16_TILE_ROWS)
      attention_step(b, &tile, seen, most, V16_TILE_ROWS, int8);
    else if (V16_TILE_ROWS > 4 && rows == 4)
      attention_step(b, &tile, seen, most, V16_TILE_ROWS > 4 ? 4 : 1, int8);
    else if (V16_TILE_ROWS > 2 && rows == 2)
      attention_step(b, &tile, seen, most, V16_TILE_ROWS > 2 ? 2 : 1, int8);
    else
      attention_step(b, &tile, seen, most, 1, int8);
  }
}

V16_INLINE void attention_v16(const bnc_attention_args *a, size_t kv_head, size_t from, size_t to, void *scratch, attention_loader *load,
                              const bool int8) {
  if (from >= to) return;
  assert(a->keys && (!a->causal || a->position + to <= a->keys));
  const size_t padded = (a->head_size + 15) / 16 * 16, group = a->heads / a->kv_heads;
  float *k = scratch, *v = k + BNC_ATTENTION_BLOCK * padded;
  const attention_rows x = {a, kv_head, group, from, (to - from) * group, v + BNC_ATTENTION_BLOCK * (padded + 1) + padded};
  const size_t keys = a->causal ? a->position + to : a->keys;
  attention_begin(&x, padded, k, int8);
  for (size_t base = 0; base < keys; base += BNC_ATTENTION_BLOCK) {
    const size_t n = keys - base < BNC_ATTENTION_BLOCK ? keys - base : BNC_ATTENTION_BLOCK;
    attention_block b = {.v_stride = padded, .base = base, .n = n, .d = a->head_size, .padded = padded, .scale = a->scale};
    load(a, kv_head, &b, k, v);
    attention_walk(&x, &b, int8);
  }
  attention_end(&x, padded);
}

#endif
