/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_tile.h  The inner loops of attention.h over sixteen lanes: a tile of up to V16_TILE_ROWS query rows against one block of
 * keys. `rows` is a compile-time constant everywhere, so that sums stay in registers. Include a v16_*.h first.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_TILE_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_TILE_H

#include "ops/attention/attention.h"
#include "ops/simd/math_v16.h"

#define ATTENTION_UNROLL _Pragma("GCC unroll 16")
#define ATTENTION_REPEAT _Pragma("GCC unroll 4") /* few enough rounds for the branch predictor to see the end */

/* A block of keys, as f32. */
typedef struct attention_block {
  const float *k;  /* [groups of 16 keys, d, 16] */
  const float *v;  /* [64, padded], row stride v_stride */
  size_t v_stride;
  size_t base;     /* the first key's index */
  size_t n;        /* keys in it, at most 64 */
  size_t d, padded; /* head size, and that rounded up to 16 */
  float scale;
  const float *next_k, *next_v;         /* the rows of the following block, to be fetched ahead; NULL: none */
  size_t next_n, next_k_stride, next_v_stride;
} attention_block;

/* Rows of one head are short pieces far apart, which no hardware prefetcher follows. */
V16_INLINE void attention_fetch(const float *row, size_t d) {
  for (size_t i = 0; i < d; i += 16) __builtin_prefetch(row + i);
}

/* State of a tile between blocks. */
typedef struct attention_tile {
  float *q;     /* [d, rows] */
  float *out;   /* [rows, padded] */
  float *m, *l; /* [16] */
} attention_tile;

/* s[r][0..16 groups) = (q[r] . k) * scale, for `groups` (a constant) groups of sixteen keys. */
V16_INLINE void attention_scores(const float *q /* [d, rows] */, const float *k /* [groups, d, 16] */, size_t d, float scale, float *s /* [rows, 64] */,
                                 const size_t rows, const size_t groups) {
  v16 sum[V16_TILE_ROWS][V16_TILE_VECTORS];
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) sum[r][g] = v16_set1(0.0f);
  ATTENTION_REPEAT for (size_t i = 0; i < d; ++i) {
    v16 key[V16_TILE_VECTORS];
    ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) key[g] = v16_load(k + (g * d + i) * 16);
    ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
      const v16 query = v16_set1(q[i * rows + r]);
      ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) sum[r][g] = v16_fma(query, key[g], sum[r][g]);
    }
  }
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
    ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) v16_store(s + r * BNC_ATTENTION_BLOCK + g * 16, v16_mul(sum[r][g], v16_set1(scale)));
  }
}

/* The greatest of s[0..n) and m. */
V16_INLINE float attention_greatest(const float *s, size_t n, float m) {
  v16 g = v16_set1(m);
  size_t j = 0;
  ATTENTION_REPEAT for (; j + 16 <= n; j += 16) g = v16_max(v16_load(s + j), g);
  if (j < n) g = v16_max(v16_first_or(v16_load(s + j), g, n - j), g);
  return v16_greatest(g);
}

/* s[j] = exp(s[j] - m) for j < n; their sum. */
V16_INLINE float attention_weights(float *s, size_t n, float m) {
  const v16 top = v16_set1(m), zero = v16_set1(0.0f);
  v16 sum = zero;
  size_t j = 0;
  ATTENTION_REPEAT for (; j + 16 <= n; j += 16) {
    const v16 p = v16_exp_nonpositive(v16_sub(v16_load(s + j), top));
    v16_store(s + j, p);
    sum = v16_add(sum, p);
  }
  if (j < n) {
    const v16 p = v16_first_or(v16_exp_nonpositive(v16_sub(v16_load(s + j), top)), zero, n - j);
    v16_store(s + j, p);
    sum = v16_add(sum, p);
  }
  return v16_sum(sum);
}

