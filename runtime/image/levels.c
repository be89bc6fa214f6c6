/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/image/image.h"

void bnc_image_levels(const float mean[3], const float std[3], float levels[3][256]) {
  for (int c = 0; c < 3; c++)
    for (int v = 0; v < 256; v++) levels[c][v] = ((float)v / 255.0f - mean[c]) / std[c];
}
