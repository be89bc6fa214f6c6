/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernels.h"

bnc_checksum_xxh3_fn *bnc_checksum_here(void) {
  bnc_kernels kernels;
  bnc_kernels_here(&kernels);
  return kernels.checksum.xxh3;
}
