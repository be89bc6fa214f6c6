/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/outer/outer.h"

void bnc_outer_product_scalar(const bnc_outer_args *args) {
  for (size_t i = 0; i < BNC_OUTER_ROWS; ++i) {
    float *sum = args->sum + i * args->sum_stride;
    for (size_t p = 0; p < args->depth; ++p) {
      const float a = args->a[i * args->a_row + p * args->a_step];
      for (size_t lane = 0; lane < BNC_OUTER_LANES; ++lane) sum[lane] += a * args->b[p * args->b_step + lane];
    }
  }
}
