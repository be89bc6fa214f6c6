/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_products_amx.h  attention_rows_i8 in AMX's tiles: two tiles of queries and a block, and their products. */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_PRODUCTS_AMX_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_PRODUCTS_AMX_H

#include "ops/attention/attention_blocks_amx.h"

/* One or two tiles and a block, and what their steps hand on. */
typedef struct pair {
  size_t tiles; /* none: the pair is not there */
  const block *b;
  tile *t;      /* [tiles] */
  v16 top[2];   /* the maxima with this block's */
  v16 alpha[2]; /* by what results shrink */
  float *s[2];  /* [64 keys, 16 queries] products, as integers; then scores; then [padded, 16 queries] of weights and values, as integers */
  uint8_t *p[2]; /* [16][16 queries, 4 keys] weights in 255ths */
} pair;

/* Products of the 16 keys of group g with two tiles of queries, or of 16 columns of values with their weights, as `sum` and `other`. */
#define MULTIPLY_KEYS(x, g, parts, sum, other, from)                                                                                       \
  do {                                                                                                                                     \
    _tile_zero(sum);                                                                                                                       \
    _tile_zero(other);                                                                                                                     \
    for (size_t part_ = 0; part_ < (parts); ++part_) {                                                                                     \
      TILE_LOAD(from, (x)->b->k + (part_ * KEYS + 16 * (g)) * PART, TILE_BYTES);                                                           \
      if ((parts) > 1 || (g) == 0) TILE_LOAD(6, (x)->t[0].q + part_ * QUERIES * PART, TILE_BYTES);                                         \
      if ((parts) > 1 || (g) == 0) TILE_LOAD(7, (x)->t[(x)->tiles - 1].q + part_ * QUERIES * PART, TILE_BYTES);                            \
      _tile_dpbssd(sum, from, 6);                                                                                                          \
      _tile_dpbssd(other, from, 7);                                                                                                        \
    }                                                                                                                                      \
  } while (0)

#define MULTIPLY_VALUES(x, g, sum, other, from)                                                                                            \
  do {                                                                                                                                     \
    _tile_zero(sum);                                                                                                                       \
    _tile_zero(other);                                                                                                                     \
    TILE_LOAD(from, (x)->b->v + 16 * (g) * KEYS, TILE_BYTES);                                                                              \
    _tile_dpbsud(sum, from, 6);                                                                                                            \
    _tile_dpbsud(other, from, 7);                                                                                                          \
  } while (0)

#define KEEP(x, g, sum, other)                                                                                                             \
  do {                                                                                                                                     \
    TILE_STORE(sum, (x)->s[0] + 16 * (g) * QUERIES, TILE_BYTES);                                                                           \
    if ((x)->tiles > 1) TILE_STORE(other, (x)->s[1] + 16 * (g) * QUERIES, TILE_BYTES);                                                     \
  } while (0)

/* A turn's products. They are stored when the ones behind them are under way. */
BNC_INLINE void multiply(const pair *now, const pair *next, size_t parts, size_t columns) {
  const size_t keys = next->tiles ? (next->b->n + 15) / 16 : 0, values = now->tiles ? columns / 16 : 0;
  TILE_FENCE();
  for (size_t g = 0; g < keys; g += 2) {
    MULTIPLY_KEYS(next, g, parts, 0, 1, 4);
    if (g) KEEP(next, g - 1, 2, 3);
    if (g + 1 == keys) break;
    MULTIPLY_KEYS(next, g + 1, parts, 2, 3, 5);
    KEEP(next, g, 0, 1);
  }
  if (keys % 2)
    KEEP(next, keys - 1, 0, 1);
  else if (keys)
    KEEP(next, keys - 1, 2, 3);
  if (values) {
    TILE_LOAD(6, now->p[0], TILE_BYTES);
    TILE_LOAD(7, now->p[now->tiles - 1], TILE_BYTES);
  }
  for (size_t g = 0; g < values; g += 2) {
    MULTIPLY_VALUES(now, g, 0, 1, 4);
    if (g) KEEP(now, g - 1, 2, 3);
    if (g + 1 == values) break;
    MULTIPLY_VALUES(now, g + 1, 2, 3, 5);
    KEEP(now, g, 0, 1);
  }
  if (values % 2)
    KEEP(now, values - 1, 0, 1);
  else if (values)
    KEEP(now, values - 1, 2, 3);
  TILE_FENCE();
}

#endif
