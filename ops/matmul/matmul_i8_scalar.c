/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/matmul/matmul_i8.h"

void bnc_matmul_i8_scalar(const bnc_matmul_i8_args *args, size_t from, size_t to, void *scratch) {
  (void)scratch;
  for (size_t n = from * BNC_I8_COLUMNS; n < to * BNC_I8_COLUMNS && n < args->n; ++n) {
    const int8_t *w = args->w + n * args->k; /* [k] */
    for (size_t row = 0; row < args->rows; ++row) {
      const int8_t *q = args->q + row * args->q_stride; /* [k] */
      const bnc_qd8_params p = args->params[row];
      /* Modulo 2^32, as vector units compute: the sum fits, but a hostile program may hold anything where a zero point should be. */
      uint32_t sum = 0;
      for (size_t k = 0; k < args->k; ++k) sum += ((uint32_t)q[k] - (uint32_t)p.zero_point) * (uint32_t)w[k];
      args->y[row * args->y_stride + n] = fmaf((float)(int32_t)sum * p.scale, args->scale[n], args->bias ? args->bias[n] : 0.0f);
    }
  }
}
