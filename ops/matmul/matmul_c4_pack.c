/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_c4.h"

/* Column i of a panel; row NULL: one of zeros. Returns the sum of its values. */
static int32_t pack_row(size_t k, const uint8_t *row /* [k / 2] */, const uint8_t *steps /* [k / 16] */, size_t i, uint8_t *panel) {
  uint8_t *kept = panel + bnc_c4_nibble_bytes(k);
  int32_t total = 0;
  for (size_t c = 0; c < k; c += 8) {
    uint8_t *out = panel + (c / 8 * BNC_C4_PANEL + i) * 4;
    const int32_t step = row ? steps[c / BNC_C4_GROUP] : 1;
    for (size_t j = 0; j < 4; ++j) {
      const size_t low = c + j, high = c + 4 + j;
      const uint8_t a = (uint8_t)(row ? row[low / 2] >> (low % 2 ? 4 : 0) & 15 : 8);
      const uint8_t b = (uint8_t)(row ? row[high / 2] >> (high % 2 ? 4 : 0) & 15 : 8);
      out[j] = (uint8_t)(a | b << 4);
      total += (a + b - 16) * step;
    }
  }
  for (size_t b = 0; b < k / BNC_C4_BLOCK; ++b)
    kept[b * BNC_C4_PANEL + i] = (uint8_t)(row ? (steps[2 * b] - 1) | (steps[2 * b + 1] - 1) << 4 : 0);
  return total;
}

void bnc_matmul_c4_pack(size_t n, size_t k, const uint8_t *source, const uint8_t *steps, uint8_t *panels, int32_t *totals, size_t from,
                        size_t to) {
  for (size_t row = from * BNC_C4_PANEL; row < to * BNC_C4_PANEL; ++row) {
    uint8_t *panel = panels + row / BNC_C4_PANEL * bnc_c4_panel_bytes(k);
    totals[row] =
        pack_row(k, row < n ? source + row * (k / 2) : NULL, row < n ? steps + row * (k / BNC_C4_GROUP) : NULL, row % BNC_C4_PANEL, panel);
  }
}

void bnc_matmul_c4_expand(size_t n, size_t k, const uint8_t *panels, int8_t *out) {
  for (size_t row = 0; row < n; ++row) {
    const uint8_t *panel = panels + row / BNC_C4_PANEL * bnc_c4_panel_bytes(k);
    for (size_t c = 0; c < k; ++c) out[row * k + c] = (int8_t)bnc_c4_value(panel, k, row % BNC_C4_PANEL, c);
  }
}
