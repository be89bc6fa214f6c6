/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_blocks_amx.h  attention_rows_i8 in AMX's tiles: what it keeps, and how queries become bytes and results rows.
 *
 * Everything stands the other way round here: a lane is a query. Tiles multiply 16 keys with 16 queries, and 16 columns of values with the
 * weights of 16 queries. So maxima, sums and steps of queries are vectors, and nothing is added up across lanes. Bytes of a head lie in
 * an order of their own, the same for keys and queries: byte 4 i + j of 64 is that of column 16 j + i.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_BLOCKS_AMX_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_BLOCKS_AMX_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "ops/attention/attention_round_avx512vnni.h"
#include "ops/simd/tiles_amx.h"

enum {
  KEYS = BNC_ATTENTION_BLOCK,
  QUERIES = TILE_COLUMNS,
  PART = TILE_BYTES, /* of the head size, in a tile */
  MOST_SIZE = 128    /* head sizes beyond it are left to the level below */
};

/* A block of keys and values. */
typedef struct block {
  size_t n;             /* keys in it */
  int8_t *k;            /* [parts][64 keys, 64 bytes], zeros where there is none */
  int8_t *v;            /* [padded columns, 64 keys] */
  float *value_step;    /* [padded] */
  float key_step[KEYS]; /* 0 where there is none */
} block;

/* Sixteen queries between blocks, a lane each. */
typedef struct tile {
  v16 m, l, step; /* step: times the scale */
  float *out;     /* [padded][16 queries] */
  int8_t *q;      /* [parts][16][16 queries, 4 bytes] */
} tile;

/* Head sizes as they are padded: columns of results, and bytes that are multiplied. */
BNC_INLINE size_t columns_of(size_t d) { return (d + 15) / 16 * 16; }
BNC_INLINE size_t parts_of(size_t d) { return (d + PART - 1) / PART; }

/* The low bytes of four vectors, those of a lane side by side. */
BNC_INLINE __m512i low_bytes(const __m512i *x /* [4] */) {
  const __m512i low = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0);
  __m512i bytes = _mm512_mask_shuffle_epi8(x[0], 0x2222222222222222, x[1], low);
  bytes = _mm512_mask_shuffle_epi8(bytes, 0x4444444444444444, x[2], low);
  return _mm512_mask_shuffle_epi8(bytes, 0x8888888888888888, x[3], low);
}

BNC_INLINE v16 part_of(const float *x /* [d] */, size_t i, size_t d) { return i < d ? load_part(x, i, d) : v16_set1(0.0f); }

/* The greatest lane of each of sixteen vectors. */
BNC_INLINE v16 greatest_of_each(__m512i *x /* [16], lost */) {
  v16 most;
  bnc_transpose_16x16(x);
  most.a = _mm512_castsi512_ps(x[0]);
  UNROLL for (size_t i = 1; i < 16; ++i) most = v16_max((v16){_mm512_castsi512_ps(x[i])}, most);
  return most;
}

/* Sixteen rows, or n, as bytes [parts][part_bytes: 16, 64]; zeros for the others. Their greatest magnitudes. Rows are read once: where they
   lie a multiple of 4096 bytes apart, they drive each other out of the first cache. */
BNC_INLINE v16 round_rows_of(const float *const *rows, size_t n, const size_t d, int8_t *out, size_t part_bytes) {
  _Alignas(64) float copy[16 * MOST_SIZE], factor[16]; /* [16][parts * 64] */
  const size_t parts = parts_of(d);
  __m512i x[16];
  for (size_t r = 0; r < 16; ++r) {
    v16 most = v16_set1(0.0f);
    if (r < n) UNROLL for (size_t i = 0; i < PART * parts; i += 16) {
        const v16 y = part_of(rows[r], i, d);
        v16_store(copy + r * PART * parts + i, y);
        most = v16_max(v16_abs(y), most);
      }
    x[r] = _mm512_castps_si512(most.a);
  }
  const v16 most = greatest_of_each(x);
  v16_store(factor, inverse_of(most));
  for (size_t part = 0; part < parts; ++part, out += part_bytes) {
    for (size_t r = 0; r < 16; ++r) {
      __m512i four[4], bytes = _mm512_setzero_si512();
      if (r < n) {
        const v16 by = v16_set1(factor[r]);
        UNROLL for (size_t i = 0; i < 4; ++i) four[i] = rounded(v16_load(copy + (r * parts + part) * PART + 16 * i), by);
        bytes = low_bytes(four);
      }
      _mm512_store_si512((void *)(out + r * PART), bytes);
    }
  }
  return most;
}

static v16 round_rows(const float *const *rows, size_t n, size_t d, int8_t *out, size_t part_bytes) {
  if (n < 16 || d % PART) return round_rows_of(rows, n, d, out, part_bytes);
  return d == PART ? round_rows_of(rows, 16, PART, out, part_bytes) : round_rows_of(rows, 16, MOST_SIZE, out, part_bytes);
}

/* A call's queries, or their results, are rows of the heads of a group: where n of them from the t-th one on are. */
typedef struct heads {
  const bnc_attention_args *a;
  size_t first, group; /* of the heads of the key head */
} heads;

static void place_rows(const heads *h, const float *x, size_t stride, size_t t, size_t n, const float **rows) {
  size_t row = t / h->group, head = t % h->group;
  for (size_t r = 0; r < n; ++r) {
    rows[r] = x + row * stride + (h->first + head) * h->a->head_size;
    if (++head < h->group) continue;
    head = 0;
    ++row;
  }
}

/* The tile of `n` queries from t on; lanes that have none are zeros, and are not kept. */
static void begin_tile(const heads *h, size_t t, size_t n, tile *x) {
  const bnc_attention_args *a = h->a;
  const float *rows[QUERIES];
  place_rows(h, a->q, a->q_stride, t, n, rows);
  memset(x->out, 0, columns_of(a->head_size) * QUERIES * sizeof *x->out);
  x->m = v16_set1(-INFINITY);
  x->l = v16_set1(0.0f);
  x->step = v16_mul(step_of(round_rows(rows, n, a->head_size, x->q, QUERIES * PART)), v16_set1(a->scale));
  for (size_t part = 0; part < parts_of(a->head_size); ++part) {
    int8_t *q = x->q + part * QUERIES * PART;
    __m512i y[16];
    UNROLL for (size_t i = 0; i < 16; ++i) y[i] = _mm512_load_si512((const void *)(q + i * PART));
    bnc_transpose_16x16(y);
    UNROLL for (size_t i = 0; i < 16; ++i) _mm512_store_si512((void *)(q + i * PART), y[i]);
  }
}

/* Results by their sums of weights, as rows. */
static void end_tile(const heads *h, size_t t, size_t n, const tile *x) {
  const bnc_attention_args *a = h->a;
  const v16 inverse = v16_div(v16_set1(1.0f), x->l);
  const float *rows[QUERIES];
  place_rows(h, a->out, a->out_stride, t, n, rows);
  for (size_t c = 0; c < a->head_size; c += 16) {
    const __mmask16 mask = v16_first(least(a->head_size - c, 16));
    __m512i y[16];
    UNROLL for (size_t i = 0; i < 16; ++i) y[i] = _mm512_castps_si512(v16_mul(v16_load(x->out + (c + i) * QUERIES), inverse).a);
    bnc_transpose_16x16(y);
    for (size_t r = 0; r < n; ++r) _mm512_mask_storeu_epi32(a->out + (rows[r] - a->out) + c, mask, y[r]);
  }
}

#endif
