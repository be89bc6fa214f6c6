/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_dots_avx512vnni.h"
#include "ops/matmul/matmul_i8.h"
#include "ops/simd/transpose_avx512vnni.h"

/* Sums are kept of (w + 128) q for many rows and of w (q + 128) for few: one factor is unsigned. What that adds, and what the zero point
   takes, are multiples of the factors' own sums. All of it modulo 2^32, which the final sum fits in. */
enum {
  DEPTH = 2048, /* of k at a time: an item's weights fill the scratch, which lives in the second cache */
  MOST_ROWS = (BNC_MATMUL_SCRATCH - BNC_I8_COLUMNS * DEPTH) / 4,
  FEW = 20,     /* up to so many rows, weights are read as they lie: regrouping them for later use costs more than it brings */
  FEW_ROWS = 4, /* of those, so many share a load of weights */
  TOGETHER = 4  /* columns that share the loads of these rows */
};
_Static_assert(BNC_I8_COLUMNS == 16 * DOTS_VECTORS && BNC_I8_COLUMNS * DEPTH < BNC_MATMUL_SCRATCH, "the scratch is too small");

DOTS_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }
DOTS_INLINE __mmask64 bytes_before(size_t n) { return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1; }
DOTS_INLINE __mmask16 lanes_before(size_t n) { return (__mmask16)((1u << least(n, 16)) - 1); }

/* 64 columns of k of 16 weights' rows, as w + 128, the first `steps` times four of them in the order of dots(). Their sums of w + 128. */
DOTS_INLINE __m512i regroup_block(const int8_t *w /* [16, 64] */, size_t stride, uint8_t *out /* [steps, 4, 16, 4] */, size_t steps) {
  const __m512i top = _mm512_set1_epi8(-128), ones = _mm512_set1_epi8(1);
  __m512i x[16], total = _mm512_setzero_si512();
  /* 16 rows of 64 bytes; the top bit flipped is 128 added. */
  _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; ++i) x[i] = _mm512_xor_si512(_mm512_loadu_si512((const void *)(w + i * stride)), top);
  /* As 16 x 16 int32: register i now holds columns 4 i to 4 i + 3 of all 16 rows, which is one step of dots(). */
  bnc_transpose_16x16(x);
  if (steps == 16) {
    _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; ++i) _mm512_store_si512((void *)(out + i * (64 * DOTS_VECTORS)), x[i]);
  } else {
    for (size_t i = 0; i < steps; ++i) _mm512_store_si512((void *)(out + i * (64 * DOTS_VECTORS)), x[i]);
  }
  _Pragma("GCC unroll 16") for (size_t i = 0; i < 16; ++i) total = _mm512_dpbusd_epi32(total, x[i], ones);
  return total;
}

/* `cols` columns of weights, `depth` of k, as dots() reads them; zeros stand for what is missing. totals += the columns' sums of w. */
static void regroup(const int8_t *w /* [cols, depth] */, size_t stride, size_t cols, size_t depth, uint8_t *out /* [depth / 4, 4, 16, 4] */,
                    __m512i *totals /* [4] */) {
  for (size_t v = 0; v < DOTS_VECTORS; ++v) {
    const size_t valid = 16 * v < cols ? least(cols - 16 * v, 16) : 0;
    const __m512i top = _mm512_set1_epi32(128 * 64);
    for (size_t k = 0; k < depth; k += 64) {
      const int8_t *from = w + 16 * v * stride + k;
      uint8_t *to = out + (k * DOTS_VECTORS + 4 * v) * 16;
      __m512i total;
      if (valid == 16 && depth - k >= 64) {
        total = regroup_block(from, stride, to, 16);
      } else {
        int8_t part[16 * 64] = {0};
        for (size_t i = 0; i < valid; ++i) memcpy(part + i * 64, from + i * stride, least(depth - k, 64));
        total = regroup_block(part, 64, to, least((depth - k + 3) / 4, 16));
      }
      totals[v] = _mm512_add_epi32(totals[v], _mm512_sub_epi32(total, top));
    }
  }
}

/* An item's columns and a part of k; the sums of the parts before it lie in y. */
typedef struct slab {
  const uint8_t *w;             /* [depth / 4, 64, 4] of w + 128 */
  const int32_t *starts;        /* [rows]: -128 times the sum of a row of q, from row `begin` on */
  __m512i totals[DOTS_VECTORS]; /* sums of w over the columns of k so far */
  size_t begin, n, columns, from, depth;
  _Bool first, last;
} slab;

