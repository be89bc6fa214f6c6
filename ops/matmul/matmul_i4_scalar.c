/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/half.h"
#include "ops/matmul/matmul.h"

void bnc_matmul_i4_scalar(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  (void)scratch;
  const bnc_i4_matrix *w = &args->w;
  const size_t groups = w->k / w->group;
  for (size_t n = from * BNC_I4_PANEL; n < to * BNC_I4_PANEL && n < w->n; ++n) {
    const size_t panel = n / BNC_I4_PANEL, i = n % BNC_I4_PANEL;
    const uint8_t *nibbles = w->nibbles + panel * (w->k * BNC_I4_PANEL / 2); /* [k / 8, 8, 4] */
    for (size_t row = 0; row < args->rows; ++row) {
      const int8_t *q = args->q + row * args->q_stride; /* [k] */
      float acc = 0.0f;
      for (size_t g = 0; g < groups; ++g) {
        int32_t dot = 0;
        for (size_t k = g * w->group; k < (g + 1) * w->group; ++k) {
          const unsigned byte = nibbles[(k / 8 * BNC_I4_PANEL + i) * 4 + k % 4];
          dot += q[k] * (int32_t)(byte >> (k % 8 < 4 ? 0 : 4) & 15u);
        }
        acc = fmaf((float)(dot + args->sums[row * groups + g]), bnc_f32_from_bf16(w->scales[(panel * groups + g) * BNC_I4_PANEL + i]), acc);
      }
      const bnc_qd8_params p = args->params[row];
      args->y[row * args->y_stride + n] = fmaf(fmaf(-(float)p.zero_point, w->offset[n], acc), p.scale, args->bias ? args->bias[n] : 0.0f);
    }
  }
}
