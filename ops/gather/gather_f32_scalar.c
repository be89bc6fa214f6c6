/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/gather/gather.h"

void bnc_gather_f32_scalar(const bnc_gather_args *args, size_t from, size_t to) {
  for (size_t row = from; row < to; ++row) {
    memmove(args->out + row * args->out_stride, args->x + args->index[row] * args->x_stride, args->cols * sizeof *args->out);
  }
}
