/* SPDX-License-Identifier: Apache-2.0 */
/* VDPBF16PS: pairs of products, each fused with the sum and rounded to nearest even, subnormal numbers as zeros. Rows are rounded
 * first, as many as a tile has, for the columns of a few items: one conversion for 256 products each. What comes from the third cache, the
 * rows to round next and the sums of the next tile, is fetched a few lines at a time meanwhile: with many programs on it, it answers late.
 */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/matmul/matmul_ahead.h"
#include "ops/matmul/matmul_bf16.h"

#define UNROLL BNC_UNROLL(16)

enum {
  ROWS = BNC_BF16_ROWS, /* 12 x 2, 4 x 4 or 1 x 4 sums of sixteen */
  FEW = 4,
  STRETCH = 1024,       /* of k: rounded rows stay in the first cache, weights in the second, sums in y */
  DEPTH = STRETCH + 32, /* elements from row to row of rounded rows: an odd number of cache lines */
  TOGETHER = BNC_FLOAT_TOGETHER * BNC_FLOAT_COLUMNS,
  STEPS = 32, /* of k, for which lines are fetched at a time */
  FAR = 128   /* of k: so far ahead weights are fetched, which come from memory first and from the second cache then */
};
_Static_assert(DEPTH *ROWS * sizeof(uint16_t) <= BNC_FLOAT_SCRATCH, "the scratch is too small");

/* The stretch [first, first + count) of k. */
typedef struct stretch {
  size_t first, count;
} stretch;

/* What a tile fetches for those behind it. */
typedef struct following {
  ahead x;        /* the next rows */
  const float *y; /* the next tile's sums */
} following;

static __mmask16 first_of(size_t n) { return (__mmask16)(0xffffu >> (n < 16 ? 16 - n : 0)); }

/* x [rows, count] as bf16 [rows, DEPTH], zeros behind up to a multiple of 16. */
static void round_rows(const bnc_matmul_float_args *a, size_t row, size_t rows, stretch s, uint16_t *out) {
  for (size_t r = 0; r < rows; ++r) {
    const float *x = a->x + (row + r) * a->x_stride + s.first;
    size_t i = 0;
    for (; i + 32 <= s.count; i += 32) {
      const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
      _mm512_storeu_si512(out + r * DEPTH + i, (__m512i)both);
    }
    for (; i < s.count; i += 16) {
      const __m256bh half = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(first_of(s.count - i), x + i));
      _mm256_storeu_si256((__m256i *)(void *)(out + r * DEPTH + i), (__m256i)half);
    }
  }
}

/* sum += the k from `first` to before `end`. */
BNC_INLINE void multiply(__m512 (*sum)[4], const uint16_t *x, const uint16_t *w, size_t panel, size_t first, size_t end, size_t rows,
                         size_t panels) {
  __m512bh ws[4];
  for (size_t k = first; k < end; k += 2) {
    if (rows > 1) {
      UNROLL for (size_t p = 0; p < panels; ++p) __builtin_prefetch(w + p * panel + (k + FAR) * BNC_FLOAT_PANEL);
    }
    UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = (__m512bh)_mm512_loadu_si512(w + p * panel + k * BNC_FLOAT_PANEL);
    UNROLL for (size_t r = 0; r < rows; ++r) {
      int32_t pair;
      memcpy(&pair, x + r * DEPTH + k, sizeof pair);
      const __m512bh xs = (__m512bh)_mm512_set1_epi32(pair);
      UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = _mm512_dpbf16_ps(sum[r][p], xs, ws[p]);
    }
  }
}

