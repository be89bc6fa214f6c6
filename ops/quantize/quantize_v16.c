/* SPDX-License-Identifier: Apache-2.0 */
/* Row quantisation over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/quantize/quantize.h"
#include "ops/simd/math_v16.h"

BNC_INLINE void quantize_qd8(const bnc_quantize_args *a, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *x = a->x + row * a->x_stride, *next = row + 1 < to ? x + a->x_stride : x; /* [cols] */
    v16_range even = v16_range_start(), odd = even;
    float multiplier;
    size_t i = 0;
    for (; i + 32 <= a->cols; i += 32) {
      __builtin_prefetch(next + i); /* other threads may have written it */
      __builtin_prefetch(next + i + 16);
      v16_range_add(&even, v16_load(x + i));
      v16_range_add(&odd, v16_load(x + i + 16));
    }
    for (; i + 16 <= a->cols; i += 16) v16_range_add(&even, v16_load(x + i));
    if (i < a->cols) v16_range_add(&even, v16_load_n(x + i, a->cols - i));
    v16_range_add(&even, odd.min);
    v16_range_add(&even, odd.max);
    a->params[row] = v16_range_choose(&even, &multiplier);
    v16_quantize_row(x, a->q + row * a->q_stride, a->cols, multiplier, a->params[row].zero_point);
  }
}

void BNC_AT_LEVEL(quantize_qd8)(const bnc_quantize_args *args, size_t from, size_t to) { quantize_qd8(args, from, to); }
