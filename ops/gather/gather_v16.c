/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse resampling over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/gather/gather.h"

/* Vectors of columns that share what a tap costs. */
#ifdef __arm__
enum { TAPS_TOGETHER = 2 }; /* 8 sums of 16 registers */
#else
enum { TAPS_TOGETHER = 4 };
#endif

BNC_INLINE void gather_taps_f32(const bnc_gather_args *a, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    float *out = a->out + row * a->out_stride; /* [cols] */
    const size_t first = a->start[row], end = a->start[row + 1];
    size_t i = 0;
    for (; i + 16 * TAPS_TOGETHER <= a->cols; i += 16 * TAPS_TOGETHER) {
      v16 sum[TAPS_TOGETHER];
      V16_UNROLL for (size_t j = 0; j < TAPS_TOGETHER; ++j) sum[j] = v16_set1(0.0f);
      for (size_t k = first; k < end; ++k) {
        const float *x = a->x + a->index[k] * a->x_stride + i;
        V16_UNROLL for (size_t j = 0; j < TAPS_TOGETHER; ++j) sum[j] = v16_fma(v16_set1(a->weight[k]), v16_load(x + 16 * j), sum[j]);
      }
      V16_UNROLL for (size_t j = 0; j < TAPS_TOGETHER; ++j) v16_store(out + i + 16 * j, sum[j]);
    }
    for (; i < a->cols; i += 16) {
      const size_t n = a->cols - i;
      v16 sum = v16_set1(0.0f);
      for (size_t k = first; k < end; ++k) {
        const float *x = a->x + a->index[k] * a->x_stride + i;
        sum = v16_fma(v16_set1(a->weight[k]), n < 16 ? v16_load_n(x, n) : v16_load(x), sum);
      }
      if (n < 16)
        v16_store_n(out + i, sum, n);
      else
        v16_store(out + i, sum);
    }
  }
}

void BNC_AT_LEVEL(gather_taps_f32)(const bnc_gather_args *args, size_t from, size_t to) { gather_taps_f32(args, from, to); }
