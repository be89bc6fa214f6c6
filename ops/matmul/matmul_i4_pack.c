/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/half.h"
#include "ops/matmul/matmul.h"

/* The nibble of row, column; rows beyond n are zeros. */
static unsigned nibble(const bnc_i4_matrix *w, const uint8_t *source, size_t row, size_t col) {
  if (row >= w->n) return 8;
  return source[row * (w->k / 2) + col / 2] >> (col % 2 ? 4 : 0) & 15u;
}

void bnc_matmul_i4_pack(const bnc_i4_matrix *w, uint8_t *nibbles, uint16_t *scales, float *offset, const uint8_t *source,
                        const uint16_t *source_scales, size_t from, size_t to) {
  const size_t groups = w->k / w->group;
  for (size_t panel = from; panel < to; ++panel) {
    uint8_t *out = nibbles + panel * (w->k * BNC_I4_PANEL / 2);
    for (size_t col = 0; col < w->k; col += 8) {
      for (size_t i = 0; i < BNC_I4_PANEL; ++i) {
        for (size_t j = 0; j < 4; ++j) {
          const size_t row = panel * BNC_I4_PANEL + i;
          *out++ = (uint8_t)(nibble(w, source, row, col + j) | nibble(w, source, row, col + 4 + j) << 4);
        }
      }
    }
    for (size_t i = 0; i < BNC_I4_PANEL; ++i) {
      const size_t row = panel * BNC_I4_PANEL + i;
      float sum = 0.0f;
      for (size_t g = 0; g < groups; ++g) {
        const uint16_t scale = row < w->n ? source_scales[row * groups + g] : 0;
        int32_t units = 0;
        for (size_t k = g * w->group; k < (g + 1) * w->group; ++k) units += (int32_t)nibble(w, source, row, k) - 8;
        sum = sum + (float)units * bnc_f32_from_bf16(scale);
        scales[(panel * groups + g) * BNC_I4_PANEL + i] = scale;
      }
      offset[row] = sum;
    }
  }
}
