/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/quantize/quantize.h"

void bnc_dequantize_qd8(size_t cols, const int8_t *q, size_t q_stride, const bnc_qd8_params *params, float *x, size_t x_stride, size_t from,
                        size_t to) {
  for (size_t row = from; row < to; ++row) {
    for (size_t i = 0; i < cols; ++i) {
      x[row * x_stride + i] = (float)(q[row * q_stride + i] - params[row].zero_point) * params[row].scale;
    }
  }
}
