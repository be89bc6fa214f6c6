/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/patches/patches_bytes.h"

void bnc_patches_qd8_scalar(const bnc_patches_args *args, size_t from, size_t to) {
  const size_t area = args->patch * args->patch;
  for (size_t g = from; g < to; ++g) {
    int8_t *q = args->q + g * args->q_stride; /* [3, patch, patch] */
    uint8_t *bytes = (uint8_t *)q;            /* in the place of what they become */
    float min = 0.0f, max = 0.0f, multiplier;
    bnc_patches_bytes(args, g, bytes, area);
    for (size_t c = 0; c < 3; ++c) {
      for (size_t i = c * area; i < (c + 1) * area; ++i) {
        const float x = args->lut[c][bytes[i]];
        min = x < min ? x : min;
        max = x > max ? x : max;
      }
    }
    const bnc_qd8_params params = bnc_qd8_choose(min, max, &multiplier);
    for (size_t c = 0; c < 3; ++c) {
      for (size_t i = c * area; i < (c + 1) * area; ++i) q[i] = bnc_qd8_value(args->lut[c][bytes[i]], multiplier, params.zero_point);
    }
    args->params[g] = params;
  }
}
