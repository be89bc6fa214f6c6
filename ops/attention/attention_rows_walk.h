/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_rows_walk.h  attention_rows_i8 and _bf16 where a level multiplies what they round to as such: the walk over blocks of
 * keys and tiles of queries, and the one layout of its scratch. Include a v16_*.h first.
 *
 * Each level's file defines before: ROWS, the queries of a tile; `element`, what keys and values become; `query`, what a tile's queries are
 * kept as, `rounded_weight`, what weights become; `block_keys`, what else it keeps of a block; room_bytes. And behind: load_block,
 * round_query, scores, weights and values.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_ROWS_WALK_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_ROWS_WALK_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "ops/attention/attention.h"
#include "ops/simd/math_v16.h"

/* A block of keys and values. */
typedef struct block {
  size_t n;          /* keys in it */
  element *k, *v;    /* [64 * padded] each, in the level's order */
  float *value_step; /* [padded]: what values rounded to integers are multiples of */
  uint8_t *room;     /* room_bytes(padded) of the level's own */
  block_keys keys;
} block;

/* ROWS queries between blocks. */
typedef struct tile {
  float m[16], l[16], step[16]; /* step: of queries rounded to integers, else 1, times the scale */
  float *out;                   /* [ROWS, padded] */
  query *q;                     /* ROWS * padded elements, in the level's order */
} tile;

/* What a tile's steps over a block hand on. */
typedef struct pass {
  _Alignas(64) float s[ROWS * BNC_ATTENTION_BLOCK];          /* [ROWS, 64] scores */
  _Alignas(64) rounded_weight p[ROWS * BNC_ATTENTION_BLOCK]; /* in the level's order */
  float top[16];                                             /* the maxima with this block's */
  float alpha[16];                                           /* by what results shrink */
} pass;

/* Rounds the block's keys and values. b->n is set. */
static void load_block(const bnc_attention_args *a, const float *keys /* [n, d] */, const float *values /* [n, d] */, size_t padded,
                       block *b);
/* Rounds a query, the tile's row r; its step. */
static float round_query(const float *q /* [d] */, size_t d, size_t padded, size_t r, tile *t);
/* A tile over a block: scores, as floats; their weights, whose maxima and sums go on; what those make of the values, added to the results.
 */
static void scores(const block *b, const tile *t, size_t padded, pass *x);
static void weights(const block *b, tile *t, pass *x);
static void values(const block *b, const tile *t, size_t padded, const pass *x);

static inline size_t tile_bytes(size_t padded) { return (sizeof(tile) + ROWS * padded * (sizeof(float) + sizeof(element)) + 63) / 64 * 64; }

/* Lays a call's scratch out; returns where its tiles lie: [tiles, tile_bytes]. */
static uint8_t *lay_out(const bnc_attention_args *a, size_t queries, size_t padded, uint8_t *scratch, block *b) {
  const size_t bytes = BNC_ATTENTION_BLOCK * padded * sizeof(element);
  b->k = (element *)(void *)scratch;
  b->v = (element *)(void *)(scratch + bytes);
  b->value_step = (float *)(void *)(scratch + 2 * bytes);
  b->room = scratch + 2 * bytes + padded * sizeof(float);
  uint8_t *tiles = b->room + room_bytes(padded);
  (void)a;
  (void)queries; /* as assert may be absent */
  assert((size_t)(tiles - scratch) + (queries + ROWS - 1) / ROWS * tile_bytes(padded) <=
         bnc_attention_scratch(a->kv_heads, a->kv_heads, a->head_size, queries));
  return tiles;
}

/* Where the t-th query of the call stands in its row: a head of the group. */
static size_t query_column(const bnc_attention_args *a, size_t kv_head, size_t t, size_t group) {
  return (kv_head * group + t % group) * a->head_size;
}

