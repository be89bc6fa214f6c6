/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/matmul/matmul_f32.h"

static float dot(const float *x /* [k] */, const float *w /* [k] */, size_t k) {
  float lane[BNC_F32_LANES] = {0};
  for (size_t i = 0; i < k; i += BNC_F32_LANES)
    for (size_t j = 0; j < BNC_F32_LANES; ++j) lane[j] = i + j < k ? fmaf(x[i + j], w[i + j], lane[j]) : fmaf(0.0f, 0.0f, lane[j]);
  for (size_t half = BNC_F32_LANES / 2; half; half /= 2)
    for (size_t j = 0; j < half; ++j) lane[j] += lane[j + half];
  return lane[0];
}

void bnc_matmul_f32_scalar(const bnc_matmul_f32_args *args, size_t from, size_t to) {
  const size_t end = to * BNC_F32_COLUMNS < args->n ? to * BNC_F32_COLUMNS : args->n;
  for (size_t row = 0; row < args->rows; ++row)
    for (size_t n = from * BNC_F32_COLUMNS; n < end; ++n)
      args->y[row * args->y_stride + n] =
          dot(args->x + row * args->x_stride, args->w + n * args->k, args->k) + (args->bias ? args->bias[n] : 0.0f);
}
