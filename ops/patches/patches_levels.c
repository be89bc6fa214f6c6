/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/patches/patches.h"

void bnc_patches_levels(const float mean[3], const float std[3], float levels[3][256]) {
  for (int c = 0; c < 3; ++c)
    for (int v = 0; v < 256; ++v) levels[c][v] = ((float)((double)v * (1.0 / 255.0)) - mean[c]) / std[c];
}
