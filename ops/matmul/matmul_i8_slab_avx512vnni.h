/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i8_slab_avx512vnni.h  Many rows of int8 and int4 matrices with a scale per column: an item's columns, a part of k deep, as
 * bytes of w + 128, over which tiles of rows pass. Sums are kept of (w + 128) q; what that adds, and what the zero point takes, are
 * multiples of the factors' own sums. All of it modulo 2^32, which the final sum fits in. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_SLAB_AVX512VNNI_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_SLAB_AVX512VNNI_H

#include "ops/matmul/matmul_ahead.h"
#include "ops/matmul/matmul_dots_avx512vnni.h"
#include "ops/matmul/matmul_i8.h"

enum {
  DEPTH = 2048, /* of k at a time: an item's weights fill the scratch, which lives in the second cache */
  MOST_ROWS = (BNC_MATMUL_SCRATCH - BNC_I8_COLUMNS * DEPTH) / 4
};
_Static_assert(BNC_I8_COLUMNS == 16 * DOTS_VECTORS && BNC_I8_COLUMNS * DEPTH < BNC_MATMUL_SCRATCH, "the scratch is too small");

BNC_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }
BNC_INLINE __mmask64 bytes_before(size_t n) { return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1; }
BNC_INLINE __mmask16 lanes_before(size_t n) { return (__mmask16)((1u << least(n, 16)) - 1); }

/* An item's columns and a part of k; the sums of the parts before it lie in y. */
typedef struct slab {
  const uint8_t *w;             /* [depth / 4, 64, 4] of w + 128 */
  const int32_t *starts;        /* [rows]: -128 times the sum of a row of q, from row `begin` on */
  __m512i totals[DOTS_VECTORS]; /* sums of w over the columns of k so far */
  size_t begin, n, columns, from, depth;
  _Bool first, last;
} slab;

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

/* `rows` (a constant) rows from `row` on. */
BNC_INLINE void tile(const bnc_matmul_i8_args *args, const slab *s, size_t row, const size_t rows) {
  __m512i sum[DOTS_ROWS][DOTS_VECTORS];
  const int8_t *q[DOTS_ROWS];
  __mmask16 mask[DOTS_VECTORS];
  /* The columns that there are, and where the slab before this one left off: y holds its sums, as integers. */
  DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) mask[v] = s->columns > 16 * v ? lanes_before(s->columns - 16 * v) : 0;
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
    const float *y = args->y + (row + r) * args->y_stride + s->n;
    q[r] = args->q + (row + r) * args->q_stride + s->from;
    DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) {
      sum[r][v] = s->first ? _mm512_set1_epi32(s->starts[row + r - s->begin]) : _mm512_maskz_loadu_epi32(mask[v], y + 16 * v);
    }
  }
  /* Whole lines of activations, while the lines of the rows that follow are fetched; then what is left in fours, and in less than four. */
  size_t k = 0;
  for (; k + 64 <= s->depth; k += 64) {
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r)
        _mm_prefetch(q[r] + rows * args->q_stride + k, _MM_HINT_T0); /* of the tile that follows */
    if (k / 64 < rows) {
      const float *y = args->y + (row + rows + k / 64) * args->y_stride + s->n;
      DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) __builtin_prefetch(y + 16 * v, 1);
    }
    dots(s->w + k * (16 * DOTS_VECTORS), q, k, 16, sum, rows, DOTS_VECTORS);
  }
  dots(s->w + k * (16 * DOTS_VECTORS), q, k, (s->depth - k) / 4, sum, rows, DOTS_VECTORS);
  if (s->depth % 4) {
    int32_t four[DOTS_ROWS] = {0};
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) memcpy(&four[r], q[r] + s->depth / 4 * 4, s->depth % 4);
    dots_four(s->w + s->depth / 4 * (64 * DOTS_VECTORS), four, sum, rows, DOTS_VECTORS);
  }
  /* y = (sum - zero point * the column's sum) * scale of the row * scale of the column + bias; before the last slab, the sums alone. */
  DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) {
    const __m512 scale = _mm512_maskz_loadu_ps(mask[v], args->scale + s->n + 16 * v);
    const __m512 bias = args->bias ? _mm512_maskz_loadu_ps(mask[v], args->bias + s->n + 16 * v) : _mm512_setzero_ps();
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
      float *y = args->y + (row + r) * args->y_stride + s->n + 16 * v;
      if (!s->last) {
        _mm512_mask_storeu_epi32(y, mask[v], sum[r][v]);
        continue;
      }
      const bnc_qd8_params x = args->params[row + r];
      const __m512i exact = _mm512_sub_epi32(sum[r][v], _mm512_mullo_epi32(s->totals[v], _mm512_set1_epi32(x.zero_point)));
      _mm512_mask_storeu_ps(y, mask[v], _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(exact), _mm512_set1_ps(x.scale)), scale, bias));
    }
  }
}

/* Functions of their own: all in one, they would take compilers minutes under a sanitizer. */
static __attribute__((noinline)) void tile_6(const bnc_matmul_i8_args *args, const slab *s, size_t row) { tile(args, s, row, DOTS_ROWS); }
static __attribute__((noinline)) void tile_4(const bnc_matmul_i8_args *args, const slab *s, size_t row) { tile(args, s, row, 4); }
static __attribute__((noinline)) void tile_3(const bnc_matmul_i8_args *args, const slab *s, size_t row) { tile(args, s, row, 3); }
static __attribute__((noinline)) void tile_1(const bnc_matmul_i8_args *args, const slab *s, size_t row) { tile(args, s, row, 1); }

/* How many of the rows that are left are the next tile's: six, but none alone at the end where more were left, for its sums wait for each
   other. */
static inline size_t tile_height(size_t left) {
  static const uint8_t few[] = {0, 1, 1, 3, 4, 4, 6, 4, 4, 6, 6, 4};
  return left < sizeof few ? few[left] : DOTS_ROWS;
}

/* At least so many tiles of them. */
static inline size_t tiles_of(size_t rows) { return (rows + DOTS_ROWS - 1) / DOTS_ROWS; }

/* As many rows. */
static inline void tile_rows(const bnc_matmul_i8_args *args, const slab *s, size_t row, size_t height) {
  switch (height) {
    case DOTS_ROWS: tile_6(args, s, row); break;
    case 4: tile_4(args, s, row); break;
    case 3: tile_3(args, s, row); break;
    default: tile_1(args, s, row); break;
  }
}

/* All rows of a slab before `end`, while `count` places are fetched from. starts: the slab's, where they are still to be taken: the first
   time that rows are read, and the tile then finds them near; else NULL. */
static inline void pass_rows(const bnc_matmul_i8_args *args, const slab *s, size_t end, int32_t *starts, ahead *next, size_t count) {
  for (size_t r = s->begin, height = tile_height(end - r); r < end; r += height, height = tile_height(end - r)) {
    for (size_t i = r; starts && i < r + height; ++i) starts[i - s->begin] = start_of(args->q + i * args->q_stride, args->k);
    for (size_t i = 0; i < count; ++i) fetch_ahead(&next[i]);
    tile_rows(args, s, r, height);
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
