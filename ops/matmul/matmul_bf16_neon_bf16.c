/* SPDX-License-Identifier: Apache-2.0 */
/* BFMMLA for pairs of rows, BFDOT for a row alone. BFMMLA is two BFDOTs one behind the other (Arm ARM, BFMatMulAdd), so both give the same
 * bits. An item's rows are rounded first, as many as a tile has. */
#include <arm_neon.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/matmul/matmul_bf16.h"

#define UNROLL BNC_UNROLL(8)

enum { PAIRS = 4 /* of rows: 4 x 4 sums of 2 x 2 */, HALF = BNC_FLOAT_PANEL / 2 /* columns of a tile */ };

static float32x4_t load_some(const float *x, size_t n) {
  float t[4] = {0};
  if (n >= 4) return vld1q_f32(x);
  memcpy(t, x, n * sizeof *t);
  return vld1q_f32(t);
}

/* x of 2 pairs rows as bf16 [k / 4, pairs, 2, 4], zeros behind k. */
BNC_INLINE void round_pairs(const bnc_matmul_float_args *a, size_t row, size_t pairs, uint16_t *out) {
  UNROLL for (size_t r = 0; r < 2 * pairs; ++r) {
    const float *x = a->x + (row + r) * a->x_stride;
    for (size_t i = 0; i < a->k; i += 4)
      vst1_u16(out + i * 2 * pairs + r * 4, vreinterpret_u16_bf16(vcvt_bf16_f32(load_some(x + i, a->k - i))));
  }
}

static uint32x4_t load_pairs(const uint16_t *w) { return vreinterpretq_u32_u16(vld1q_u16(w)); }

static void put(const bnc_matmul_float_args *a, size_t row, size_t n, float32x4_t sum) {
  const float32x4_t bias = a->bias ? load_some(a->bias + n, a->n - n) : vdupq_n_f32(0.0f);
  const float32x4_t y = vaddq_f32(sum, bias);
  float t[4];
  float *to = a->y + row * a->y_stride + n;
  if (a->n - n >= 4) {
    vst1q_f32(to, y);
    return;
  }
  vst1q_f32(t, y);
  memcpy(to, t, (a->n - n) * sizeof *t);
}

/* y of 2 pairs rows and 8 columns, from x as round_pairs makes it. Four k at a time: the weights' pairs of k of a column come together. */
BNC_INLINE void tile(const bnc_matmul_float_args *a, const uint16_t *x, size_t row, size_t n, size_t pairs) {
  const uint16_t *w = (const uint16_t *)a->w + n / BNC_FLOAT_PANEL * bnc_bf16_panel(a->k) + n % BNC_FLOAT_PANEL * 2;
  float32x4_t sum[PAIRS][4]; /* rows 0 and 1, each columns 0 and 1 of a pair of columns */
  bfloat16x8_t ws[4];
  UNROLL for (size_t r = 0; r < pairs; ++r) UNROLL for (size_t c = 0; c < 4; ++c) sum[r][c] = vdupq_n_f32(0.0f);
  for (size_t k = 0; k < a->k; k += 4, w += 4 * BNC_FLOAT_PANEL) {
    const bool whole = a->k - k > 2;
    UNROLL for (size_t c = 0; c < 2; ++c) {
      const uint32x4_t first = load_pairs(w + c * 8), second = whole ? load_pairs(w + 2 * BNC_FLOAT_PANEL + c * 8) : vdupq_n_u32(0);
      ws[2 * c] = vreinterpretq_bf16_u32(vzip1q_u32(first, second));
      ws[2 * c + 1] = vreinterpretq_bf16_u32(vzip2q_u32(first, second));
    }
    UNROLL for (size_t r = 0; r < pairs; ++r) {
      const bfloat16x8_t xs = vreinterpretq_bf16_u16(vld1q_u16(x + (k / 4 * pairs + r) * 8));
      UNROLL for (size_t c = 0; c < 4; ++c) sum[r][c] = vbfmmlaq_f32(sum[r][c], xs, ws[c]);
    }
  }
  UNROLL for (size_t r = 0; r < pairs; ++r) for (size_t c = 0; c < 2 && n + 4 * c < a->n; ++c) {
    const float32x4_t p = sum[r][2 * c], q = sum[r][2 * c + 1];
    put(a, row + 2 * r, n + 4 * c, vcombine_f32(vget_low_f32(p), vget_low_f32(q)));
    put(a, row + 2 * r + 1, n + 4 * c, vcombine_f32(vget_high_f32(p), vget_high_f32(q)));
  }
}

BNC_INLINE void band(const bnc_matmul_float_args *a, uint16_t *x, size_t row, size_t pairs, size_t from, size_t to) {
  round_pairs(a, row, pairs, x);
  for (size_t n = from; n < to; n += HALF) tile(a, x, row, n, pairs);
}

/* A row of one panel, or two: their sums wait less for each other. */
BNC_INLINE void row_alone(const bnc_matmul_float_args *a, const uint16_t *x, size_t row, size_t n, size_t panels) {
  const size_t panel = bnc_bf16_panel(a->k);
  const uint16_t *w = (const uint16_t *)a->w + n / BNC_FLOAT_PANEL * panel;
  float32x4_t sum[2][4];
  UNROLL for (size_t p = 0; p < panels; ++p) UNROLL for (size_t c = 0; c < 4; ++c) sum[p][c] = vdupq_n_f32(0.0f);
  for (size_t k = 0; k < a->k; k += 2) {
    uint32_t pair;
    memcpy(&pair, x + k, sizeof pair);
    const bfloat16x8_t xs = vreinterpretq_bf16_u32(vdupq_n_u32(pair));
    UNROLL for (size_t p = 0; p < panels; ++p) UNROLL for (size_t c = 0; c < 4; ++c) sum[p][c] =
        vbfdotq_f32(sum[p][c], vreinterpretq_bf16_u16(vld1q_u16(w + p * panel + k * BNC_FLOAT_PANEL + c * 8)), xs);
  }
  UNROLL for (size_t p = 0; p < panels; ++p) for (size_t c = 0; c < 4; ++c) {
    const size_t at = n + p * BNC_FLOAT_PANEL + 4 * c;
    if (at < a->n) put(a, row, at, sum[p][c]);
  }
}

static void alone(const bnc_matmul_float_args *a, uint16_t *x, size_t row, size_t from, size_t to) {
  size_t n = from;
  for (size_t i = 0; i < a->k; i += 4)
    vst1_u16(x + i, vreinterpret_u16_bf16(vcvt_bf16_f32(load_some(a->x + row * a->x_stride + i, a->k - i))));
  for (; n + BNC_FLOAT_PANEL < to; n += 2 * BNC_FLOAT_PANEL) row_alone(a, x, row, n, 2);
  for (; n < to; n += BNC_FLOAT_PANEL) row_alone(a, x, row, n, 1);
}

void bnc_matmul_bf16_neon_bf16(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  for (size_t item = from; item < to; ++item) { /* an item's weights stay in the second cache while the rows go by */
    const size_t first = item * BNC_FLOAT_COLUMNS, end = first + BNC_FLOAT_COLUMNS < args->n ? first + BNC_FLOAT_COLUMNS : args->n;
    size_t row = 0;
    for (; row + 2 * PAIRS <= args->rows; row += 2 * PAIRS) band(args, scratch, row, PAIRS, first, end);
    for (; row + 2 <= args->rows; row += 2) band(args, scratch, row, 1, first, end);
    for (; row < args->rows; ++row) alone(args, scratch, row, first, end);
  }
}
