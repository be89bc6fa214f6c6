/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/matmul/matmul_i8.h"

#define UNROLL BNC_UNROLL(8)

/* Both factors are widened to int16 in blocks of 32 along k, the even k before the odd ones: that takes shifts alone. A pair, the unit of
   vpmaddwd, is then (k, k + 2); BLOCK / 2 of them follow each other in a block. */
enum {
  BLOCK = 32,
  DEPTH = 1024,        /* of k at a time: an item's weights fill the scratch */
  TILE = 6,            /* rows of a tile of sums in registers */
  PANEL = 16,          /* its columns */
  STRIDE = DEPTH + 32, /* of widened rows: not a power of two, whose lines would share few sets of the first cache */
  FEW = 6,             /* up to so many rows, widening weights for later use costs more than it brings */
  TOGETHER = 4         /* columns that share the loads of one row then */
};
_Static_assert((BNC_I8_COLUMNS * DEPTH + TILE * STRIDE) * sizeof(int16_t) <= BNC_MATMUL_SCRATCH, "the scratch is too small");

BNC_INLINE __m256i even(__m256i x) { return _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8); }
BNC_INLINE __m256i odd(__m256i x) { return _mm256_srai_epi16(x, 8); }
BNC_INLINE __m256i load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }

BNC_INLINE size_t padded(size_t k) { return (k + BLOCK - 1) / BLOCK * BLOCK; }
BNC_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* q - zero point for `depth` values; zeros fill the last block. next: as many values that are needed soon: part of a row, which no
 * prefetcher foresees. */
static void widen_row(const int8_t *q /* [depth] */, const int8_t *next, size_t depth, int32_t zero_point,
                      int16_t *out /* [padded(depth)] */) {
  const __m256i zero = _mm256_set1_epi16((int16_t)zero_point);
  for (size_t k = 0; k < depth; k += BLOCK, out += BLOCK) {
    int8_t tail[BLOCK];
    __m256i x;
    if (k % 64 == 0) _mm_prefetch(next + k, _MM_HINT_T0);
    if (depth - k < BLOCK) {
      memset(tail, (int8_t)zero_point, sizeof tail);
      memcpy(tail, q + k, depth - k);
      x = load(tail);
    } else {
      x = load(q + k);
    }
    _mm256_storeu_si256((__m256i *)out, _mm256_sub_epi16(even(x), zero));
    _mm256_storeu_si256((__m256i *)out + 1, _mm256_sub_epi16(odd(x), zero));
  }
}

/* A block of eight columns, for half of a panel: pair after pair, the columns of each side by side. */
BNC_INLINE void widen_block(const int8_t *w /* [8, BLOCK] */, size_t stride, int16_t *out /* [BLOCK / 2, PANEL, 2] */) {
  UNROLL for (size_t half = 0; half < 2; ++half, w += 16) {
    __m256i x[4];
    UNROLL for (size_t i = 0; i < 4; ++i) {
      const __m128i low = _mm_loadu_si128((const __m128i *)(w + i * stride)),
                    high = _mm_loadu_si128((const __m128i *)(w + (i + 4) * stride));
      x[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    }
    const __m256i a = _mm256_unpacklo_epi32(x[0], x[1]), b = _mm256_unpackhi_epi32(x[0], x[1]);
    const __m256i c = _mm256_unpacklo_epi32(x[2], x[3]), d = _mm256_unpackhi_epi32(x[2], x[3]);
    const __m256i four[4] = {_mm256_unpacklo_epi64(a, c), _mm256_unpackhi_epi64(a, c), _mm256_unpacklo_epi64(b, d),
                             _mm256_unpackhi_epi64(b, d)};
    UNROLL for (size_t i = 0; i < 4; ++i) {
      int16_t *to = out + (4 * half + i) * (2 * PANEL);
      _mm256_storeu_si256((__m256i *)to, even(four[i]));
      _mm256_storeu_si256((__m256i *)(to + BLOCK / 4 * (2 * PANEL)), odd(four[i]));
    }
  }
}

/* `cols` columns of weights, `depth` of k, as panels [panel][pair][PANEL][2]; zeros fill the last panel and block. */
static void widen_weights(const int8_t *w /* [cols, depth] */, size_t stride, size_t cols, size_t depth, int16_t *out) {
  for (size_t c = 0; c < (cols + PANEL - 1) / PANEL * PANEL; c += 8) {
    int16_t *to = out + c / PANEL * PANEL * padded(depth) + c % PANEL * 2;
    const size_t valid = c < cols ? least(cols - c, 8) : 0;
    for (size_t k = 0; k < depth; k += BLOCK, to += BLOCK * PANEL) {
      int8_t part[8 * BLOCK];
      if (valid == 8 && depth - k >= BLOCK) {
        widen_block(w + c * stride + k, stride, to);
        continue;
      }
      memset(part, 0, sizeof part);
      for (size_t i = 0; i < valid; ++i) memcpy(part + i * BLOCK, w + (c + i) * stride + k, least(depth - k, BLOCK));
      widen_block(part, BLOCK, to);
    }
  }
}

/* Lanes of a vector of 8 that lie before `count`. */
BNC_INLINE __m256i lanes(size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)least(count, 8)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
BNC_INLINE __m256 load_some(const float *p, size_t count) { return count >= 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lanes(count)); }
BNC_INLINE void store_some(float *p, size_t count, __m256 x) {
  if (count >= 8)
    _mm256_storeu_ps(p, x);
  else
    _mm256_maskstore_ps(p, lanes(count), x);
}

