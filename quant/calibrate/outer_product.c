/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/calibrate/outer_product.h"

#include <string.h>

void bnc_outer_product(const float *restrict a, size_t a_row, size_t a_step, const float *restrict b, size_t b_step, size_t depth,
                       float sum[BNC_TILE_ROWS][BNC_TILE_LANES]) {
  float s0[BNC_TILE_LANES] = {0}, s1[BNC_TILE_LANES] = {0}, s2[BNC_TILE_LANES] = {0}, s3[BNC_TILE_LANES] = {0};
  for (size_t p = 0; p < depth; p++) {
    const float *at = a + p * a_step, *row = b + p * b_step;
    const float a0 = at[0], a1 = at[a_row], a2 = at[2 * a_row], a3 = at[3 * a_row];
    for (size_t i = 0; i < BNC_TILE_LANES; i++) {
      s0[i] += a0 * row[i];
      s1[i] += a1 * row[i];
      s2[i] += a2 * row[i];
      s3[i] += a3 * row[i];
    }
  }
  memcpy(sum[0], s0, sizeof s0);
  memcpy(sum[1], s1, sizeof s1);
  memcpy(sum[2], s2, sizeof s2);
  memcpy(sum[3], s3, sizeof s3);
}