/* out[r] = out[r] * alpha[r] + sum over j in [from, to) of p[r][j] v[j], for `vectors` (a constant) times sixteen columns from c on. */
V16_INLINE void attention_values_at(const attention_block *b, size_t c, const float *p /* [rows, 64] */, size_t from, size_t to,
                                    const float *alpha /* [rows] */, float *out /* [rows, padded] */, const size_t rows, const size_t vectors) {
  v16 sum[V16_TILE_ROWS][V16_TILE_VECTORS];
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
    ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) sum[r][x] = v16_mul(v16_load(out + r * b->padded + c + 16 * x), v16_set1(alpha[r]));
  }
  const float *v = b->v + c;
  ATTENTION_REPEAT for (size_t j = from; j < to; ++j) {
    v16 value[V16_TILE_VECTORS];
    ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) value[x] = v16_load(v + j * b->v_stride + 16 * x);
    ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
      const v16 weight = v16_set1(p[r * BNC_ATTENTION_BLOCK + j]);
      ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) sum[r][x] = v16_fma(weight, value[x], sum[r][x]);
    }
  }
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
    ATTENTION_UNROLL for (size_t x = 0; x < vectors; ++x) v16_store(out + r * b->padded + c + 16 * x, sum[r][x]);
  }
}

/* The same for all columns. */
V16_INLINE void attention_values(const attention_block *b, const float *p /* [rows, 64] */, size_t from, size_t to, const float *alpha /* [rows] */,
                                 float *out /* [rows, padded] */, const size_t rows) {
  size_t c = 0;
  for (; c + 16 * V16_TILE_VECTORS <= b->padded; c += 16 * V16_TILE_VECTORS) attention_values_at(b, c, p, from, to, alpha, out, rows, V16_TILE_VECTORS);
  for (; c < b->padded; c += 16) attention_values_at(b, c, p, from, to, alpha, out, rows, 1);
}

/* One step of the streaming softmax; row r sees the first seen[r] keys of the block, most is their maximum. */
V16_INLINE void attention_step(const attention_block *b, const attention_tile *t, const size_t *seen, size_t most, const size_t rows) {
  _Alignas(64) float s[V16_TILE_ROWS * BNC_ATTENTION_BLOCK], m[16] = {0}, sum[16] = {0}, alpha[16];
  size_t key = 0; /* a rest of less than a group counts as one: its room is there */
  for (; key + 16 * (V16_TILE_VECTORS - 1) < most; key += 16 * V16_TILE_VECTORS) {
    attention_scores(t->q, b->k + key * b->d, b->d, b->scale, s + key, rows, V16_TILE_VECTORS);
  }
  for (; key < most; key += 16) attention_scores(t->q, b->k + key * b->d, b->d, b->scale, s + key, rows, 1);
  size_t least = most;
  for (size_t r = 0; r < rows; ++r) {
    const float *row = s + r * BNC_ATTENTION_BLOCK; /* whole blocks, most of all, take a constant */
    m[r] = seen[r] == BNC_ATTENTION_BLOCK ? attention_greatest(row, BNC_ATTENTION_BLOCK, t->m[r]) : attention_greatest(row, seen[r], t->m[r]);
    least = seen[r] < least ? seen[r] : least;
  }
  const v16 a = v16_exp_nonpositive(v16_sub(v16_load(t->m), v16_load(m)));
  v16_store(alpha, a);
  v16_store(t->m, v16_load(m));
  for (size_t r = 0; r < rows; ++r) {
    float *row = s + r * BNC_ATTENTION_BLOCK;
    sum[r] = seen[r] == BNC_ATTENTION_BLOCK ? attention_weights(row, BNC_ATTENTION_BLOCK, m[r]) : attention_weights(row, seen[r], m[r]);
  }
  v16_store(t->l, v16_fma(v16_load(t->l), a, v16_load(sum)));
  attention_values(b, s, 0, least, alpha, t->out, rows);
  const float one = 1.0f;
  for (size_t r = 0; r < rows; ++r) { /* causal: later rows see more */
    if (seen[r] > least) attention_values(b, s + r * BNC_ATTENTION_BLOCK, least, seen[r], &one, t->out + r * b->padded, 1);
  }
}

#endif