/* Which part of k a tile's sums are for: those before it lie in y. */
typedef struct part {
  size_t depth;
  _Bool first, last;
} part;

/* `rows` (a constant) rows from `row` on, one panel from column n on. */
BNC_INLINE void tile(const bnc_matmul_i8_args *args, part p, const int16_t *x /* [rows, STRIDE] */, const int16_t *w, size_t row, size_t n,
                     const size_t rows) {
  __m256i sum[TILE][2];
  const size_t left[2] = {args->n - n, args->n - n > 8 ? args->n - n - 8 : 0};
  UNROLL for (size_t r = 0; r < rows; ++r) {
    UNROLL for (size_t h = 0; h < 2; ++h) {
      _mm_prefetch(args->y + (row + r) * args->y_stride + n + 8 * h, _MM_HINT_T0);
      sum[r][h] =
          p.first ? _mm256_setzero_si256() : _mm256_castps_si256(load_some(args->y + (row + r) * args->y_stride + n + 8 * h, left[h]));
    }
  }
  for (const int16_t *end = x + padded(p.depth); x < end; x += 2, w += 2 * PANEL) {
    const __m256i low = load(w), high = load(w + PANEL);
    UNROLL for (size_t r = 0; r < rows; ++r) {
      int32_t pair;
      memcpy(&pair, x + r * STRIDE, sizeof pair);
      const __m256i both = _mm256_set1_epi32(pair);
      sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(both, low));
      sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(both, high));
    }
  }
  UNROLL for (size_t h = 0; h < 2; ++h) {
    const __m256 scale = load_some(args->scale + n + 8 * h, left[h]);
    const __m256 bias = args->bias ? load_some(args->bias + n + 8 * h, left[h]) : _mm256_setzero_ps();
    UNROLL for (size_t r = 0; r < rows; ++r) {
      const __m256 whole = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[r][h]), _mm256_set1_ps(args->params[row + r].scale));
      const __m256 value = p.last ? _mm256_fmadd_ps(whole, scale, bias) : _mm256_castsi256_ps(sum[r][h]);
      store_some(args->y + (row + r) * args->y_stride + n + 8 * h, left[h], value);
    }
  }
}

/* Rows [row, row + rows) of y, with an item's widened weights. */
static void tile_rows(const bnc_matmul_i8_args *args, part p, const int16_t *x, const int16_t *w, size_t row, size_t rows, size_t n,
                      size_t end) {
  for (; n < end; n += PANEL, w += PANEL * padded(p.depth)) {
    switch (rows) {
      case 1: tile(args, p, x, w, row, n, 1); break;
      case 2: tile(args, p, x, w, row, n, 2); break;
      case 3: tile(args, p, x, w, row, n, 3); break;
      case 4: tile(args, p, x, w, row, n, 4); break;
      case 5: tile(args, p, x, w, row, n, 5); break;
      default: tile(args, p, x, w, row, n, TILE); break;
    }
  }
}

static void many_rows(const bnc_matmul_i8_args *args, size_t n, size_t end, int16_t *scratch) {
  int16_t *w = scratch, *x = scratch + BNC_I8_COLUMNS * DEPTH; /* [TILE, STRIDE] */
  for (size_t k = 0; k < args->k; k += DEPTH) {
    const part p = {least(args->k - k, DEPTH), k == 0, args->k - k <= DEPTH};
    widen_weights(args->w + n * args->k + k, args->k, end - n, p.depth, w);
    for (size_t row = 0; row < args->rows; row += TILE) {
      const size_t rows = least(args->rows - row, TILE);
      for (size_t r = 0; r < rows; ++r) {
        const int8_t *q = args->q + (row + r) * args->q_stride + k;
        widen_row(q, row + r + TILE < args->rows ? q + TILE * args->q_stride : q, p.depth, args->params[row + r].zero_point,
                  x + r * STRIDE);
      }
      tile_rows(args, p, x, w, row, rows, n, end);
    }
  }
}

