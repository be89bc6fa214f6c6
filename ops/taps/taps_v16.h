/* SPDX-License-Identifier: Apache-2.0 */
/** @file taps_v16.h  Sparse resampling over sixteen lanes. Include a v16_*.h first. */
#ifndef BINOCLE_OPS_TAPS_TAPS_V16_H
#define BINOCLE_OPS_TAPS_TAPS_V16_H

#include "ops/taps/taps.h"

V16_INLINE void taps_f32(const bnc_taps_args *a, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    float *out = a->out + row * a->out_stride; /* [cols] */
    for (size_t i = 0; i < a->cols; i += 16) {
      const size_t n = a->cols - i;
      v16 sum = v16_set1(0.0f);
      for (size_t k = a->start[row]; k < a->start[row + 1]; ++k) {
        const float *x = a->x + a->index[k] * a->x_stride + i;
        sum = v16_fma(v16_set1(a->weight[k]), n < 16 ? v16_load_n(x, n) : v16_load(x), sum);
      }
      if (n < 16) v16_store_n(out + i, sum, n);
      else v16_store(out + i, sum);
    }
  }
}

#endif
