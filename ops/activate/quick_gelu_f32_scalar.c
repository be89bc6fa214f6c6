/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/activate/activate.h"
#include "ops/math_f32.h"

void bnc_quick_gelu_f32_scalar(const bnc_activate_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    const float *x = args->x + row * args->x_stride; /* [cols] */
    float *y = args->y + row * args->y_stride;       /* [cols] */
    for (size_t i = 0; i < args->cols; ++i) y[i] = bnc_swish_f32(x[i], BNC_QUICK_GELU_SLOPE);
  }
}
