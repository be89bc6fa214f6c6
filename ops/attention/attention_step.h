/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_step.h  One step of attention.h over sixteen lanes: a tile of query rows, one block of keys and values. `rows`, `int8`
 * and `form` are compile-time constants everywhere. Include a v16_*.h first.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_STEP_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_STEP_H

#include "ops/attention/attention_tile.h"

/* out[r] = out[r] * alpha[r] + sum over j in [from, to) of p[r][j] v[j], for `vectors` (a constant) times sixteen columns from c on.
   Sums of int8 values are made whole first, and come on top in their steps. */
BNC_INLINE void attention_values_at(const attention_block *b, size_t c, const float *p /* [rows, 64] */, size_t from, size_t to,
                                    const float *alpha /* [rows] */, float *out /* [rows, padded] */, const size_t rows,
                                    const size_t vectors, const bool int8, const attention_form form) {
  v16 sum[V16_TILE_ROWS][V16_TILE_VECTORS];
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
    ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) {
      sum[r][x] = int8 ? v16_set1(0.0f) : v16_mul(v16_load(out + r * b->padded + c + 16 * x), v16_set1(alpha[r]));
    }
  }
  ATTENTION_REPEAT for (size_t j = from; j < to; ++j) {
    v16 value[V16_TILE_VECTORS];
    const v16 scale = v16_set1(form == ATTENTION_I8 ? b->value_scale[j] : 0.0f);
    attention_fetch_cache(b->ahead, c * BNC_ATTENTION_BLOCK + j * vectors * 16, form);
    ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) value[x] = attention_read(b->v, j * b->v_stride + c + 16 * x, scale, form);
    ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
      const v16 weight = v16_set1(p[r * BNC_ATTENTION_BLOCK + j]);
      ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) sum[r][x] = v16_fma(weight, value[x], sum[r][x]);
    }
  }
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
    ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) {
      float *o = out + r * b->padded + c + 16 * x;
      v16_store(o, int8 ? v16_fma(sum[r][x], v16_load(b->value_step + c + 16 * x), v16_mul(v16_load(o), v16_set1(alpha[r]))) : sum[r][x]);
    }
  }
}

/* The same for all columns. */
BNC_INLINE void attention_values(const attention_block *b, const float *p /* [rows, 64] */, size_t from, size_t to,
                                 const float *alpha /* [rows] */, float *out /* [rows, padded] */, const size_t rows, const bool int8,
                                 const attention_form form) {
  size_t c = 0;
  for (; c + 16 * V16_TILE_VECTORS <= b->padded; c += 16 * V16_TILE_VECTORS)
    attention_values_at(b, c, p, from, to, alpha, out, rows, V16_TILE_VECTORS, int8, form);
  for (; c < b->padded; c += 16) attention_values_at(b, c, p, from, to, alpha, out, rows, 1, int8, form);
}

/* One step of the streaming softmax; row r sees the first seen[r] keys of the block, most is their maximum. */
BNC_INLINE void attention_step(const attention_block *b, const attention_tile *t, const size_t *seen, size_t most, const size_t rows,
                               const bool int8, const attention_form form) {
  _Alignas(64) float s[V16_TILE_ROWS * BNC_ATTENTION_BLOCK], m[16] = {0}, sum[16] = {0}, alpha[16];
  const float scale = int8 ? 1.0f : b->scale;
  size_t key = 0; /* a rest of less than a group counts as one: its room is there */
  for (; key + 16 * (V16_TILE_VECTORS - 1) < most; key += 16 * V16_TILE_VECTORS) {
    attention_scores(b, t->q, key, scale, s, rows, V16_TILE_VECTORS, form);
  }
  for (; key < most; key += 16) attention_scores(b, t->q, key, scale, s, rows, 1, form);
  /* Integer products become scores: times the key's step, then the query's. */
  if (int8) {
    for (size_t r = 0; r < rows; ++r) {
      float *row = s + r * BNC_ATTENTION_BLOCK;
      for (size_t j = 0; j < most; j += 16)
        v16_store(row + j, v16_mul(v16_mul(v16_load(row + j), v16_load(b->key_step + j)), v16_set1(t->q_step[r])));
    }
  }
  /* Each row's maximum goes on; whole blocks, most of all, take a constant. */
  size_t least = most;
  for (size_t r = 0; r < rows; ++r) {
    const float *row = s + r * BNC_ATTENTION_BLOCK;
    if (seen[r] == BNC_ATTENTION_BLOCK)
      m[r] = attention_greatest(row, BNC_ATTENTION_BLOCK, t->m[r]);
    else
      m[r] = attention_greatest(row, seen[r], t->m[r]);
    least = seen[r] < least ? seen[r] : least;
  }
  /* What results so far shrink by, now that the maxima are others. */
  const v16 a = v16_exp_nonpositive(v16_sub(v16_load(t->m), v16_load(m)));
  v16_store(alpha, a);
  v16_store(t->m, v16_load(m));
  /* Scores become weights, and their sums go on. */
  for (size_t r = 0; r < rows; ++r) {
    float *row = s + r * BNC_ATTENTION_BLOCK;
    sum[r] = seen[r] == BNC_ATTENTION_BLOCK ? attention_weights(row, BNC_ATTENTION_BLOCK, m[r], int8)
                                            : attention_weights(row, seen[r], m[r], int8);
  }
  v16_store(t->l, v16_fma(v16_load(t->l), a, v16_load(sum)));
  /* Weighted values: the keys that all rows see, then, where causal, those that later rows see more. */
  attention_values(b, s, 0, least, alpha, t->out, rows, int8, form);
  if (int8) return;
  const float one = 1.0f;
  for (size_t r = 0; r < rows; ++r) {
    if (seen[r] > least) attention_values(b, s + r * BNC_ATTENTION_BLOCK, least, seen[r], &one, t->out + r * b->padded, 1, false, form);
  }
}

#endif
