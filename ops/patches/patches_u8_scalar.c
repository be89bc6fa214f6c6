/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/patches/patches.h"

void bnc_patches_u8_scalar(const bnc_patches_args *args, size_t from, size_t to) {
  const size_t patch = args->patch, grid = args->side / patch, area = patch * patch, x_stride = args->x_stride, green = args->c_stride,
               blue = 2 * green;
  const float *red_level = args->lut[0], *green_level = args->lut[1], *blue_level = args->lut[2]; /* [256] */
  for (size_t g = from; g < to; ++g) {
    const uint32_t *ys = args->y + g / grid * patch, *xs = args->x + g % grid * patch; /* [patch] */
    float *out = args->out + g * args->out_stride;                                     /* [3, patch, patch] */
    for (size_t dy = 0; dy < patch; ++dy, out += patch) {
      const uint8_t *line = args->u8 + ys[dy] * args->y_stride;
      for (size_t dx = 0; dx < patch; ++dx) {
        const uint8_t *pixel = line + xs[dx] * x_stride;
        out[dx] = red_level[pixel[0]];
        out[area + dx] = green_level[pixel[green]];
        out[2 * area + dx] = blue_level[pixel[blue]];
      }
    }
  }
}
