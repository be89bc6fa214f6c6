/* SPDX-License-Identifier: Apache-2.0 */
/** @file patches_runs.h  patches_read out of runs of eight pixels, for levels that define patches_split and patches_range. */
#ifndef BINOCLE_OPS_PATCHES_PATCHES_RUNS_H
#define BINOCLE_OPS_PATCHES_PATCHES_RUNS_H

#include "ops/patches/patches_bytes.h"

enum { PATCHES_RUN = PATCHES_LEAST };

static inline void patches_split(const uint8_t *pixels /* [8, 3] */, uint8_t *r /* [8] */, uint8_t *g, uint8_t *b);
/* The ends of n >= 64 bytes. */
static inline void patches_range(const uint8_t *bytes /* [n] */, size_t n, uint8_t *least, uint8_t *greatest);

/* The columns of a crop lie side by side. */
static inline bool patches_adjacent(const uint32_t *xs /* [patch] */, size_t patch) {
  uint32_t apart = 0;
  for (uint32_t i = 0; i < patch; ++i) apart |= xs[i] ^ (xs[0] + i);
  return apart == 0;
}

static inline void patches_crop(const bnc_patches_args *a, size_t g, uint8_t *out /* [3, PATCHES_PITCH] */) {
  const size_t patch = a->patch, grid = a->side / patch, last = patch - PATCHES_RUN;
  const uint32_t *ys = a->y + g / grid * patch; /* [patch] */
  const uint8_t *column = a->u8 + 3 * (size_t)a->x[g % grid * patch];
  for (size_t dy = 0; dy < patch; ++dy, out += patch) {
    const uint8_t *line = column + ys[dy] * a->y_stride; /* [patch, 3] */
    for (size_t dx = 0; dx < last; dx += PATCHES_RUN)
      patches_split(line + 3 * dx, out + dx, out + PATCHES_PITCH + dx, out + 2 * PATCHES_PITCH + dx);
    patches_split(line + 3 * last, out + last, out + PATCHES_PITCH + last, out + 2 * PATCHES_PITCH + last);
  }
}

static inline patches_ends patches_read(const bnc_patches_args *a, size_t g, uint8_t *bytes) {
  const size_t grid = a->side / a->patch;
  patches_ends ends;
  if (patches_adjacent(a->x + g % grid * a->patch, a->patch))
    patches_crop(a, g, bytes);
  else
    bnc_patches_bytes(a, g, bytes, PATCHES_PITCH);
  for (size_t c = 0; c < 3; ++c) patches_range(bytes + c * PATCHES_PITCH, a->patch * a->patch, &ends.least[c], &ends.greatest[c]);
  return ends;
}

#endif
