/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_turn_amx.h  A tile of queries over a block of keys and values: products with keys, scores, weights, products with values,
 * results. What is stored from a tile is there for vectors only once it has left the CPU's queue, and the other way round, so these are
 * steps of three turns.
 *
 * For some 400 cycles behind each instruction on a tile a Granite Rapids multiplies floats on one port of two. So a turn's products stand
 * together. More tiles of queries in a turn would no longer have room in the first cache.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_TURN_AMX_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_TURN_AMX_H

#include "ops/attention/attention_products_amx.h"

/* Scores of a tile, and their maxima. */
BNC_INLINE void scores(pair *x) {
  const size_t n = x->b->n;
  const float *key_step = x->b->key_step;
  const v16 step = x->t->step, before = x->t->m;
  float *s = x->s;
  v16 most[4] = {before, before, before, before};
  for (size_t j = 0; j < n; j += 4, s += 4 * QUERIES) {
    UNROLL for (size_t i = 0; i < 4; ++i) {
      const v16 exact = {_mm512_cvtepi32_ps(_mm512_load_si512((const void *)(s + i * QUERIES)))};
      const v16 y = v16_mul(v16_mul(exact, v16_set1(key_step[j + i])), step);
      v16_store(s + i * QUERIES, y);
      most[i] = v16_max(y, most[i]);
    }
    if (n - j >= 4) continue;
    UNROLL for (size_t i = 0; i < 4; ++i) {
      if (j + i >= n) v16_store(s + i * QUERIES, v16_set1(-INFINITY));
    }
  }
  /* What is not there is a product of zeros. */
  if (n % 4) {
    s -= 4 * QUERIES;
    UNROLL for (size_t i = 0; i < 4; ++i) most[i] = before;
    for (size_t j = 0; j < n; ++j) most[0] = v16_max(v16_load(x->s + j * QUERIES), most[0]);
  }
  x->top = v16_max(v16_max(most[0], most[1]), v16_max(most[2], most[3]));
  x->alpha = v16_exp_nonpositive(v16_sub(before, x->top));
  x->t->m = x->top;
}

/* Softmax in one pass (arXiv 1805.02867): what came before shrinks where the maximum grew. Weights of four keys. */
BNC_INLINE void weigh_four(const float *s, uint8_t *p, v16 top, __m512i *total) {
  __m512i w[4];
  v16 less[4];
  UNROLL for (size_t i = 0; i < 4; ++i) less[i] = v16_sub(v16_load(s + i * QUERIES), top);
  weight_bits(less, w, 4);
  const __m512i bytes = low_bytes(w);
  *total = _mm512_dpbusd_epi32(*total, bytes, _mm512_set1_epi8(1));
  _mm512_store_si512((void *)p, bytes);
}

BNC_INLINE void weights(const pair *x) {
  __m512i total = _mm512_setzero_si512();
  for (size_t j = 0; j < x->b->n; j += 4) weigh_four(x->s + j * QUERIES, x->p + j * QUERIES, x->top, &total);
  x->t->l = v16_fma(x->t->l, x->alpha, (v16){_mm512_cvtepi32_ps(total)});
}

BNC_INLINE void results(const pair *x, const int32_t *sums, size_t columns) {
  const float *step = x->b->value_step;
  const v16 alpha = x->alpha;
  float *o = x->t->out;
  for (size_t c = 0; c < columns; c += 4, o += 4 * QUERIES, sums += 4 * QUERIES) {
    UNROLL for (size_t i = 0; i < 4; ++i) {
      const v16 exact = {_mm512_cvtepi32_ps(_mm512_load_si512((const void *)(sums + i * QUERIES)))};
      v16_store(o + i * QUERIES, v16_fma(exact, v16_set1(step[c + i]), v16_mul(v16_load(o + i * QUERIES), alpha)));
    }
  }
}

/* One step of each pair: the products of `next` with keys and of `before` with values, weights of `now`, results, scores. */
BNC_INLINE void take_turn(const pair *before, const pair *now, pair *next, int32_t *sums, size_t parts, size_t columns) {
  multiply(before, next, sums, parts, columns);
  if (now->t) weights(now);
  if (before->t) results(before, sums, columns);
  if (next->t) scores(next);
}

#endif
