/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/matmul/matmul_f32.h"

void bnc_matmul_f32_scalar(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  const size_t end = to * BNC_FLOAT_COLUMNS < args->n ? to * BNC_FLOAT_COLUMNS : args->n;
  (void)scratch;
  for (size_t row = 0; row < args->rows; ++row)
    for (size_t n = from * BNC_FLOAT_COLUMNS; n < end; ++n) {
      const float *x = args->x + row * args->x_stride, *w = (const float *)args->w + n * args->k; /* [k] */
      float sum = 0.0f;
      for (size_t k = 0; k < args->k; ++k) sum = fmaf(x[k], w[k], sum);
      args->y[row * args->y_stride + n] = sum + (args->bias ? args->bias[n] : 0.0f);
    }
}
