/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernels.h"

bnc_outer_product_fn *bnc_outer_here(void) {
  bnc_kernels kernels;
  bnc_kernels_here(&kernels);
  return kernels.outer.product;
}
