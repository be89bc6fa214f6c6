/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/rope/rope.h"

void bnc_rope_f32_scalar(const bnc_rope_args *args, size_t from, size_t to) {
  const size_t half = args->head_size / 2;
  for (size_t row = from; row < to; ++row) {
    const float *c = args->cos + (args->position + row) * half, *s = args->sin + (args->position + row) * half; /* [half] */
    for (size_t head = 0; head < args->heads; ++head) {
      float *x = args->x + row * args->x_stride + head * args->head_size; /* [head_size] */
      for (size_t i = 0; i < half; ++i) {
        const float low = x[i], high = x[i + half];
        x[i] = low * c[i] - high * s[i];
        x[i + half] = high * c[i] + low * s[i];
      }
    }
  }
}
