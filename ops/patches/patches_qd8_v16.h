/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file patches_qd8_v16.h  Quantised patches. As normalisation keeps the order of bytes, the least and the greatest byte of each channel
 * give a row's range, and with it what each byte becomes. Include a v16_*.h first, and define patches_read  the bytes of a patch, channel
 * by channel, and their ends patches_map   n >= 64 bytes, all between their ends, become ops/qd8.h's values of levels[byte]
 */
#ifndef BINOCLE_OPS_PATCHES_PATCHES_QD8_V16_H
#define BINOCLE_OPS_PATCHES_PATCHES_QD8_V16_H

#include "ops/patches/patches_bytes.h"
#include "ops/simd/math_v16.h"

static inline patches_ends patches_read(const bnc_patches_args *a, size_t g, uint8_t *bytes /* [3, PATCHES_PITCH] */);
static inline void patches_map(const uint8_t *bytes /* [n] */, size_t n, uint8_t least, uint8_t greatest, const float *levels /* [256] */,
                               float multiplier, int32_t zero_point, int8_t *q /* [n] */);

BNC_INLINE bnc_qd8_params patches_choose(const bnc_patches_args *a, const patches_ends *ends, float *multiplier) {
  float min = 0.0f, max = 0.0f;
  for (size_t c = 0; c < 3; ++c) {
    const float low = a->lut[c][ends->least[c]], high = a->lut[c][ends->greatest[c]];
    min = low < min ? low : min;
    max = high > max ? high : max;
  }
  return bnc_qd8_choose(min, max, multiplier);
}

BNC_INLINE void patches_qd8(const bnc_patches_args *a, size_t from, size_t to) {
  enum { TOGETHER = 4 }; /* patches: while one's parameters are on their way, the next one is read */
  const size_t area = a->patch * a->patch;
  uint8_t bytes[TOGETHER][3 * PATCHES_PITCH];
  if (!bnc_patches_usual(a)) {
    bnc_patches_qd8_scalar(a, from, to);
    return;
  }
  for (size_t count; from < to; from += count) {
    patches_ends ends[TOGETHER];
    float multiplier[TOGETHER];
    count = to - from < TOGETHER ? to - from : TOGETHER;
    for (size_t i = 0; i < count; ++i) {
      ends[i] = patches_read(a, from + i, bytes[i]);
      a->params[from + i] = patches_choose(a, &ends[i], &multiplier[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      int8_t *q = a->q + (from + i) * a->q_stride; /* [3, patch, patch] */
      for (size_t c = 0; c < 3; ++c) {
        patches_map(bytes[i] + c * PATCHES_PITCH, area, ends[i].least[c], ends[i].greatest[c], a->lut[c], multiplier[i],
                    a->params[from + i].zero_point, q + c * area);
      }
    }
  }
}

#endif
