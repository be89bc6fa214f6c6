/* SPDX-License-Identifier: Apache-2.0 */
/* VDPBF16PS: pairs of products, each fused with the sum and rounded to nearest even, subnormal numbers as zeros. An item's rows are rounded
 * first, as many as a tile has: one conversion for 64 products each. */
#include <immintrin.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/matmul/matmul_bf16.h"

#define UNROLL BNC_UNROLL(16)

enum { ROWS = BNC_BF16_ROWS, FEW = 4 }; /* 12 x 2, 4 x 4 or 1 x 4 sums of sixteen */

static __mmask16 first_of(size_t n) { return (__mmask16)(0xffffu >> (n < 16 ? 16 - n : 0)); }

/* x [rows, k] as bf16 [rows, depth], zeros behind k up to a multiple of 16. */
static void round_rows(const bnc_matmul_float_args *a, size_t row, size_t rows, size_t depth, uint16_t *out) {
  for (size_t r = 0; r < rows; ++r) {
    const float *x = a->x + (row + r) * a->x_stride;
    for (size_t i = 0; i < a->k; i += 16) {
      const __m256bh half = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(first_of(a->k - i), x + i));
      _mm256_storeu_si256((__m256i *)(void *)(out + r * depth + i), (__m256i)half);
    }
  }
}

/* y of one tile from x [rows, depth]. rows and panels are constants where it is called, at most ROWS and 4. */
BNC_INLINE void tile(const bnc_matmul_float_args *a, const uint16_t *x, size_t depth, size_t row, size_t n, size_t rows, size_t panels) {
  const size_t panel = bnc_bf16_panel(a->k);
  const uint16_t *w = (const uint16_t *)a->w + n / BNC_FLOAT_PANEL * panel;
  __m512 sum[ROWS][4];
  __m512bh ws[4];
  UNROLL for (size_t r = 0; r < rows; ++r) UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = _mm512_setzero_ps();
  for (size_t k = 0; k < a->k; k += 2) {
    UNROLL for (size_t p = 0; p < panels; ++p) ws[p] = (__m512bh)_mm512_loadu_si512(w + p * panel + k * BNC_FLOAT_PANEL);
    UNROLL for (size_t r = 0; r < rows; ++r) {
      int32_t pair;
      memcpy(&pair, x + r * depth + k, sizeof pair);
      const __m512bh xs = (__m512bh)_mm512_set1_epi32(pair);
      UNROLL for (size_t p = 0; p < panels; ++p) sum[r][p] = _mm512_dpbf16_ps(sum[r][p], xs, ws[p]);
    }
  }
  UNROLL for (size_t p = 0; p < panels; ++p) {
    const size_t first = n + p * BNC_FLOAT_PANEL;
    const __mmask16 some = first_of(a->n - first);
    const __m512 bias = a->bias ? _mm512_maskz_loadu_ps(some, a->bias + first) : _mm512_setzero_ps();
    UNROLL for (size_t r = 0; r < rows; ++r)
        _mm512_mask_storeu_ps(a->y + (row + r) * a->y_stride + first, some, _mm512_add_ps(sum[r][p], bias));
  }
}

/* `rows` rows of the columns [from, to), `panels` at a time. */
BNC_INLINE void band(const bnc_matmul_float_args *a, uint16_t *x, size_t row, size_t rows, size_t panels, size_t from, size_t to) {
  const size_t depth = bnc_bf16_depth(a->k);
  size_t n = from;
  round_rows(a, row, rows, depth, x);
  for (; n + (panels - 1) * BNC_FLOAT_PANEL < to; n += panels * BNC_FLOAT_PANEL) tile(a, x, depth, row, n, rows, panels);
  for (; n < to; n += BNC_FLOAT_PANEL) tile(a, x, depth, row, n, rows, 1);
}

void bnc_matmul_bf16_avx512bf16(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  for (size_t item = from; item < to; ++item) { /* an item's weights stay in the second cache while the rows go by */
    const size_t first = item * BNC_FLOAT_COLUMNS, end = first + BNC_FLOAT_COLUMNS < args->n ? first + BNC_FLOAT_COLUMNS : args->n;
    size_t row = 0;
    for (; row + ROWS <= args->rows; row += ROWS) band(args, scratch, row, ROWS, 2, first, end);
    for (; row + FEW <= args->rows; row += FEW) band(args, scratch, row, FEW, 4, first, end);
    for (; row < args->rows; ++row) band(args, scratch, row, 1, 4, first, end);
  }
}
