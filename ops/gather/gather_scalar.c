/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "ops/gather/gather.h"

void bnc_gather_f32_scalar(const bnc_gather_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    memmove(args->out + row * args->out_stride, args->x + args->index[row] * args->x_stride, args->cols * sizeof *args->out);
  }
}

void bnc_gather_taps_f32_scalar(const bnc_gather_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    float *out = args->out + row * args->out_stride; /* [cols] */
    for (size_t i = 0; i < args->cols; ++i) {
      float sum = 0.0f;
      for (size_t k = args->start[row]; k < args->start[row + 1]; ++k) {
        sum = fmaf(args->weight[k], args->x[args->index[k] * args->x_stride + i], sum);
      }
      out[i] = sum;
    }
  }
}
