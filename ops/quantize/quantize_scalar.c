/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/quantize/quantize.h"

void bnc_quantize_qd8_scalar(const bnc_quantize_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *x = args->x + row * args->x_stride; /* [cols] */
    int8_t *q = args->q + row * args->q_stride;      /* [cols] */
    float min = 0.0f, max = 0.0f, multiplier;
    for (size_t i = 0; i < args->cols; ++i) {
      min = x[i] < min ? x[i] : min;
      max = x[i] > max ? x[i] : max;
    }
    const bnc_qd8_params params = bnc_qd8_choose(min, max, &multiplier);
    for (size_t i = 0; i < args->cols; ++i) q[i] = bnc_qd8_value(x[i], multiplier, params.zero_point);
    args->params[row] = params;
  }
}
