/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/half.h"
#include "ops/matmul/matmul_bf16.h"

void bnc_matmul_bf16_pack(size_t n, size_t k, const float *w, uint16_t *panels, size_t from, size_t to) {
  for (size_t row = from * BNC_FLOAT_PANEL; row < to * BNC_FLOAT_PANEL; ++row) {
    const float *values = w + row * k; /* [k], of a row that there is */
    for (size_t i = 0; i < (k + 1) / 2 * 2; ++i) panels[bnc_bf16_place(k, row, i)] = row < n && i < k ? bnc_bf16_from_f32(values[i]) : 0;
  }
}

void bnc_matmul_bf16_widen(size_t n, size_t k, const uint16_t *panels, float *w) {
  for (size_t row = 0; row < n; ++row)
    for (size_t i = 0; i < k; ++i) w[row * k + i] = bnc_f32_from_bf16(panels[bnc_bf16_place(k, row, i)]);
}