/* One tile from x [rows, DEPTH]. rows and panels are constants where it is called, at most ROWS and 4. */
BNC_INLINE void tile(const bnc_matmul_float_args *a, const uint16_t *x, following *next, stretch s, size_t row, size_t n, size_t rows,
                     size_t panels) {
  const size_t panel = bnc_bf16_panel(a->k);
  const uint16_t *w = (const uint16_t *)a->w + n / BNC_FLOAT_PANEL * panel + s.first * BNC_FLOAT_PANEL;
  float *y = a->y + row * a->y_stride + n; /* [rows, panels, 16] */
  __m512 sum[ROWS][4];
  UNROLL for (size_t p = 0; p < panels; ++p) {
    const __mmask16 some = s.first ? first_of(a->n - n - p * BNC_FLOAT_PANEL) : 0;
    UNROLL for (size_t r = 0; r < rows; ++r) sum[r][p] = _mm512_maskz_loadu_ps(some, y + r * a->y_stride + p * BNC_FLOAT_PANEL);
  }
  for (size_t k = 0; k < s.count; k += STEPS) {
    fetch_ahead(&next->x);
    if (k / STEPS < rows) {
      UNROLL for (size_t p = 0; p < panels; ++p) __builtin_prefetch(next->y + k / STEPS * a->y_stride + p * BNC_FLOAT_PANEL, 1, 2);
    }
    multiply(sum, x, w, panel, k, s.count - k < STEPS ? s.count : k + STEPS, rows, panels);
  }
  UNROLL for (size_t p = 0; p < panels; ++p) {
    const size_t first = n + p * BNC_FLOAT_PANEL;
    const __mmask16 some = first_of(a->n - first);
    const bool ends = s.first + s.count == a->k;
    const __m512 bias = a->bias && ends ? _mm512_maskz_loadu_ps(some, a->bias + first) : _mm512_setzero_ps();
    UNROLL for (size_t r = 0; r < rows; ++r)
        _mm512_mask_storeu_ps(y + r * a->y_stride + p * BNC_FLOAT_PANEL, some, ends ? _mm512_add_ps(sum[r][p], bias) : sum[r][p]);
  }
}

/* `rows` rows of the columns [from, to), `panels` at a time. */
BNC_INLINE void band(const bnc_matmul_float_args *a, uint16_t *x, stretch s, size_t row, size_t rows, size_t panels, size_t from,
                     size_t to) {
  const size_t wide = panels * BNC_FLOAT_PANEL, left = a->rows - row - rows;
  following next = {.x = {.at = (const char *)(a->x + (row + rows) * a->x_stride + s.first),
                          .rows = left < rows ? left : rows,
                          .lines = (s.count * sizeof(float) + 63) / 64,
                          .stride_bytes = a->x_stride * sizeof(float),
                          .each = (rows * wide * STEPS / 16 + to - from - 1) / (to - from)}};
  round_rows(a, row, rows, s, x);
  for (size_t n = from; n < to;) {
    const bool whole = n + wide - BNC_FLOAT_PANEL < to;
    const size_t end = n + (whole ? wide : BNC_FLOAT_PANEL);
    next.y = end < to ? a->y + row * a->y_stride + end : a->y + (row + (left ? rows : 0)) * a->y_stride + from;
    if (whole)
      tile(a, x, &next, s, row, n, rows, panels);
    else
      tile(a, x, &next, s, row, n, rows, 1);
    n = end;
  }
}

static void columns(const bnc_matmul_float_args *a, size_t from, size_t to, uint16_t *x) {
  for (size_t k = 0; k < a->k; k += STRETCH) {
    const stretch s = {k, a->k - k < STRETCH ? a->k - k : STRETCH};
    size_t row = 0;
    for (; row + ROWS <= a->rows; row += ROWS) band(a, x, s, row, ROWS, 2, from, to);
    for (; row + FEW <= a->rows; row += FEW) band(a, x, s, row, FEW, 4, from, to);
    for (; row < a->rows; ++row) band(a, x, s, row, 1, 4, from, to);
  }
}

void bnc_matmul_bf16_avx512bf16(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  const size_t end = to * BNC_FLOAT_COLUMNS < args->n ? to * BNC_FLOAT_COLUMNS : args->n;
  for (size_t n = from * BNC_FLOAT_COLUMNS; n < end; n += TOGETHER) columns(args, n, end - n < TOGETHER ? end : n + TOGETHER, scratch);
}
