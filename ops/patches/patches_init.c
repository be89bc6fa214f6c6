/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/patches/patches.h"

void bnc_patches_init(bnc_patches_ops *ops, bnc_cpu_level level) {
  ops->u8 = bnc_patches_u8_scalar;
  ops->f32 = bnc_patches_f32_scalar;
  (void)level;
  assert(ops->u8 && ops->f32);
}
