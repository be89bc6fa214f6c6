/* SPDX-License-Identifier: Apache-2.0 */
/** @file patches_bytes.h  The bytes of one patch, channel by channel: what kernels beyond the plainest read first. */
#ifndef BINOCLE_OPS_PATCHES_PATCHES_BYTES_H
#define BINOCLE_OPS_PATCHES_PATCHES_BYTES_H

#include "ops/patches/patches.h"

enum {
  PATCHES_LEAST = 8,
  PATCHES_MOST = 16,                               /* pixels of a patch's side that vectors are made for */
  PATCHES_PITCH = PATCHES_MOST * PATCHES_MOST + 16 /* bytes of a channel: what is behind a line may be overwritten */
};

/* Least and greatest byte of each channel. */
typedef struct patches_ends {
  uint8_t least[3], greatest[3];
} patches_ends;

/** What vectors are made for, in an interleaved picture that is not absurdly wide. */
static inline bool bnc_patches_usual(const bnc_patches_args *a) {
  return a->patch >= PATCHES_LEAST && a->patch <= PATCHES_MOST && a->x_stride == 3 && a->c_stride == 1 && a->y_stride <= INT32_MAX;
}

static inline void bnc_patches_bytes(const bnc_patches_args *a, size_t g, uint8_t *out /* [3, pitch], of each the first patch * patch */,
                                     size_t pitch) {
  const size_t patch = a->patch, grid = a->side / patch, x_stride = a->x_stride, green = a->c_stride, blue = 2 * green;
  const uint32_t *ys = a->y + g / grid * patch, *xs = a->x + g % grid * patch; /* [patch] */
  for (size_t dy = 0; dy < patch; ++dy, out += patch) {
    const uint8_t *line = a->u8 + ys[dy] * a->y_stride;
    for (size_t dx = 0; dx < patch; ++dx) {
      const uint8_t *pixel = line + xs[dx] * x_stride;
      out[dx] = pixel[0];
      out[pitch + dx] = pixel[green];
      out[2 * pitch + dx] = pixel[blue];
    }
  }
}

#endif
