/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary embedding over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/rope/rope.h"

BNC_INLINE void rope_f32(const bnc_rope_args *args, size_t from, size_t to) {
  const size_t half = args->head_size / 2;
  for (size_t row = from; row < to; ++row) {
    const float *c = args->cos + (args->position + row) * half, *s = args->sin + (args->position + row) * half; /* [half] */
    for (size_t head = 0; head < args->heads; ++head) {
      float *x = args->x + row * args->x_stride + head * args->head_size; /* [head_size] */
      size_t i = 0;
      for (; i + 16 <= half; i += 16) {
        const v16 low = v16_load(x + i), high = v16_load(x + i + half), cos = v16_load(c + i), sin = v16_load(s + i);
        v16_store(x + i, v16_sub(v16_mul(low, cos), v16_mul(high, sin)));
        v16_store(x + i + half, v16_add(v16_mul(high, cos), v16_mul(low, sin)));
      }
      if (i < half) {
        const size_t n = half - i;
        const v16 low = v16_load_n(x + i, n), high = v16_load_n(x + i + half, n), cos = v16_load_n(c + i, n), sin = v16_load_n(s + i, n);
        v16_store_n(x + i, v16_sub(v16_mul(low, cos), v16_mul(high, sin)), n);
        v16_store_n(x + i + half, v16_add(v16_mul(high, cos), v16_mul(low, sin)), n);
      }
    }
  }
}

void BNC_AT_LEVEL(rope_f32)(const bnc_rope_args *args, size_t from, size_t to) { rope_f32(args, from, to); }
