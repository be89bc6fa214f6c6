/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_tile.h  The inner loops of attention.h over sixteen lanes: a tile of up to V16_TILE_ROWS query rows against one block of
 * keys. `rows` is a compile-time constant everywhere, so that sums stay in registers. Include a v16_*.h first.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_TILE_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_TILE_H

#include "ops/attention/attention.h"
#include "ops/inline.h"
#include "ops/simd/math_v16.h"

#define ATTENTION_UNROLL BNC_UNROLL(16)
#if V16_TILE_VECTORS > 1
#define ATTENTION_REPEAT BNC_UNROLL(2)
#else
#define ATTENTION_REPEAT BNC_UNROLL(4) /* few enough rounds for the branch predictor to see the end */
#endif

/* What keys and values of a block lie as; a constant everywhere. All but f32 are the cache's own bytes. */
typedef enum attention_form { ATTENTION_F32, ATTENTION_F16, ATTENTION_I8 } attention_form;

typedef struct attention_block {
  const void *k; /* [groups of 16 keys, d, 16] */
  const void *v; /* [64, padded], row stride v_stride */
  size_t v_stride;
  size_t base;      /* the first key's index */
  size_t n;         /* keys in it, at most 64 */
  size_t d, padded; /* head size, and that rounded up to 16 */
  float scale;
  const float *key_step, *value_step; /* [64], [padded]: what int8 keys and values are multiples of; else NULL */
  const float *value_scale;           /* [64]: of ATTENTION_I8, whose keys have key_step */
  const void *ahead;                  /* where this is the cache's own: the keys of the block behind it, or its own if it is the last */
  const float *next_k, *next_v;       /* the rows of the following block, to be fetched ahead; NULL: none */
  size_t next_n, next_k_stride, next_v_stride;
} attention_block;

/* Rows of one head are short pieces far apart, which no hardware prefetcher follows. */
BNC_INLINE void attention_fetch(const float *row, size_t d) {
  for (size_t i = 0; i < d; i += 16) __builtin_prefetch(row + i);
}

/* State of a tile between blocks. */
typedef struct attention_tile {
  float *q;              /* [d, rows] */
  float *out;            /* [rows, padded] */
  float *m, *l, *q_step; /* [16]; q_step: times the scale, of int8 queries */
} attention_tile;

/* Elements i to i + 15 of keys or values; scale: of ATTENTION_I8. */
BNC_INLINE v16 attention_read(const void *x, size_t i, v16 scale, const attention_form form) {
  if (form == ATTENTION_F16) return v16_from_f16((const uint16_t *)x + i);
  if (form == ATTENTION_I8) return v16_mul(v16_from_i8((const int8_t *)x + i), scale);
  return v16_load((const float *)x + i);
}

/* The cache's bytes of so many elements from i on: what is multiplied next is fetched line by line while this is. */
BNC_INLINE void attention_fetch_cache(const void *x, size_t i, const attention_form form) {
  const size_t size = form == ATTENTION_F16 ? 2 : 1;
  if (form != ATTENTION_F32) __builtin_prefetch((const char *)x + i * size);
}

/* s[r][key, key + 16 groups) = (q[r] . k) * scale, for `groups` (a constant) groups of sixteen keys. */
BNC_INLINE void attention_scores(const attention_block *b, const float *q /* [d, rows] */, size_t key, float scale,
                                 float *s /* [rows, 64] */, const size_t rows, const size_t groups, const attention_form form) {
  const size_t d = b->d;
  v16 sum[V16_TILE_ROWS][V16_TILE_VECTORS], step[V16_TILE_VECTORS];
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) sum[r][g] = v16_set1(0.0f);
  ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) {
    step[g] = form == ATTENTION_I8 ? v16_load(b->key_step + key + g * 16) : v16_set1(0.0f);
  }
  ATTENTION_REPEAT for (size_t i = 0; i < d; ++i) {
    v16 keys[V16_TILE_VECTORS];
    attention_fetch_cache(b->v, key * d + i * groups * 16, form);
    ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) keys[g] = attention_read(b->k, key * d + (g * d + i) * 16, step[g], form);
    ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
      const v16 query = v16_set1(q[i * rows + r]);
      ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g) sum[r][g] = v16_fma(query, keys[g], sum[r][g]);
    }
  }
  ATTENTION_UNROLL for (size_t r = 0; r < rows; ++r) {
    ATTENTION_UNROLL for (size_t g = 0; g < groups; ++g)
        v16_store(s + r * BNC_ATTENTION_BLOCK + key + g * 16, v16_mul(sum[r][g], v16_set1(scale)));
  }
}

/* The greatest of s[0..n) and m. */
BNC_INLINE float attention_greatest(const float *s, size_t n, float m) {
  v16 g = v16_set1(m);
  size_t j = 0;
  ATTENTION_REPEAT for (; j + 16 <= n; j += 16) g = v16_max(v16_load(s + j), g);
  if (j < n) g = v16_max(v16_first_or(v16_load(s + j), g, n - j), g);
  return v16_greatest(g);
}

/* A weight, or with int8 (a constant) as many 255ths of one. */
BNC_INLINE v16 attention_weight(v16 score, v16 top, const bool int8) {
  const v16 p = v16_exp_nonpositive(v16_sub(score, top)), magic = v16_set1(BNC_ATTENTION_I8_MAGIC);
  return int8 ? v16_sub(v16_fma(p, v16_set1(255.0f), magic), magic) : p;
}

/* s[j] = exp(s[j] - m) for j < n; their sum. */
BNC_INLINE float attention_weights(float *s, size_t n, float m, const bool int8) {
  const v16 top = v16_set1(m), zero = v16_set1(0.0f);
  v16 sum = zero;
  size_t j = 0;
  ATTENTION_REPEAT for (; j + 16 <= n; j += 16) {
    const v16 p = attention_weight(v16_load(s + j), top, int8);
    v16_store(s + j, p);
    sum = v16_add(sum, p);
  }
  if (j < n) {
    const v16 p = v16_first_or(attention_weight(v16_load(s + j), top, int8), zero, n - j);
    v16_store(s + j, p);
    sum = v16_add(sum, p);
  }
  return v16_sum(sum);
}

#endif
