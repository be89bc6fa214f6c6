/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul.h"

void bnc_matmul_sums_scalar(const bnc_matmul_args *args, size_t from, size_t to) {
  const size_t group = args->w.group, groups = args->w.k / group;
  for (size_t row = from; row < to; ++row) {
    const int8_t *q = args->q + row * args->q_stride; /* [k] */
    for (size_t g = 0; g < groups; ++g) {
      int32_t sum = 0;
      for (size_t k = 0; k < group; ++k) sum += *q++;
      args->sums[row * groups + g] = -8 * sum;
    }
  }
}
