/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/norm/norm_scalar.h"

void bnc_layer_norm_f32_scalar(const bnc_norm_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *s = bnc_norm_row(args, row);  /* [cols] */
    float *y = args->y + row * args->y_stride; /* [cols] */
    const float mean = bnc_norm_mean(s, args->cols), inverse = bnc_norm_inverse(s, args->cols, mean, args->eps);
    for (size_t i = 0; i < args->cols; ++i) y[i] = bnc_layer_norm_value(args, s[i], mean, inverse, i);
  }
}
