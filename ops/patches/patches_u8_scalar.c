/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/patches/patches.h"

void bnc_patches_u8_scalar(const bnc_patches_args *args, size_t from, size_t to) {
  const size_t patch = args->patch, grid = args->side / patch;
  for (size_t g = from; g < to; ++g) {
    const uint32_t *ys = args->y + g / grid * patch, *xs = args->x + g % grid * patch; /* [patch] */
    float *out = args->out + g * args->out_stride;                                     /* [3, patch, patch] */
    for (size_t c = 0; c < 3; ++c) {
      for (size_t dy = 0; dy < patch; ++dy) {
        const uint8_t *line = args->u8 + ys[dy] * args->y_stride + c * args->c_stride;
        for (size_t dx = 0; dx < patch; ++dx) *out++ = args->lut[c][line[xs[dx] * args->x_stride]];
      }
    }
  }
}
