/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernels.h"

bnc_outer_product_fn *bnc_outer_here(void) {
  bnc_kernels kernels;
  bnc_cpu_level level;
  bnc_error err;
  bnc_kernels_init(&kernels, bnc_cpu_detect_level(&level, &err) == BNC_OK ? level : BNC_CPU_SCALAR);
  return kernels.outer.product;
}
