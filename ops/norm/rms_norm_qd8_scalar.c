/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/norm/norm_scalar.h"

void bnc_rms_norm_qd8_scalar(const bnc_norm_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *s = bnc_norm_row(args, row);   /* [cols] */
    int8_t *q = args->q + row * args->q_stride; /* [cols] */
    const float inverse = bnc_norm_inverse(s, args->cols, 0.0f, args->eps);
    float min = 0.0f, max = 0.0f, multiplier;
    for (size_t i = 0; i < args->cols; ++i) {
      const float y = s[i] * inverse * args->gamma[i];
      min = y < min ? y : min;
      max = y > max ? y : max;
    }
    const bnc_qd8_params params = bnc_qd8_choose(min, max, &multiplier);
    for (size_t i = 0; i < args->cols; ++i) {
      q[i] = bnc_qd8_value(s[i] * inverse * args->gamma[i], multiplier, params.zero_point);
    }
    args->params[row] = params;
  }
}
