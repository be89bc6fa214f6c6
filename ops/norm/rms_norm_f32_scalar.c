/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/norm/norm_scalar.h"

void bnc_rms_norm_f32_scalar(const bnc_norm_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *s = bnc_norm_row(args, row);  /* [cols] */
    float *y = args->y + row * args->y_stride; /* [cols] */
    const float inverse = bnc_norm_inverse(s, args->cols, 0.0f, args->eps);
    for (size_t i = 0; i < args->cols; ++i) y[i] = s[i] * inverse * args->gamma[i];
  }
}
