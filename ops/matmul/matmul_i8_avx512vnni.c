/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/inline.h"
#include "ops/matmul/matmul_i8_slab_avx512vnni.h"
#include "ops/simd/transpose_avx512vnni.h"

/* Many rows are in the header; few multiply w with q + 128, for one factor must be unsigned. */
enum {
  FEW = 20,     /* up to so many rows, weights are read as they lie: regrouping them for later use costs more than it brings */
  FEW_ROWS = 4, /* of those, so many share a load of weights */
  TOGETHER = 4  /* columns that share the loads of these rows */
};

/* 64 columns of k of 16 weights' rows, as w + 128, the first `steps` times four of them in the order of dots(). Their sums of w + 128. */
BNC_INLINE __m512i regroup_block(const int8_t *w /* [16, 64] */, size_t stride, uint8_t *out /* [steps, 4, 16, 4] */, size_t steps) {
  const __m512i top = _mm512_set1_epi8(-128), ones = _mm512_set1_epi8(1);
  __m512i x[16];
  /* 16 rows of 64 bytes; the top bit flipped is 128 added. */
  BNC_UNROLL(16) for (size_t i = 0; i < 16; ++i) x[i] = _mm512_xor_si512(_mm512_loadu_si512((const void *)(w + i * stride)), top);
  /* As 16 x 16 int32: register i now holds columns 4 i to 4 i + 3 of all 16 rows, which is one step of dots(). */
  bnc_transpose_16x16(x);
  if (steps == 16) {
    BNC_UNROLL(16) for (size_t i = 0; i < 16; ++i) _mm512_store_si512((void *)(out + i * (64 * DOTS_VECTORS)), x[i]);
  } else {
    for (size_t i = 0; i < steps; ++i) _mm512_store_si512((void *)(out + i * (64 * DOTS_VECTORS)), x[i]);
  }
  __m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  BNC_UNROLL(16) for (size_t i = 0; i < 16; ++i) sum[i % 4] = _mm512_dpbusd_epi32(sum[i % 4], x[i], ones);
  return _mm512_add_epi32(_mm512_add_epi32(sum[0], sum[1]), _mm512_add_epi32(sum[2], sum[3]));
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

/* Rows [row, end), at most MOST_ROWS; columns [n, last). */
static void many_rows(const bnc_matmul_i8_args *args, size_t row, size_t end, size_t n, size_t last, uint8_t *scratch) {
  int32_t *starts = (int32_t *)(void *)(scratch + BNC_I8_COLUMNS * DEPTH); /* [MOST_ROWS] */
  const slab none = {.w = scratch, .starts = starts, .begin = row};
  for (slab s = slab_at(args, &none, n, 0, last), next; s.columns; s = next) {
    regroup(args->w + s.n * args->k + s.from, args->k, s.columns, s.depth, scratch, s.totals);
    next = slab_after(args, &s, last);
    const char *w = (const char *)args->w + next.n * args->k + next.from;
    ahead weights = {.at = w, .rows = next.columns, .lines = (next.depth + 63) / 64, .stride_bytes = args->k};
    weights = spread(weights, times_of(&s, end - row));
    pass_rows(args, &s, row, end, s.n == n && s.first ? starts : NULL, &weights);
  }
}

/* 64 columns of k: one of w with `rows` (a constant) rows. */
BNC_INLINE void few_block(const uint8_t *x, size_t depth, __m512i w, size_t c, __m512i (*sum)[TOGETHER], const size_t rows) {
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][c] =
      _mm512_dpbusd_epi32(sum[r][c], _mm512_load_si512((const void *)(x + r * depth)), w);
  sum[rows][c] = _mm512_dpbusd_epi32(sum[rows][c], _mm512_set1_epi8(1), w);
}

/* `rows` (a constant) rows, TOGETHER columns: sums along k. */
BNC_INLINE void few(const bnc_matmul_i8_args *args, const uint8_t *x /* [rows, depth] of q + 128 */, size_t depth, size_t row, size_t n,
                    const size_t rows) {
  const size_t cols = least(args->n - n, TOGETHER);
  const int8_t *w[TOGETHER];
  __m512i sum[FEW_ROWS + 1][TOGETHER];                /* the last one: of w alone */
  DOTS_UNROLL for (size_t c = 0; c < TOGETHER; ++c) { /* absent columns repeat the last one */
    w[c] = args->w + (n + least(c, cols - 1)) * args->k;
    DOTS_UNROLL for (size_t r = 0; r <= rows; ++r) sum[r][c] = _mm512_setzero_si512();
  }
  /* Sums along k, 16 lanes each, of every row with every column; the lines of the columns that follow are fetched. */
  const size_t whole = args->k / 64 * 64, further = TOGETHER * args->k;
  for (size_t k = 0; k < whole; k += 64) {
    DOTS_UNROLL for (size_t c = 0; c < TOGETHER; ++c) {
      _mm_prefetch(w[c] + further + k, _MM_HINT_T0);
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
    const __m128i exact = _mm_sub_epi32(total[r], _mm_mullo_epi32(total[rows], _mm_set1_epi32((int32_t)(128u + (uint32_t)p.zero_point))));
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
