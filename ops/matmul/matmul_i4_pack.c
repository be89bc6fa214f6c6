/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/half.h"
#include "ops/matmul/matmul.h"

#define ZEROS 0x88888888u /* eight nibbles of value 0 */

/* Eight columns of a row, the first in the lowest bits. */
static uint32_t eight(const uint8_t *bytes) {
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Four nibbles to four bytes. */
static uint32_t spread(uint32_t nibbles) {
  nibbles = (nibbles | nibbles << 8) & 0x00ff00ffu;
  return (nibbles | nibbles << 4) & 0x0f0f0f0fu;
}

/* Row i of a panel; row NULL: one of zeros. Returns its offset. */
static float pack_row(size_t k, size_t group, const uint8_t *row /* [k / 2] */, const uint16_t *row_scales /* [k / group] */,
                      uint8_t *out /* [k / 8] of 4 bytes, 32 apart */, uint16_t *out_scales /* [k / group], 8 apart */) {
  float offset = 0.0f;
  for (size_t g = 0; g < k / group; ++g) {
    int32_t units = 0;
    for (size_t col = g * group; col < (g + 1) * group; col += 8) {
      const uint32_t values = row ? eight(row + col / 2) : ZEROS, low = spread(values & 0xffff), high = spread(values >> 16),
                     both = low | high << 4;
      uint8_t *at = out + col / 8 * (4 * BNC_I4_PANEL);
      for (unsigned j = 0; j < 4; ++j) at[j] = (uint8_t)(both >> 8 * j);
      units += (int32_t)((low + high) * 0x01010101u >> 24) - 8 * 8;
    }
    out_scales[g * BNC_I4_PANEL] = row ? row_scales[g] : 0;
    offset = offset + (float)units * bnc_f32_from_bf16(out_scales[g * BNC_I4_PANEL]);
  }
  return offset;
}

void bnc_matmul_i4_pack(size_t n, size_t k, size_t group, const uint8_t *source, const uint16_t *source_scales, uint8_t *nibbles,
                        uint16_t *scales, float *offset, size_t from, size_t to) {
  for (size_t row = from * BNC_I4_PANEL; row < to * BNC_I4_PANEL; ++row) {
    const size_t panel = row / BNC_I4_PANEL, i = row % BNC_I4_PANEL;
    offset[row] = pack_row(k, group, row < n ? source + row * (k / 2) : NULL, row < n ? source_scales + row * (k / group) : NULL,
                           nibbles + panel * bnc_i4_panel_nibbles(k) + 4 * i, scales + panel * (k / group) * BNC_I4_PANEL + i);
  }
}

/* The lower four of eight nibbles, given one in each byte, side by side: spread's inverse. */
static uint32_t gather_nibbles(uint32_t bytes) {
  bytes = (bytes | bytes >> 4) & 0x00ff00ffu;
  return (bytes | bytes >> 8) & 0xffffu;
}

void bnc_matmul_i4_unpack(size_t n, size_t k, size_t group, const uint8_t *nibbles, const uint16_t *scales, uint8_t *rows,
                          uint16_t *row_scales) {
  for (size_t row = 0; row < n; ++row) {
    const size_t panel = row / BNC_I4_PANEL, i = row % BNC_I4_PANEL;
    const uint8_t *in = nibbles + panel * bnc_i4_panel_nibbles(k) + 4 * i;       /* [k / 8] of 4 bytes, 32 apart */
    const uint16_t *in_scales = scales + panel * (k / group) * BNC_I4_PANEL + i; /* [k / group], 8 apart */
    for (size_t col = 0; col < k; col += 8) {
      const uint32_t both = eight(in + col / 8 * (4 * BNC_I4_PANEL));
      const uint32_t values = gather_nibbles(both & 0x0f0f0f0fu) | gather_nibbles(both >> 4 & 0x0f0f0f0fu) << 16;
      for (unsigned j = 0; j < 4; ++j) rows[row * (k / 2) + col / 2 + j] = (uint8_t)(values >> 8 * j);
    }
    for (size_t g = 0; g < k / group; ++g) row_scales[row * (k / group) + g] = in_scales[g * BNC_I4_PANEL];
  }
}
