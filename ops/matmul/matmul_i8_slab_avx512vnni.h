/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i8_slab_avx512vnni.h  The slabs of a matrix one behind the other, and all rows tile by tile over each of them. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_SLAB_AVX512VNNI_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_SLAB_AVX512VNNI_H

#include "ops/matmul/matmul_i8_tile_avx512vnni.h"

/* What w + 128 in place of w adds to the sums of a row, taken off. */
static inline int32_t start_of(const int8_t *q, size_t k) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  size_t i = 0;
  for (; i + 256 <= k; i += 256) {
    DOTS_UNROLL for (size_t c = 0; c < 4; ++c) {
      sum[c] = _mm512_dpbusd_epi32(sum[c], ones, _mm512_loadu_si512((const void *)(q + i + 64 * c)));
    }
  }
  for (; i < k; i += 64) sum[0] = _mm512_dpbusd_epi32(sum[0], ones, _mm512_maskz_loadu_epi8(bytes_before(k - i), q + i));
  return -128 * _mm512_reduce_add_epi32(_mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3])));
}

/* At least so many tiles of them. */
static inline size_t tiles_of(size_t rows) { return (rows + DOTS_ROWS - 1) / DOTS_ROWS; }

/* How often lines are fetched while so many rows pass: once for each line of activations. */
static inline size_t times_of(const slab *s, size_t rows) { return tiles_of(rows) * ((s->depth + 63) / 64); }

/* The starts of the rows [row, end), where the slab is the first one that passes over them: a tile then finds them near. */
static inline void take_starts(const bnc_matmul_i8_args *args, const slab *s, size_t row, size_t end, int32_t *starts /* or NULL */) {
  for (size_t i = row; starts && i < end; ++i) starts[i - s->begin] = start_of(args->q + i * args->q_stride, args->k);
}

/* How many of the rows that are left are the next tile's: six, but none alone at the end where more were left, for its sums wait for each
   other. */
static inline size_t tile_height(size_t left) {
  static const uint8_t few[] = {0, 1, 1, 3, 4, 4, 6, 4, 4, 6, 6, 4};
  return left < sizeof few ? few[left] : DOTS_ROWS;
}

/* As many rows. */
static inline void tile_rows(const bnc_matmul_i8_args *args, const slab *s, size_t row, size_t height, ahead *next) {
  switch (height) {
    case 6: tile_6(args, s, row, next); break;
    case 4: tile_4(args, s, row, next); break;
    case 3: tile_3(args, s, row, next); break;
    default: tile_1(args, s, row, next); break;
  }
}

/* The rows [row, end), while what is next is fetched. starts: the slab's, where they are still to be taken, else NULL. */
static inline void pass_rows(const bnc_matmul_i8_args *args, const slab *s, size_t row, size_t end, int32_t *starts, ahead *next) {
  for (size_t r = row, height = tile_height(end - r); r < end; r += height, height = tile_height(end - r)) {
    take_starts(args, s, r, r + height, starts);
    tile_rows(args, s, r, height, next);
  }
}

/* The slab at column n and `from` along k, which goes on with the totals of s where it does not begin a column; without columns behind the
 * last. */
static inline slab slab_at(const bnc_matmul_i8_args *args, const slab *s, size_t n, size_t from, size_t last) {
  slab next = *s;
  next.from = from;
  next.n = n;
  next.columns = next.n < last ? least(last - next.n, BNC_I8_COLUMNS) : 0;
  next.depth = least(args->k - next.from, DEPTH);
  next.first = next.from == 0;
  next.last = next.from + next.depth == args->k;
  if (next.first) {
    for (size_t v = 0; v < DOTS_VECTORS; ++v) next.totals[v] = _mm512_setzero_si512();
  }
  return next;
}

static inline slab slab_after(const bnc_matmul_i8_args *args, const slab *s, size_t last) {
  return s->last ? slab_at(args, s, s->n + BNC_I8_COLUMNS, 0, last) : slab_at(args, s, s->n, s->from + DEPTH, last);
}

#endif
