/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16.h"

#include "ops/outer/outer.h"

#define UNROLL BNC_UNROLL(4)

void BNC_AT_LEVEL(outer_product)(const bnc_outer_args *args) {
  const float *a = args->a, *b = args->b;
  v16 sum[BNC_OUTER_ROWS];
  UNROLL for (size_t i = 0; i < BNC_OUTER_ROWS; ++i) sum[i] = v16_load(args->sum + i * args->sum_stride);
  for (size_t p = 0; p < args->depth; ++p, a += args->a_step, b += args->b_step) {
    const v16 row = v16_load(b);
    UNROLL for (size_t i = 0; i < BNC_OUTER_ROWS; ++i) sum[i] = v16_add(sum[i], v16_mul(v16_set1(a[i * args->a_row]), row));
  }
  UNROLL for (size_t i = 0; i < BNC_OUTER_ROWS; ++i) v16_store(args->sum + i * args->sum_stride, sum[i]);
}
