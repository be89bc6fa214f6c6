/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/attention/attention_load_amx.h"
#include "ops/attention/attention_turn_amx.h"

enum {
  LEAST_QUERIES = 48, /* fewer are not worth turning keys and values round */
  AHEAD = 2,          /* tiles whose rows are fetched */
  BLOCKS = 3          /* those of a turn, where there is but one tile */
};

/* A call's scratch. */
typedef struct room {
  block blocks[BLOCKS];
  tile *tiles;
  size_t count; /* of tiles */
} room;

static void *take(uint8_t **at, size_t bytes) {
  uint8_t *taken = *at;
  *at += (bytes + 63) / 64 * 64;
  return taken;
}

/* Lays scratch out; the bytes of it. */
static size_t lay_out(size_t d, size_t queries, uint8_t *scratch, room *r) {
  const size_t bytes = parts_of(d) * PART, columns = columns_of(d);
  uint8_t *at = scratch;
  for (size_t i = 0; i < BLOCKS; ++i) {
    r->blocks[i].k = take(&at, KEYS * bytes);
    r->blocks[i].v = take(&at, KEYS * columns);
    r->blocks[i].value_step = take(&at, columns * sizeof(float));
  }
  r->count = (queries + QUERIES - 1) / QUERIES;
  r->tiles = take(&at, r->count * sizeof(tile));
  for (size_t i = 0; i < r->count; ++i) {
    r->tiles[i].out = take(&at, QUERIES * columns * sizeof(float));
    r->tiles[i].q = take(&at, QUERIES * bytes);
  }
  return (size_t)(at - scratch);
}

/* Keys and values from `base` on. */
static void load_block(const bnc_attention_args *a, size_t kv_head, size_t base, block *b) {
  const size_t column = kv_head * a->head_size;
  b->n = least(a->keys - base, KEYS);
  load_keys(a, a->k + base * a->k_stride + column, b);
  load_values(a, a->v + base * a->v_stride + column, b);
}

/* Rows of one head are short pieces far apart, which no hardware prefetcher follows: those [from, to) of x. Inlined, as a compiler takes a
   function of nothing but fetches for one without effect. */
BNC_INLINE void fetch_rows(const float *x, size_t stride, size_t d, size_t from, size_t to) {
  for (size_t j = from; j < to; ++j)
    for (size_t i = 0; i < d; i += 16) __builtin_prefetch(x + j * stride + i);
}

/* Part i of `parts` of the rows of keys and values in the block that begins at `base`. */
BNC_INLINE void fetch_part(const bnc_attention_args *a, size_t kv_head, size_t base, size_t i, size_t parts) {
  const size_t n = a->keys > base ? least(a->keys - base, KEYS) : 0, column = kv_head * a->head_size;
  const size_t pace = (n + parts - 1) / parts, from = least(i * pace, n), to = least(from + pace, n);
  if (!n) return;
  fetch_rows(a->k + base * a->k_stride + column, a->k_stride, a->head_size, from, to);
  fetch_rows(a->v + base * a->v_stride + column, a->v_stride, a->head_size, from, to);
}

/* The rows of a tile, of queries or, to be written, results. */
BNC_INLINE void fetch_tile(const heads *h, const float *x, size_t stride, size_t t, size_t n, bool write) {
  const float *rows[QUERIES];
  place_rows(h, x, stride, t, n, rows);
  for (size_t r = 0; r < n; ++r) {
    for (size_t i = 0; i < h->a->head_size; i += 16) {
      if (write)
        __builtin_prefetch(rows[r] + i, 1, 2);
      else
        __builtin_prefetch(rows[r] + i, 0, 2);
    }
  }
}

/* All tiles over one block after the other. */
static void walk(const bnc_attention_args *a, size_t kv_head, room *r) {
  const size_t parts = parts_of(a->head_size), columns = columns_of(a->head_size), turns = (a->keys + KEYS - 1) / KEYS * r->count;
  _Alignas(64) float s[2][KEYS * QUERIES];
  _Alignas(64) int32_t sums[MOST_SIZE * QUERIES];
  _Alignas(64) uint8_t p[2][KEYS * QUERIES];
  pair all[4] = {{0}}; /* pair i is all[i % 4] */
  for (size_t i = 0; i < 4; ++i) {
    all[i].s = s[i % 2];
    all[i].p = p[i % 2];
  }
  for (size_t i = 0; i < turns + 2; ++i) {
    pair *next = &all[i % 4];
    next->t = NULL;
    if (i < turns) {
      const size_t at = i / r->count, t = i % r->count;
      block *b = &r->blocks[at % BLOCKS];
      if (t == 0) load_block(a, kv_head, at * KEYS, b);
      fetch_part(a, kv_head, (at + 1) * KEYS, t, r->count);
      next->b = b;
      next->t = &r->tiles[t];
    }
    take_turn(&all[(i + 2) % 4], &all[(i + 3) % 4], next, sums, parts, columns);
  }
}

void bnc_attention_rows_i8_amx(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  const size_t group = args->heads / args->kv_heads, first = from * group, count = from < to ? (to - from) * group : 0;
  const size_t d = args->head_size;
  if (count < LEAST_QUERIES || d > MOST_SIZE) {
    bnc_attention_rows_i8_avx512vnni(args, kv_head, from, to, scratch);
    return;
  }
  room r;
  const size_t bytes = lay_out(d, count, scratch, &r);
  (void)bytes; /* as assert may be absent */
  assert(bytes <= bnc_attention_scratch(args->heads, args->kv_heads, d, to - from) && args->keys && !args->causal);
  const heads h = {args, kv_head * group, group};
  for (size_t i = 0; i < r.count; ++i) {
    const size_t t = i * QUERIES, ahead = least(t + AHEAD * QUERIES, count);
    fetch_tile(&h, args->q, args->q_stride, first + ahead, least(count - ahead, QUERIES), false);
    begin_tile(&h, first + t, least(count - t, QUERIES), &r.tiles[i]);
  }
  tiles_begin(TILE_ROWS, TILE_ROWS, TILE_COLUMNS, TILE_COLUMNS);
  walk(args, kv_head, &r);
  tiles_end();
  for (size_t i = 0; i < r.count; ++i) {
    const size_t t = i * QUERIES, ahead = least(t + AHEAD * QUERIES, count);
    fetch_tile(&h, args->out, args->out_stride, first + ahead, least(count - ahead, QUERIES), true);
    end_tile(&h, first + t, least(count - t, QUERIES), &r.tiles[i]);
  }
}