/* The tile of queries from t on; rows that are not there repeat the last one, and are not kept. */
static void begin_tile(const bnc_attention_args *a, size_t kv_head, size_t group, size_t t, size_t end, size_t padded, tile *x) {
  x->out = (float *)(void *)(x + 1);
  x->q = (query *)(void *)(x->out + ROWS * padded);
  memset(x->out, 0, ROWS * padded * sizeof *x->out);
  for (size_t r = 0; r < 16; ++r) {
    x->m[r] = r < ROWS ? -INFINITY : 0.0f;
    x->l[r] = 0.0f;
    x->step[r] = 0.0f;
  }
  for (size_t r = 0; r < ROWS; ++r) {
    const size_t at = t + r < end ? t + r : end - 1;
    const float *q = a->q + at / group * a->q_stride + query_column(a, kv_head, at, group); /* [d] */
    x->step[r] = round_query(q, a->head_size, padded, r, x) * a->scale;
  }
}

/* Rows of one head are short pieces far apart, which no hardware prefetcher follows: those [from, to) of the keys and values of a block. */
static void fetch_rows(const bnc_attention_args *a, const float *keys, const float *values, size_t from, size_t to) {
  for (size_t j = from; j < to; ++j) {
    for (size_t i = 0; i < a->head_size; i += 16) {
      __builtin_prefetch(keys + j * a->k_stride + i);
      __builtin_prefetch(values + j * a->v_stride + i);
    }
  }
}

/* All tiles over a block, while the rows of the block that follows, `next` of them, are fetched. No step stands beside one that it waits
   for: a tile's scores are computed between the weights and the results of the tile before, so that a CPU which looks ahead fills what one
   step's dependences leave idle with the other's work. */
static void walk(const bnc_attention_args *a, const block *b, uint8_t *state, size_t tiles, size_t padded, const float *keys,
                 const float *all_values, size_t next) {
  const size_t pace = next / tiles + 1, size = tile_bytes(padded);
  pass x;
  scores(b, (tile *)(void *)state, padded, &x);
  for (size_t i = 0; i < tiles; ++i, state += size) {
    const size_t begin = i * pace < next ? i * pace : next, end = begin + pace < next ? begin + pace : next;
    fetch_rows(a, keys + b->n * a->k_stride, all_values + b->n * a->v_stride, begin, end);
    weights(b, (tile *)(void *)state, &x);
    if (i + 1 < tiles) scores(b, (tile *)(void *)(state + size), padded, &x);
    values(b, (tile *)(void *)state, padded, &x);
  }
}

static void attend(const bnc_attention_args *a, size_t kv_head, size_t from, size_t to, void *scratch) {
  if (from >= to) return;
  assert(a->keys && !a->causal);
  const size_t d = a->head_size, padded = (d + 15) / 16 * 16, group = a->heads / a->kv_heads, first = from * group;
  const size_t count = (to - from) * group, tiles = (count + ROWS - 1) / ROWS, size = tile_bytes(padded);
  block b = {0};
  uint8_t *state = lay_out(a, count, padded, scratch, &b);
  for (size_t i = 0; i < tiles; ++i) {
    begin_tile(a, kv_head, group, first + i * ROWS, first + count, padded, (tile *)(void *)(state + i * size));
  }
  for (size_t base = 0; base < a->keys; base += BNC_ATTENTION_BLOCK) {
    const size_t left = a->keys - base, n = left < BNC_ATTENTION_BLOCK ? left : BNC_ATTENTION_BLOCK;
    const size_t next = left - n < BNC_ATTENTION_BLOCK ? left - n : BNC_ATTENTION_BLOCK;
    const float *keys = a->k + base * a->k_stride + kv_head * d, *all_values = a->v + base * a->v_stride + kv_head * d;
    b.n = n;
    load_block(a, keys, all_values, padded, &b);
    walk(a, &b, state, tiles, padded, keys, all_values, next);
  }
  /* Results by their sums of weights. */
  for (size_t q = 0; q < count; ++q) {
    const tile *t = (const tile *)(const void *)(state + q / ROWS * size);
    const v16 inverse = v16_set1(1.0f / t->l[q % ROWS]);
    float *out = a->out + (first + q) / group * a->out_stride + query_column(a, kv_head, first + q, group); /* [d] */
    for (size_t i = 0; i < d; i += 16)
      v16_store_n(out + i, v16_mul(v16_load(t->out + q % ROWS * padded + i), inverse), d - i < 16 ? d - i : 16);
  }
}

#endif
