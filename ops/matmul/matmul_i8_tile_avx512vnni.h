/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i8_tile_avx512vnni.h  Many rows of int8 and int4 matrices with a scale per column: a few rows of activations times a slab,
 * that is, an item's columns, a part of k deep, as bytes of w + 128. Sums are kept of (w + 128) q; what that adds, and what the zero point
 * takes, are multiples of the factors' own sums. All of it modulo 2^32, which the final sum fits in. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_TILE_AVX512VNNI_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_TILE_AVX512VNNI_H

#include "ops/matmul/matmul_ahead.h"
#include "ops/matmul/matmul_dots_avx512vnni.h"
#include "ops/matmul/matmul_i8.h"

enum {
  DEPTH = 4096, /* of k at a time: an item's weights fill the scratch, which lives in the second cache */
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

/* The columns of vector v that there are. */
BNC_INLINE __mmask16 lanes_of(const slab *s, size_t v) { return s->columns > 16 * v ? lanes_before(s->columns - 16 * v) : 0; }

/* Where the slab before this one left off: y holds its sums, as integers. */
BNC_INLINE void begin_sums(const bnc_matmul_i8_args *args, const slab *s, size_t row, const size_t rows, const __mmask16 *mask,
                           __m512i (*sum)[DOTS_VECTORS]) {
  const int32_t *starts = s->starts + row - s->begin;
  const float *y = args->y + row * args->y_stride + s->n;
  if (s->first) {
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) sum[r][v] =
        _mm512_set1_epi32(starts[r]);
  } else {
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r, y += args->y_stride) {
      DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) sum[r][v] = _mm512_maskz_loadu_epi32(mask[v], y + 16 * v);
    }
  }
}

/* y = (sum - zero point * the column's sum) * scale of the row * scale of the column + bias; before the last slab, the sums alone. What
   stores might change is read before them: a CPU that has less to do here comes to the next tile's products while this one's end. */
BNC_INLINE void end_sums(const bnc_matmul_i8_args *args, const slab *s, size_t row, const size_t rows, const __mmask16 *mask,
                         __m512i (*sum)[DOTS_VECTORS]) {
  const size_t stride = args->y_stride;
  const bnc_qd8_params *x = args->params + row;
  const float *scales = args->scale + s->n, *biases = args->bias ? args->bias + s->n : NULL;
  float *y = args->y + row * stride + s->n;
  if (!s->last) {
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r, y += stride) {
      DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) _mm512_mask_storeu_epi32(y + 16 * v, mask[v], sum[r][v]);
    }
    return;
  }
  __m512i totals[DOTS_VECTORS];
  DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) totals[v] = s->totals[v];
  DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v, y += 16) {
    const __m512 scale = _mm512_maskz_loadu_ps(mask[v], scales + 16 * v);
    const __m512 bias = biases ? _mm512_maskz_loadu_ps(mask[v], biases + 16 * v) : _mm512_setzero_ps();
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
      const __m512i exact = _mm512_sub_epi32(sum[r][v], _mm512_mullo_epi32(totals[v], _mm512_set1_epi32(x[r].zero_point)));
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(exact), _mm512_set1_ps(x[r].scale));
      _mm512_mask_storeu_ps(y + r * stride, mask[v], _mm512_fmadd_ps(scaled, scale, bias));
    }
  }
}

/* Makes a slab's columns of k [k, k + 64), or as many as there are: of what `weights` tells. */
typedef void slab_fill(const void *weights, const slab *s, size_t k);

/* `rows` (a constant) rows from `row` on. fill (a constant): makes the slab while these rows pass, so that making it and products share the
   time; NULL: it is made. */
BNC_INLINE void tile(const bnc_matmul_i8_args *args, const slab *s, size_t row, ahead *next, const size_t rows, slab_fill *const fill,
                     const void *weights) {
  __m512i sum[DOTS_ROWS][DOTS_VECTORS];
  const int8_t *q[DOTS_ROWS];
  __mmask16 mask[DOTS_VECTORS];
  const float *y = args->y + (row + rows) * args->y_stride + s->n;
  DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) mask[v] = lanes_of(s, v);
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) q[r] = args->q + (row + r) * args->q_stride + s->from;
  begin_sums(args, s, row, rows, mask, sum);
  /* Whole lines of activations, while the lines of the rows that follow are fetched; then what is left in fours, and in less than four. */
  size_t k = 0;
  for (; k + 64 <= s->depth; k += 64) {
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r)
        _mm_prefetch(q[r] + rows * args->q_stride + k, _MM_HINT_T0); /* of the tile that follows */
    if (k / 64 < rows) {
      DOTS_UNROLL for (size_t v = 0; v < DOTS_VECTORS; ++v) __builtin_prefetch(y + 16 * v, 1);
      y += args->y_stride;
    }
    fetch_ahead(next);
    if (fill) fill(weights, s, k);
    dots(s->w + k * (16 * DOTS_VECTORS), q, k, 16, sum, rows, DOTS_VECTORS);
  }
  if (fill && k < s->depth) fill(weights, s, k);
  dots(s->w + k * (16 * DOTS_VECTORS), q, k, (s->depth - k) / 4, sum, rows, DOTS_VECTORS);
  if (s->depth % 4) {
    int32_t four[DOTS_ROWS] = {0};
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) memcpy(&four[r], q[r] + s->depth / 4 * 4, s->depth % 4);
    dots_four(s->w + s->depth / 4 * (64 * DOTS_VECTORS), four, sum, rows, DOTS_VECTORS);
  }
  end_sums(args, s, row, rows, mask, sum);
}

/* Functions of their own: all in one, they would take compilers minutes under a sanitizer. */
#define SLAB_TILE(rows)                                                                                                                    \
  static __attribute__((noinline)) void tile_##rows(const bnc_matmul_i8_args *args, const slab *s, size_t row, ahead *next) {              \
    tile(args, s, row, next, rows, NULL, NULL);                                                                                            \
  }
_Static_assert(DOTS_ROWS == 6, "the highest tile has another name");
SLAB_TILE(6)
SLAB_TILE(4)
SLAB_TILE(3)
SLAB_TILE(1)

#endif
