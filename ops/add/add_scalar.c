/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/add/add.h"

void bnc_add_f32_scalar(const bnc_add_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *a = args->a + row * args->a_stride, *b = args->b + row * args->b_stride; /* [cols] */
    float *y = args->y + row * args->y_stride;                                            /* [cols] */
    for (size_t i = 0; i < args->cols; ++i) y[i] = a[i] + b[i];
  }
}

void bnc_mean2_f32_scalar(const bnc_add_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *a = args->a + row * args->a_stride, *b = args->b + row * args->b_stride; /* [cols] */
    float *y = args->y + row * args->y_stride;                                            /* [cols] */
    for (size_t i = 0; i < args->cols; ++i) y[i] = (a[i] + b[i]) * 0.5f;
  }
}
