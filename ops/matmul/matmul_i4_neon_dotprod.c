/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>
#include <string.h>

#include "ops/matmul/matmul.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

enum { TILE = 4, ROW_BLOCK = 64 }; /* rows in registers; rows whose activations stay in the second cache while a panel passes */

INLINE float32x4_t scales4(const uint16_t *bf16) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(bf16), 16)); }

/* `rows` (a constant) rows from `row` on, one panel. SDOT takes four products of a lane exactly into int32. */
INLINE void tile(const bnc_matmul_args *a, size_t panel, size_t row, const size_t rows) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group;
  const uint8x16_t low = vdupq_n_u8(15);
  const uint8_t *nibbles = w->nibbles + panel * (w->k * BNC_I4_PANEL / 2);
  const uint16_t *scales = w->scales + panel * groups * BNC_I4_PANEL;
  const int8_t *q[TILE];
  float32x4_t acc[TILE][2];
  UNROLL for (size_t r = 0; r < rows; ++r) {
    q[r] = a->q + (row + r) * a->q_stride;
    acc[r][0] = acc[r][1] = vdupq_n_f32(0.0f);
  }
  for (size_t g = 0; g < groups; ++g) {
    int32x4_t sum[TILE][2];
    UNROLL for (size_t r = 0; r < rows; ++r) sum[r][0] = sum[r][1] = vdupq_n_s32(-a->sums[(row + r) * groups + g]);
    for (size_t k = g * w->group; k < (g + 1) * w->group; k += 8, nibbles += 32) {
      const uint8x16_t first = vld1q_u8(nibbles), second = vld1q_u8(nibbles + 16);
      const int8x16_t even0 = vreinterpretq_s8_u8(vandq_u8(first, low)), odd0 = vreinterpretq_s8_u8(vshrq_n_u8(first, 4));
      const int8x16_t even1 = vreinterpretq_s8_u8(vandq_u8(second, low)), odd1 = vreinterpretq_s8_u8(vshrq_n_u8(second, 4));
      UNROLL for (size_t r = 0; r < rows; ++r) {
        const int8x8_t x = vld1_s8(q[r] + k);
        sum[r][0] = vdotq_lane_s32(vdotq_lane_s32(sum[r][0], even0, x, 0), odd0, x, 1);
        sum[r][1] = vdotq_lane_s32(vdotq_lane_s32(sum[r][1], even1, x, 0), odd1, x, 1);
      }
    }
    UNROLL for (size_t r = 0; r < rows; ++r) {
      acc[r][0] = vfmaq_f32(acc[r][0], vcvtq_f32_s32(sum[r][0]), scales4(scales + g * BNC_I4_PANEL));
      acc[r][1] = vfmaq_f32(acc[r][1], vcvtq_f32_s32(sum[r][1]), scales4(scales + g * BNC_I4_PANEL + 4));
    }
  }
  const size_t n = panel * BNC_I4_PANEL, left = w->n - n < BNC_I4_PANEL ? w->n - n : BNC_I4_PANEL;
  float bias[BNC_I4_PANEL] = {0}, y[BNC_I4_PANEL];
  if (a->bias) memcpy(bias, a->bias + n, left * sizeof *bias);
  UNROLL for (size_t r = 0; r < rows; ++r) {
    const bnc_qd8_params p = a->params[row + r];
    const float32x4_t zero = vdupq_n_f32(-(float)p.zero_point), scale = vdupq_n_f32(p.scale);
    for (size_t h = 0; h < 2; ++h) {
      vst1q_f32(y + 4 * h, vfmaq_f32(vld1q_f32(bias + 4 * h), vfmaq_f32(acc[r][h], zero, vld1q_f32(w->offset + n + 4 * h)), scale));
    }
    memcpy(a->y + (row + r) * a->y_stride + n, y, left * sizeof *y);
  }
}

void bnc_matmul_i4_neon_dotprod(const bnc_matmul_args *args, size_t from, size_t to) {
  for (size_t base = 0; base < args->rows; base += ROW_BLOCK) {
    const size_t end = args->rows - base < ROW_BLOCK ? args->rows : base + ROW_BLOCK;
    for (size_t panel = from; panel < to; ++panel) {
      size_t row = base;
      for (; row + TILE <= end; row += TILE) tile(args, panel, row, TILE);
      for (; row < end; ++row) tile(args, panel, row, 1);
    }
  }
}
