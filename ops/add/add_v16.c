/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and means over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/add/add.h"

BNC_INLINE v16 add_value(v16 a, v16 b, int mean) {
  const v16 s = v16_add(a, b);
  return mean ? v16_mul(s, v16_set1(0.5f)) : s;
}

BNC_INLINE void add_rows(const bnc_add_args *args, size_t from, size_t to, int mean) {
  for (size_t row = from; row < to; ++row) {
    const float *a = args->a + row * args->a_stride, *b = args->b + row * args->b_stride; /* [cols] */
    float *y = args->y + row * args->y_stride;                                            /* [cols] */
    size_t i = 0;
    for (; i + 16 <= args->cols; i += 16) v16_store(y + i, add_value(v16_load(a + i), v16_load(b + i), mean));
    if (i < args->cols) {
      const size_t n = args->cols - i;
      v16_store_n(y + i, add_value(v16_load_n(a + i, n), v16_load_n(b + i, n), mean), n);
    }
  }
}

void BNC_AT_LEVEL(add_f32)(const bnc_add_args *args, size_t from, size_t to) { add_rows(args, from, to, 0); }

void BNC_AT_LEVEL(mean2_f32)(const bnc_add_args *args, size_t from, size_t to) { add_rows(args, from, to, 1); }
