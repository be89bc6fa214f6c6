/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_products_amx.h  attention_rows_i8 in AMX's tiles: a tile of queries and a block, and the products of a turn. */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_PRODUCTS_AMX_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_PRODUCTS_AMX_H

#include "ops/attention/attention_blocks_amx.h"

enum { GROUPS = KEYS / 16, MOST_UNITS = 1 + MOST_SIZE / 64 };

/* A tile of queries and a block, and what their steps hand on. */
typedef struct pair {
  const block *b;
  tile *t;    /* none: the pair is not there */
  float *s;   /* [64 keys, 16 queries] products, as integers; then scores */
  uint8_t *p; /* [16][16 queries, 4 keys] weights in 255ths */
  v16 top;    /* the maxima with this block's */
  v16 alpha;  /* by what results shrink */
} pair;

/* Up to four products of a tile with the same one: of 64 keys with 16 queries, or of 64 columns of values with their weights. */
typedef struct unit {
  size_t groups, parts;
  bool keys;
  const int8_t *left; /* [parts][groups] tiles; a part is that of a block of keys */
  const void *right;  /* [parts] tiles */
  void *to;           /* [groups] tiles */
} unit;

/* The units of a turn; how many. */
BNC_INLINE size_t list_units(const pair *before, const pair *next, int32_t *sums, size_t parts, size_t columns, unit *u) {
  size_t count = 0;
  if (next->t) u[count++] = (unit){(next->b->n + 15) / 16, parts, true, next->b->k, next->t->q, next->s};
  for (size_t c = 0; before->t && c < columns; c += 64) {
    u[count++] = (unit){least(GROUPS, (columns - c) / 16), 1, false, before->b->v + c * KEYS, before->p, sums + c * QUERIES};
  }
  u[count] = (unit){0};
  return count;
}

/* Stores the product g (a number) of the unit before u, which is done by now, and begins that of u. */
#define MULTIPLY(u, g)                                                                                                                     \
  do {                                                                                                                                     \
    if (g < (u)[-1].groups) TILE_STORE(g, (int8_t *)(u)[-1].to + g * TILE, TILE_BYTES);                                                    \
    if (g >= (u)->groups) break;                                                                                                           \
    _tile_zero(g);                                                                                                                         \
    TILE_LOAD(4, (u)->left + g * TILE, TILE_BYTES);                                                                                        \
    if (!(u)->keys) {                                                                                                                      \
      _tile_dpbsud(g, 4, 6);                                                                                                               \
      break;                                                                                                                               \
    }                                                                                                                                      \
    _tile_dpbssd(g, 4, 6);                                                                                                                 \
    if ((u)->parts < 2) break;                                                                                                             \
    TILE_LOAD(5, (u)->left + (GROUPS + g) * TILE, TILE_BYTES);                                                                             \
    _tile_dpbssd(g, 5, 7);                                                                                                                 \
  } while (0)

/* The products of `next` with keys, and of `before` with values. */
BNC_INLINE void multiply(const pair *before, const pair *next, int32_t *sums, size_t parts, size_t columns) {
  unit all[MOST_UNITS + 2] = {{0}}; /* between two that are empty */
  const unit *end = all + 1 + list_units(before, next, sums, parts, columns, all + 1);
  TILE_FENCE();
  for (const unit *u = all + 1; u <= end; ++u) {
    if (u->groups) TILE_LOAD(6, u->right, TILE_BYTES);
    if (u->parts > 1) TILE_LOAD(7, (const int8_t *)u->right + TILE, TILE_BYTES);
    MULTIPLY(u, 0);
    MULTIPLY(u, 1);
    MULTIPLY(u, 2);
    MULTIPLY(u, 3);
  }
  TILE_FENCE();
}

#endif