/* What w + 128 in place of w adds to the sums of a row, taken off. */
static int32_t start_of(const int8_t *q, size_t k) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < k; i += 64) sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(bytes_before(k - i), q + i));
  return -128 * _mm512_reduce_add_epi32(sum);
}

/* `rows` (a constant) rows from `row` on. */
DOTS_INLINE void tile(const bnc_matmul_i8_args *args, const slab *s, size_t row, const size_t rows) {
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
static __attribute__((noinline)) void tile_3(const bnc_matmul_i8_args *args, const slab *s, size_t row) { tile(args, s, row, 3); }
static __attribute__((noinline)) void tile_1(const bnc_matmul_i8_args *args, const slab *s, size_t row) { tile(args, s, row, 1); }

/* DOTS_ROWS rows, or fewer. */
static void tile_rows(const bnc_matmul_i8_args *args, const slab *s, size_t row, size_t rows) {
  if (rows == DOTS_ROWS) {
    tile_6(args, s, row);
    return;
  }
  for (; rows >= 3; rows -= 3, row += 3) tile_3(args, s, row);
  for (; rows; --rows, ++row) tile_1(args, s, row);
}

/* The slab at column n and `from` along k, which goes on with the totals of s where it does not begin a column; without columns behind the
 * last. */
static slab slab_at(const bnc_matmul_i8_args *args, const slab *s, size_t n, size_t from, size_t last) {
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

static slab slab_after(const bnc_matmul_i8_args *args, const slab *s, size_t last) {
  return s->last ? slab_at(args, s, s->n + BNC_I8_COLUMNS, 0, last) : slab_at(args, s, s->n, s->from + DEPTH, last);
}

/* Brings the next `count` lines of a slab's weights, as they lie, into the second cache: short pieces far apart, which no hardware
 * prefetcher follows. */
typedef struct fetcher {
  const int8_t *w; /* [columns, depth] */
  size_t stride, columns, depth, k;
} fetcher;
DOTS_INLINE void fetch(fetcher *f, size_t count) {
  for (; count && f->columns; --count) {
    _mm_prefetch(f->w + f->k, _MM_HINT_T1);
    f->k += 64;
    if (f->k < f->depth) continue;
    f->k = 0;
    f->w += f->stride;
    --f->columns;
  }
}

/* Rows [row, end), at most MOST_ROWS; columns [n, last). */
static void many_rows(const bnc_matmul_i8_args *args, size_t row, size_t end, size_t n, size_t last, uint8_t *scratch) {
  int32_t *starts = (int32_t *)(void *)(scratch + BNC_I8_COLUMNS * DEPTH); /* [MOST_ROWS] */
  for (size_t r = row; r < end; ++r) starts[r - row] = start_of(args->q + r * args->q_stride, args->k);
  const slab none = {.w = scratch, .starts = starts, .begin = row};
  slab s = slab_at(args, &none, n, 0, last);
  while (s.columns) {
    regroup(args->w + s.n * args->k + s.from, args->k, s.columns, s.depth, scratch, s.totals);
    const slab next = slab_after(args, &s, last);
    fetcher ahead = {args->w + next.n * args->k + next.from, args->k, next.columns, next.depth, 0};
    const size_t lines = next.columns * ((next.depth + 63) / 64) * DOTS_ROWS / (end - row) + 1; /* for each tile */
    for (size_t r = row; r < end; r += DOTS_ROWS) {
      fetch(&ahead, lines);
      tile_rows(args, &s, r, least(end - r, DOTS_ROWS));
    }
    s = next;
  }
}

/* 64 columns of k: one of w with `rows` (a constant) rows. */
DOTS_INLINE void few_block(const uint8_t *x, size_t depth, __m512i w, size_t c, __m512i (*sum)[TOGETHER], const size_t rows) {
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][c] =
      _mm512_dpbusd_epi32(sum[r][c], _mm512_load_si512((const void *)(x + r * depth)), w);
  sum[rows][c] = _mm512_dpbusd_epi32(sum[rows][c], _mm512_set1_epi8(1), w);
}

/* `rows` (a constant) rows, TOGETHER columns: sums along k. */
DOTS_INLINE void few(const bnc_matmul_i8_args *args, const uint8_t *x /* [rows, depth] of q + 128 */, size_t depth, size_t row, size_t n,
                     const size_t rows) {
  const size_t cols = least(args->n - n, TOGETHER);
  const int8_t *w[TOGETHER];
  __m512i sum[FEW_ROWS + 1][TOGETHER];                /* the last one: of w alone */
  DOTS_UNROLL for (size_t c = 0; c < TOGETHER; ++c) { /* absent columns repeat the last one */
    w[c] = args->w + (n + least(c, cols - 1)) * args->k;
    DOTS_UNROLL for (size_t r = 0; r <= rows; ++r) sum[r][c] = _mm512_setzero_si512();
  }
  /* Sums along k, 16 lanes each, of every row with every column; the lines of the columns that follow are fetched. */
  const size_t whole = args->k / 64 * 64, ahead = TOGETHER * args->k;
  for (size_t k = 0; k < whole; k += 64) {
    DOTS_UNROLL for (size_t c = 0; c < TOGETHER; ++c) {
      _mm_prefetch(w[c] + ahead + k, _MM_HINT_T0);
      few_block(x + k, depth, _mm512_loadu_si512((const void *)(w[c] + k)), c, sum, rows);
    }
  }
  DOTS_UNROLL for (size_t c = 0; c < TOGETHER; ++c) {
    if (whole == args->k) break;
    few_block(x + whole, depth, _mm512_maskz_loadu_epi8(bytes_before(args->k - whole), w[c] + whole), c, sum, rows);
  }
  /* The 16 lanes of TOGETHER columns add up to one vector of TOGETHER sums. */
  __m128i total[FEW_ROWS + 1];
  DOTS_UNROLL for (size_t r = 0; r <= rows; ++r) {
    __m256i half[TOGETHER];
    DOTS_UNROLL for (size_t c = 0; c < TOGETHER; ++c) {
      half[c] = _mm256_add_epi32(_mm512_castsi512_si256(sum[r][c]), _mm512_extracti64x4_epi64(sum[r][c], 1));
    }
    const __m256i both = _mm256_hadd_epi32(_mm256_hadd_epi32(half[0], half[1]), _mm256_hadd_epi32(half[2], half[3]));
    total[r] = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
  }
  /* The activations stand for q + 128: what that adds is taken off with the zero point. */
  const __mmask8 mask = (__mmask8)lanes_before(cols);
  const __m128 scale = _mm_maskz_loadu_ps(mask, args->scale + n),
               bias = args->bias ? _mm_maskz_loadu_ps(mask, args->bias + n) : _mm_setzero_ps();
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
    const bnc_qd8_params p = args->params[row + r];
    const __m128i exact = _mm_sub_epi32(total[r], _mm_mullo_epi32(total[rows], _mm_set1_epi32(128 + p.zero_point)));
    const __m128 y = _mm_fmadd_ps(_mm_mul_ps(_mm_cvtepi32_ps(exact), _mm_set1_ps(p.scale)), scale, bias);
    _mm_mask_storeu_ps(args->y + (row + r) * args->y_stride + n, mask, y);
  }
}

