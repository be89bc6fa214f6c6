/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/matmul/matmul_c4.h"

void bnc_matmul_c4_scalar(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  (void)scratch;
  const bnc_matmul_i8_args *a = &args->to;
  for (size_t n = from * BNC_I8_COLUMNS; n < to * BNC_I8_COLUMNS && n < a->n; ++n) {
    const uint8_t *panel = args->panels + n / BNC_C4_PANEL * bnc_c4_panel_bytes(a->k);
    for (size_t row = 0; row < a->rows; ++row) {
      const int8_t *q = a->q + row * a->q_stride; /* [k] */
      const bnc_qd8_params p = a->params[row];
      uint32_t sum = 0 - (uint32_t)p.zero_point * (uint32_t)args->totals[n];
      for (size_t k = 0; k < a->k; ++k) sum += (uint32_t)(q[k] * bnc_c4_value(panel, a->k, n % BNC_C4_PANEL, k));
      a->y[row * a->y_stride + n] = fmaf((float)(int32_t)sum * p.scale, a->scale[n], a->bias ? a->bias[n] : 0.0f);
    }
  }
}