/* One block of TOGETHER columns and `rows` (a constant) rows. */
BNC_INLINE void dot_block(const int16_t *x, size_t depth, const int8_t *const *w, size_t k, __m256i (*sum)[TOGETHER], const size_t rows) {
  UNROLL for (size_t c = 0; c < TOGETHER; ++c) {
    const __m256i both = load(w[c] + k), low = even(both), high = odd(both);
    UNROLL for (size_t r = 0; r < rows; ++r) {
      sum[r][c] = _mm256_add_epi32(sum[r][c], _mm256_madd_epi16(low, load(x + r * depth)));
      sum[r][c] = _mm256_add_epi32(sum[r][c], _mm256_madd_epi16(high, load(x + r * depth + BLOCK / 2)));
    }
  }
}

/* `rows` (a constant) rows, TOGETHER columns: sums along k, weights widened as they pass. */
BNC_INLINE void dots(const bnc_matmul_i8_args *args, const int16_t *x /* [rows, depth] */, size_t depth, size_t row, size_t n,
                     const size_t rows) {
  const size_t cols = least(args->n - n, TOGETHER), whole = args->k / BLOCK * BLOCK;
  const int8_t *w[TOGETHER];
  __m256i sum[2][TOGETHER];
  UNROLL for (size_t c = 0; c < TOGETHER; ++c) { /* absent columns repeat the last one */
    w[c] = args->w + (n + least(c, cols - 1)) * args->k;
    UNROLL for (size_t r = 0; r < rows; ++r) sum[r][c] = _mm256_setzero_si256();
  }
  for (size_t k = 0; k < whole; k += BLOCK) dot_block(x + k, depth, w, k, sum, rows);
  if (whole < args->k) {
    int8_t tail[TOGETHER][BLOCK] = {{0}};
    UNROLL for (size_t c = 0; c < TOGETHER; ++c) w[c] = memcpy(tail[c], w[c] + whole, args->k - whole);
    dot_block(x + whole, depth, w, 0, sum, rows);
  }
  float scale[TOGETHER] = {0}, bias[TOGETHER] = {0}, y[TOGETHER];
  memcpy(scale, args->scale + n, cols * sizeof *scale);
  if (args->bias) memcpy(bias, args->bias + n, cols * sizeof *bias);
  UNROLL for (size_t r = 0; r < rows; ++r) {
    const __m256i halves = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[r][0], sum[r][1]), _mm256_hadd_epi32(sum[r][2], sum[r][3]));
    const __m128i total = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    const __m128 scaled = _mm_mul_ps(_mm_cvtepi32_ps(total), _mm_set1_ps(args->params[row + r].scale));
    _mm_storeu_ps(y, _mm_fmadd_ps(scaled, _mm_loadu_ps(scale), _mm_loadu_ps(bias)));
    memcpy(args->y + (row + r) * args->y_stride + n, y, cols * sizeof *y);
  }
}

static void few_rows(const bnc_matmul_i8_args *args, size_t n, size_t end, const int16_t *x) {
  const size_t depth = padded(args->k);
  for (; n < end; n += TOGETHER) {
    size_t row = 0;
    for (; row + 2 <= args->rows; row += 2) dots(args, x + row * depth, depth, row, n, 2);
    if (row < args->rows) dots(args, x + row * depth, depth, row, n, 1);
  }
}

void bnc_matmul_i8_avx2(const bnc_matmul_i8_args *args, size_t from, size_t to, void *scratch) {
  const size_t last = least(args->n, to * BNC_I8_COLUMNS), depth = padded(args->k);
  int16_t *x = scratch;
  if (args->rows <= FEW && args->rows * depth * sizeof *x <= BNC_MATMUL_SCRATCH) {
    for (size_t r = 0; r < args->rows; ++r)
      widen_row(args->q + r * args->q_stride, args->q + r * args->q_stride, args->k, args->params[r].zero_point, x + r * depth);
    few_rows(args, from * BNC_I8_COLUMNS, last, x);
    return;
  }
  for (size_t n = from * BNC_I8_COLUMNS; n < last; n += BNC_I8_COLUMNS) many_rows(args, n, least(last, n + BNC_I8_COLUMNS), x);
}