static void few_rows(const bnc_matmul_i8_args *args, size_t n, size_t end, uint8_t *x) {
  const size_t depth = (args->k + 63) / 64 * 64;
  for (size_t r = 0; r < args->rows; ++r) {
    for (size_t k = 0; k < args->k; k += 64) {
      const __m512i q = _mm512_maskz_loadu_epi8(bytes_before(args->k - k), args->q + r * args->q_stride + k);
      _mm512_store_si512((void *)(x + r * depth + k), _mm512_xor_si512(q, _mm512_set1_epi8(-128)));
    }
  }
  for (; n < end; n += TOGETHER) {
    size_t row = 0;
    for (; row + FEW_ROWS <= args->rows; row += FEW_ROWS) few(args, x + row * depth, depth, row, n, FEW_ROWS);
    for (; row + 2 <= args->rows; row += 2) few(args, x + row * depth, depth, row, n, 2);
    if (row < args->rows) few(args, x + row * depth, depth, row, n, 1);
  }
}

void bnc_matmul_i8_avx512vnni(const bnc_matmul_i8_args *args, size_t from, size_t to, void *scratch) {
  const size_t first = from * BNC_I8_COLUMNS, last = least(args->n, to * BNC_I8_COLUMNS);
  if (args->rows <= FEW && args->rows * ((args->k + 63) / 64 * 64) <= BNC_MATMUL_SCRATCH)
    few_rows(args, first, last, scratch);
  else
    for (size_t row = 0; row < args->rows; row += MOST_ROWS) many_rows(args, row, least(args->rows, row + MOST_ROWS), first, last, scratch);
}
