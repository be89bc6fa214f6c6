/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/half.h"
#include "ops/matmul/matmul_bf16.h"

void bnc_matmul_bf16_scalar(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  const size_t end = to * BNC_FLOAT_COLUMNS < args->n ? to * BNC_FLOAT_COLUMNS : args->n;
  const uint16_t *w = args->w;
  (void)scratch;
  for (size_t row = 0; row < args->rows; ++row)
    for (size_t n = from * BNC_FLOAT_COLUMNS; n < end; ++n) {
      const float *x = args->x + row * args->x_stride; /* [k] */
      float sum = 0.0f;
      for (size_t i = 0; i < args->k; ++i) sum = fmaf(x[i], bnc_f32_from_bf16(w[bnc_bf16_place(args->k, n, i)]), sum);
      args->y[row * args->y_stride + n] = sum + (args->bias ? args->bias[n] : 0.0f);
    }
}
